//! Repositories to clone from, made with stock git.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use super::Git;

/// A repository with a worktree, made by stock git. Its dates are fixed, so that its object ids are the same in every run.
#[derive(Debug)]
pub struct Repository {
    path: PathBuf,
    time: Cell<u64>,
}

impl Repository {
    /// An empty repository on the branch `main`, in a folder that does not exist yet.
    pub fn new(path: PathBuf) -> Self {
        fs::create_dir(&path).expect("the folder is new");
        let repository = Self { path, time: Cell::new(1_700_000_000) };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// The folder of the worktree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git here, a minute after the last time.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.time.set(self.time.get() + 60);
        let git = Git::at(&self.path).date(self.time.get()).setting("gc.auto", "0").setting("core.autocrlf", "false");
        git.setting("user.name", "Ada").setting("user.email", "ada@example.test").says(arguments)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("it lies in the repository")).expect("folders can be made");
        fs::write(path, content).expect("files can be written");
    }

    /// Commits all that is there, and returns the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}
