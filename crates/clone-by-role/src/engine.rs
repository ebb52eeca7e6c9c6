//! What does the git work: the contract between a clone and its engines.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;

use crate::http::GitHttp;
use crate::progress::Progress;
use crate::{Limits, ObjectId, Result};

#[cfg(feature = "gitoxide")]
mod gitoxide;
#[cfg(feature = "libgit2")]
mod libgit2;
#[cfg(any(feature = "gitoxide", feature = "libgit2"))]
mod pack_check;
#[cfg(any(feature = "gitoxide", feature = "libgit2"))]
mod worktree;

#[cfg(any(feature = "gitoxide", feature = "libgit2"))]
pub(crate) use worktree::shown;

#[cfg(feature = "gitoxide")]
pub use gitoxide::Gitoxide;
#[cfg(feature = "libgit2")]
pub use libgit2::Libgit2;

/// A git implementation that can receive objects and write a worktree.
///
/// Everything else stands once, above the engines: which refs are wanted, what is written to `refs`, `HEAD` and
/// `config`, staging and the final rename, the HTTP connection with its login, time limits and error messages.
///
/// # Contract
///
/// - An engine speaks to the server through [`Context::http`] alone, and touches nothing outside the folders it is given.
/// - It reads no configuration but the `config` file of the git directory it is given: neither the user's nor the
///   system's. It runs no hook, filter, credential helper or other program.
/// - It reports through [`Context::progress`] and stops soon after [`Progress::is_cancelled`] turns true, with
///   [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
/// - It may leave anything in the folders when it fails: the caller throws them away.
/// - Calls come from a thread that may block, from several threads at once for several clones.
pub trait Engine: fmt::Debug + Send + Sync {
    /// The engine's name on the command line and in JSON, in lower case.
    fn name(&self) -> &'static str;

    /// Connects, shows the server's refs to `choose`, and receives what it wants into `git_dir`.
    ///
    /// `git_dir` is a repository with a `config`, a `HEAD`, and, for a fetch into an existing clone, objects and refs.
    /// Afterwards it holds a pack with an index for what was wanted, as complete as a server makes it, and a `shallow`
    /// file where the history was cut. It holds no new ref and no `FETCH_HEAD`: refs are the caller's.
    ///
    /// `choose` is called exactly once where the server could be reached. If it wants nothing, no request for a pack is
    /// made. An error of `choose` ends the call and is returned as it is.
    fn fetch(
        &self,
        context: &Context,
        git_dir: &Path,
        choose: &mut dyn FnMut(&Advertisement) -> Result<Want>,
    ) -> Result<Received>;

    /// Writes the tree of a commit to the worktree, and the index to the git directory.
    ///
    /// Attributes of the repository that change a file's bytes by built-in rules (line endings) are obeyed as stock git
    /// does without any configuration. No other file than those of the tree is written. A tree that stock git refuses
    /// to check out (`.git` in any disguise, `..`, a path through a link) is refused with
    /// [`ErrorKind::HostileTree`](crate::ErrorKind::HostileTree), and one beyond [`Context::limits`] with
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded), before anything is written.
    fn checkout(&self, context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut>;
}

macro_rules! forward_engine {
    ($($pointer:ty),*) => {$(
        impl Engine for $pointer {
            fn name(&self) -> &'static str {
                (**self).name()
            }

            fn fetch(
                &self,
                context: &Context,
                git_dir: &Path,
                choose: &mut dyn FnMut(&Advertisement) -> Result<Want>,
            ) -> Result<Received> {
                (**self).fetch(context, git_dir, choose)
            }

            fn checkout(&self, context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
                (**self).checkout(context, checkout)
            }
        }
    )*};
}

forward_engine!(Box<dyn Engine>, std::sync::Arc<dyn Engine>);

/// What an engine works with, for the time of one clone.
#[derive(Debug)]
#[non_exhaustive]
pub struct Context {
    /// The connection to the server: the only one that an engine may use.
    pub http: GitHttp,
    /// Where progress goes, and where the wish to stop comes from.
    pub progress: Progress,
    /// How much the repository may ask of this host.
    pub limits: Limits,
}

impl Context {
    pub(crate) fn new(http: GitHttp, progress: Progress, limits: Limits) -> Self {
        Self { http, progress, limits }
    }
}

/// The refs of the server, as it lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// All refs but `HEAD`, in the server's order, without the `^{}` entries of protocol v0.
    pub refs: Vec<RemoteRef>,
    /// The commit that `HEAD` leads to, if it leads to one.
    pub head: Option<ObjectId>,
    /// The full name of the branch that `HEAD` names, where the server says so. It may be unborn.
    pub head_target: Option<String>,
}

/// A ref of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRef {
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// The object it names: a commit or an annotated tag.
    pub id: ObjectId,
    /// For an annotated tag, the object that it leads to in the end.
    pub peeled: Option<ObjectId>,
}

impl Advertisement {
    /// The ref of this full name.
    pub fn find(&self, name: &str) -> Option<&RemoteRef> {
        self.refs.iter().find(|remote_ref| remote_ref.name == name)
    }
}

/// What to receive.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Refs of the advertisement.
    pub refs: Vec<RemoteRef>,
    /// Commits by id, whether or not a ref names them.
    pub commits: Vec<ObjectId>,
    /// At most this many commits of each history, counted from its tip.
    pub depth: Option<NonZeroU32>,
    /// Whether the server should add annotated tags that name what it sends, if it can (`include-tag`).
    pub include_tag: bool,
}

impl Want {
    /// Whether there is nothing to receive.
    pub fn is_empty(&self) -> bool {
        self.refs.is_empty() && self.commits.is_empty()
    }
}

/// What came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Objects in the pack that the server sent.
    pub objects: u64,
    /// How many of them were deltas.
    pub deltas: u64,
    /// The bytes of the pack as they came over the wire.
    pub bytes: u64,
}

/// What to write, and where.
#[derive(Clone, Copy, Debug)]
pub struct Checkout<'a> {
    /// The repository that holds the commit. The index is written here.
    pub git_dir: &'a Path,
    /// An empty folder that exists.
    pub worktree: &'a Path,
    /// The commit whose tree is written.
    pub commit: ObjectId,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckedOut {
    /// Files and symlinks in the worktree.
    pub files: u64,
}
