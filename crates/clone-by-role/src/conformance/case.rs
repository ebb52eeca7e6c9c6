//! What one case is.

use super::Repository;
use crate::CloneRequest;

/// What is cloned, and how.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub(crate) repository: fn(&Repository),
    pub(crate) target: Target,
    pub(crate) depth: Option<u32>,
    pub(crate) single_branch: bool,
    pub(crate) bare: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Default,
    /// By `branch`, a branch or tag.
    Branch(&'static str),
    /// By `rev`, a tag.
    Rev(&'static str),
    /// By `rev`, the id of what the name stands for in the repository.
    Commit(&'static str),
}

impl Case {
    /// A full clone of the default branch of a repository that `repository` fills.
    pub const fn of(repository: fn(&Repository)) -> Self {
        Self { repository, target: Target::Default, depth: None, single_branch: false, bare: false }
    }

    /// By the name of a branch, or of a tag where there is no such branch.
    pub const fn branch(self, name: &'static str) -> Self {
        Self { target: Target::Branch(name), ..self }
    }

    /// By the name of a tag.
    pub const fn rev(self, name: &'static str) -> Self {
        Self { target: Target::Rev(name), ..self }
    }

    /// By the id of the commit that this name stands for in the repository.
    pub const fn commit(self, name: &'static str) -> Self {
        Self { target: Target::Commit(name), ..self }
    }

    /// With so many commits of its history.
    pub const fn depth(self, depth: u32) -> Self {
        Self { depth: Some(depth), ..self }
    }

    /// With one branch alone.
    pub const fn single_branch(self) -> Self {
        Self { single_branch: true, ..self }
    }

    /// Without a worktree.
    pub const fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// Asks for it. `commit` is the id that [`Target::Commit`] stands for.
    pub(crate) fn apply(&self, request: CloneRequest, commit: &str) -> CloneRequest {
        let request = match self.target {
            Target::Default => request,
            Target::Branch(name) => request.branch(name),
            Target::Rev(name) => request.rev(name),
            Target::Commit(_) => request.rev(commit),
        };
        let request = request.single_branch(self.single_branch).bare(self.bare);
        match self.depth {
            Some(depth) => request.depth(depth),
            None => request,
        }
    }
}
