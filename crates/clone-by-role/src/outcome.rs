//! What a clone left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ObjectId;

/// A finished clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub(crate) path: PathBuf,
    pub(crate) commit: ObjectId,
    pub(crate) branch: Option<String>,
    pub(crate) backend: &'static str,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// The destination, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commit at `HEAD`. It is [null](ObjectId::is_null) where the repository is empty.
    pub fn commit(&self) -> ObjectId {
        self.commit
    }

    /// The branch that `HEAD` is on, without `refs/heads/`; `None` where it is detached (a tag, a commit).
    pub fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// The name of the engine that did it.
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// Objects in the pack that came.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Bytes of that pack.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files and symlinks in the worktree.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// From the first look at the request to the finished destination.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}
