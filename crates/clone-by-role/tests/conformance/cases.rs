//! The cases.

use clone_by_role::CloneRequest;
use codecommit_sandbox::Protocol;

use crate::repositories;
use crate::support::Repository;

/// What is cloned, and how.
pub(crate) struct Case {
    pub(crate) repository: fn(&Repository),
    pub(crate) target: Target,
    pub(crate) depth: Option<u32>,
    pub(crate) single_branch: bool,
    pub(crate) bare: bool,
}

/// What is asked for.
pub(crate) enum Target {
    Default,
    /// By `branch`, a branch or tag.
    Branch(&'static str),
    /// By `rev`, a tag.
    Rev(&'static str),
    /// By `rev`, the id of what the name stands for in the repository.
    Commit(&'static str),
}

const fn of(repository: fn(&Repository)) -> Case {
    Case { repository, target: Target::Default, depth: None, single_branch: false, bare: false }
}

impl Case {
    const fn branch(self, name: &'static str) -> Self {
        Self { target: Target::Branch(name), ..self }
    }

    const fn rev(self, name: &'static str) -> Self {
        Self { target: Target::Rev(name), ..self }
    }

    const fn commit(self, name: &'static str) -> Self {
        Self { target: Target::Commit(name), ..self }
    }

    const fn depth(self, depth: u32) -> Self {
        Self { depth: Some(depth), ..self }
    }

    const fn single_branch(self) -> Self {
        Self { single_branch: true, ..self }
    }

    const fn bare(self) -> Self {
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

/// Makes each case a test of each engine over each protocol.
macro_rules! conformance {
    ($($name:ident: $case:expr;)+) => {
        #[cfg(feature = "gitoxide")]
        mod gitoxide {
            use super::*;
            mod codecommit {
                use super::*;
                $(#[test] fn $name() { crate::conform(&crate::GITOXIDE, Protocol::CodeCommit, &$case) })+
            }
            mod modern {
                use super::*;
                $(#[test] fn $name() { crate::conform(&crate::GITOXIDE, Protocol::Modern, &$case) })+
            }
        }

        #[cfg(feature = "libgit2")]
        mod libgit2 {
            use super::*;
            mod codecommit {
                use super::*;
                $(#[test] fn $name() { crate::conform(&crate::LIBGIT2, Protocol::CodeCommit, &$case) })+
            }
            mod modern {
                use super::*;
                $(#[test] fn $name() { crate::conform(&crate::LIBGIT2, Protocol::Modern, &$case) })+
            }
        }
    };
}

conformance! {
    // How much.
    full: of(repositories::history);
    shallow: of(repositories::history).depth(1);
    shallow_by_two: of(repositories::history).depth(2);
    shallow_across_a_merge: of(repositories::history).depth(3);
    deeper_than_the_history: of(repositories::history).depth(1_000);
    single_branch: of(repositories::history).single_branch();
    deltas: of(repositories::deltas);

    // A branch.
    branch: of(repositories::history).branch("feature/x");
    branch_single: of(repositories::history).branch("feature/x").single_branch();
    branch_shallow: of(repositories::history).branch("feature/x").depth(1);
    branch_of_the_default: of(repositories::history).branch("main");

    // A tag, asked for in both ways.
    tag_lightweight: of(repositories::history).rev("light");
    tag_annotated: of(repositories::history).rev("v1.0");
    tag_nested: of(repositories::history).rev("nested");
    tag_as_branch: of(repositories::history).branch("v1.0");
    tag_that_is_a_branch_too: of(repositories::history).branch("both");
    tag_single: of(repositories::history).rev("v1.0").single_branch();
    tag_lightweight_shallow: of(repositories::history).rev("light").depth(1);
    tag_annotated_shallow: of(repositories::history).rev("v1.0").depth(1);
    tag_nested_shallow: of(repositories::history).rev("nested").depth(2);
    tags_of_no_commit: of(repositories::tags_of_no_commit);

    // A commit.
    commit: of(repositories::history).commit("main~2");
    commit_at_a_tip: of(repositories::history).commit("main");
    commit_of_a_side_branch: of(repositories::history).commit("feature/x~1");
    commit_single: of(repositories::history).commit("main~2").single_branch();
    commit_shallow: of(repositories::history).commit("main~2").depth(1);
    commit_shallow_by_two: of(repositories::history).commit("feature/x").depth(2);

    // Bare.
    bare: of(repositories::history).bare();
    bare_shallow: of(repositories::history).bare().depth(1);
    bare_single_branch: of(repositories::history).bare().single_branch();
    bare_branch: of(repositories::history).bare().branch("feature/x");
    bare_tag: of(repositories::history).bare().rev("v1.0");
    bare_commit: of(repositories::history).bare().commit("main~1");
    bare_commit_shallow: of(repositories::history).bare().commit("main~1").depth(1);

    // An empty one.
    empty: of(repositories::empty);
    empty_bare: of(repositories::empty).bare();
    empty_shallow: of(repositories::empty).depth(1);
    empty_tree: of(repositories::empty_tree);

    // Where HEAD is.
    default_branch: of(repositories::default_branch);
    default_branch_shallow: of(repositories::default_branch).depth(1);
    default_branch_bare: of(repositories::default_branch).bare();
    branches_at_one_commit: of(repositories::branches_at_one_commit);
    branches_at_one_commit_shallow: of(repositories::branches_at_one_commit).depth(1);
    branch_that_needs_quoting: of(repositories::branch_that_needs_quoting);
    detached_head: of(repositories::detached_head);
    detached_head_shallow: of(repositories::detached_head).depth(1);
    detached_head_bare: of(repositories::detached_head).bare();
    detached_head_at_a_branch: of(repositories::detached_head_at_a_branch);
    unborn_head: of(repositories::unborn_head);

    // What is in it.
    modes_and_links: of(repositories::modes_and_links);
    names: of(repositories::names);
    line_endings: of(repositories::line_endings);
    conversions: of(repositories::conversions);
    gitlink: of(repositories::gitlink);
    many_refs: of(repositories::many_refs);
    many_refs_shallow: of(repositories::many_refs).depth(1);
    many_refs_bare: of(repositories::many_refs).bare();
}
