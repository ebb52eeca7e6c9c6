//! What one deployment leaves to the next: its objects, so that only those that are new travel.
//!
//! An engine is a value, so this is one around another: it looks at the server's refs first, and ends there where the commit is
//! one that need not come; else it lays the objects of the last deployment beside the new ones, for the server to build on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clone_by_role::engine::{Advertisement, CheckedOut, Checkout, Context, Engine, Received, Want};
use clone_by_role::{Error, ErrorKind, Gitoxide, Result, Step};

/// Each deployment adds a pack. Beyond this many, the next one begins anew.
const PACKS_MAX: usize = 30;
/// The ref that tells the server what is here, for the time of a fetch.
const KEPT: &str = "refs/deploy/kept";

/// The objects of the last deployment, in a git directory without a worktree.
#[derive(Clone, Debug)]
pub(crate) struct Store(PathBuf);

impl Store {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Whether there is anything to build on.
    pub(crate) fn is_there(&self) -> bool {
        self.kept().is_ok()
    }

    /// Takes the place of what was there, by renames: a process that dies meanwhile leaves an old one, a new one, or none.
    pub(crate) fn replace(&self, git_dir: &Path, commit: &str) -> io::Result<()> {
        fs::write(git_dir.join("kept"), commit)?;
        let old = self.old();
        gone(fs::remove_dir_all(&old))?;
        gone(fs::rename(&self.0, &old))?;
        fs::rename(git_dir, &self.0)?;
        gone(fs::remove_dir_all(&old))
    }

    /// Forgets everything.
    pub(crate) fn remove(&self) -> io::Result<()> {
        gone(fs::remove_dir_all(&self.0))
    }

    /// Removes what a dead process left.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        gone(fs::remove_dir_all(self.old()))
    }

    fn old(&self) -> PathBuf {
        self.0.with_extension("old")
    }

    fn kept(&self) -> io::Result<String> {
        fs::read_to_string(self.0.join("kept"))
    }

    /// Links the packs into another repository, with a ref to the commit that they were fetched for.
    fn lend(&self, git_dir: &Path) -> io::Result<()> {
        let commit = self.kept()?;
        let packs: Vec<_> = fs::read_dir(self.0.join("objects/pack"))?.collect::<io::Result<_>>()?;
        if packs.iter().filter(|entry| entry.path().extension().is_some_and(|kind| kind == "pack")).count() > PACKS_MAX
        {
            return Ok(());
        }
        for entry in packs {
            fs::hard_link(entry.path(), git_dir.join("objects/pack").join(entry.file_name()))?;
        }
        gone(fs::copy(self.0.join("shallow"), git_dir.join("shallow")).map(drop))?;
        let kept = git_dir.join(KEPT);
        fs::create_dir_all(kept.parent().unwrap_or(git_dir))?;
        fs::write(kept, format!("{commit}\n"))
    }
}

/// The engine: [`Gitoxide`], with a store, and commits that need not come.
#[derive(Debug)]
pub(crate) struct Deployments {
    pub(crate) store: Option<Store>,
    pub(crate) known: Vec<String>,
    /// The one of these that the server has.
    pub(crate) met: Arc<Mutex<Option<String>>>,
    pub(crate) engine: Gitoxide,
}

impl Engine for Deployments {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn fetch(
        &self,
        context: &Context,
        git_dir: &Path,
        choose: &mut dyn FnMut(&Advertisement) -> Result<Want>,
    ) -> Result<Received> {
        if let Some(store) = &self.store {
            store.lend(git_dir).map_err(|error| {
                let what = format!("the objects of the last deployment cannot be shared: {error}");
                Error::new(ErrorKind::Io, Step::Fetch, what).with_source(error)
            })?;
        }
        let received = self.engine.fetch(context, git_dir, &mut |server| {
            let want = choose(server)?;
            let commits =
                want.refs.iter().map(|found| found.peeled.unwrap_or(found.id)).chain(want.commits.iter().copied());
            let commits: Vec<_> = commits.map(|id| id.to_string()).collect();
            if let [commit] = &commits[..]
                && self.known.contains(commit)
            {
                *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Some(commit.clone());
                return Err(Error::new(ErrorKind::Cancelled, Step::Connect, "there is nothing new"));
            }
            Ok(want)
        })?;
        // The clone has refs of its own from here on.
        let _ = fs::remove_dir_all(git_dir.join(KEPT).with_file_name(""));
        Ok(received)
    }

    fn checkout(&self, context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
        self.engine.checkout(context, checkout)
    }
}

/// What is not there need not be removed, renamed or copied.
fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
