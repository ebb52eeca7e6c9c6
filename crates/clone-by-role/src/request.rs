//! The wish for a clone, and the check of it before anything is done.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::Engine;
use crate::http::Timeouts;
use crate::login::{Anonymous, Authenticate};
use crate::progress::{CancelToken, Observer};
use crate::selection::{Target, Wish};
use crate::{Error, Event, Limits, ObjectId, Outcome, Result, ref_name};

/// A clone that is wished for.
///
/// Nothing is checked until it [`run`](Self::run)s; then everything that can be checked without the network is, before
/// anything is sent or written.
#[derive(Clone)]
pub struct CloneRequest {
    remote: String,
    destination: PathBuf,
    branch: Option<String>,
    rev: Option<String>,
    depth: Option<u32>,
    single_branch: bool,
    bare: bool,
    authenticate: Option<Arc<dyn Authenticate>>,
    #[cfg(feature = "codecommit")]
    codecommit: crate::codecommit::Access,
    observer: Option<Observer>,
    cancel: CancelToken,
    ca_bundle: Option<PathBuf>,
    timeouts: Timeouts,
    limits: Limits,
}

impl CloneRequest {
    /// A clone of the default branch of `remote`, with its whole history, into `destination`.
    ///
    /// `remote` is an `https` URL or, with the feature `codecommit`, any name of a CodeCommit repository:
    /// `codecommit::REGION://NAME`, `codecommit://PROFILE@NAME`, an ARN, the HTTPS URL. `destination` must not exist, or
    /// be an empty folder; folders above it are made.
    pub fn new(remote: impl Into<String>, destination: impl Into<PathBuf>) -> Self {
        Self {
            remote: remote.into(),
            destination: destination.into(),
            branch: None,
            rev: None,
            depth: None,
            single_branch: false,
            bare: false,
            authenticate: None,
            #[cfg(feature = "codecommit")]
            codecommit: Default::default(),
            observer: None,
            cancel: CancelToken::new(),
            ca_bundle: None,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        }
    }

    /// Checks out this branch instead of the default one; a tag, where there is no such branch (`HEAD` is then detached).
    pub fn branch(mut self, name: impl Into<String>) -> Self {
        self.branch = Some(name.into());
        self
    }

    /// Checks out a commit by its 40 hexadecimal digits, or a tag by its name. `HEAD` is detached.
    pub fn rev(mut self, rev: impl Into<String>) -> Self {
        self.rev = Some(rev.into());
        self
    }

    /// Takes only the last `commits` commits of one branch, as `git clone --depth` does. At least 1.
    pub fn depth(mut self, commits: u32) -> Self {
        self.depth = Some(commits);
        self
    }

    /// Takes the history of one branch alone.
    pub fn single_branch(mut self, single: bool) -> Self {
        self.single_branch = single;
        self
    }

    /// Leaves a bare repository, without a worktree.
    pub fn bare(mut self, bare: bool) -> Self {
        self.bare = bare;
        self
    }

    /// Takes logins from here.
    pub fn authenticate(mut self, source: impl Authenticate + 'static) -> Self {
        self.authenticate = Some(Arc::new(source));
        self
    }

    /// Calls `observer` with what happens, from the thread that does it.
    pub fn on_event(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Stops when this token is cancelled.
    pub fn cancel_with(mut self, token: CancelToken) -> Self {
        self.cancel = token;
        self
    }

    /// Trusts the certificate authorities in this PEM file, instead of `AWS_CA_BUNDLE`'s or the system's.
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_bundle = Some(path.into());
        self
    }

    /// How long to wait for the server.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How much the repository may ask of this host.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Clones. The work is done on a thread of tokio's blocking pool.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). After an error nothing is left: neither at the destination nor beside it.
    /// Dropping the future cancels the clone; what it had made is removed soon after.
    pub async fn run(self, engine: impl Engine + 'static) -> Result<Outcome> {
        let guard = CancelOnDrop(Some(self.cancel.clone()));
        let work = tokio::task::spawn_blocking(move || crate::clone::clone(self, &engine));
        let outcome = match work.await {
            Ok(outcome) => outcome,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => Err(Error::cancelled(crate::Step::Plan)),
        };
        guard.disarm();
        outcome
    }

    /// Clones on this thread, for callers without a runtime. Must not be called from async code.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_blocking(self, engine: impl Engine + 'static) -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io(crate::Step::Plan, "no runtime can be made", error))?;
        runtime.block_on(self.run(engine))
    }

    /// Checks the request, without IO.
    pub(crate) fn plan(self) -> Result<Plan> {
        if self.destination.as_os_str().is_empty() {
            return Err(Error::invalid("the destination is empty"));
        }
        let wish = Wish {
            target: target(self.branch, self.rev)?,
            depth: self.depth.map(depth).transpose()?,
            single_branch: self.single_branch,
            bare: self.bare,
        };
        #[cfg(feature = "codecommit")]
        let (url, shown_url, authenticate) = match self.authenticate {
            None => match self.codecommit.resolve(&self.remote)? {
                Some(found) => (found.url, found.shown_url, found.authenticate),
                None => plain(&self.remote, None)?,
            },
            given => plain(&self.remote, given)?,
        };
        #[cfg(not(feature = "codecommit"))]
        let (url, shown_url, authenticate) = plain(&self.remote, self.authenticate)?;
        Ok(Plan {
            url,
            shown_url,
            authenticate,
            destination: self.destination,
            wish,
            observer: self.observer,
            cancel: self.cancel,
            ca_bundle: self.ca_bundle,
            timeouts: self.timeouts,
            limits: self.limits,
        })
    }
}

#[cfg(feature = "codecommit")]
impl CloneRequest {
    /// Signs logins with credentials from here, such as a [`RoleChain`](crate::RoleChain).
    ///
    /// They come before a profile that the remote's name holds. Without either, `AWS_PROFILE` decides, else the instance role.
    pub fn credentials(mut self, provider: impl aws_credential_types::provider::ProvideCredentials + 'static) -> Self {
        self.codecommit.provider = Some(aws_credential_types::provider::SharedCredentialsProvider::new(provider));
        self
    }

    /// The region for remotes whose name has none, such as `codecommit://app`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.codecommit.region = Some(region.into());
        self
    }

    /// A CodeCommit endpoint that the caller vouches for, such as `https://127.0.0.1:8443`. Logins go there.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.codecommit.endpoint = Some(endpoint.into());
        self
    }
}

impl fmt::Debug for CloneRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloneRequest")
            .field("remote", &without_userinfo(&self.remote))
            .field("destination", &self.destination)
            .field("branch", &self.branch)
            .field("rev", &self.rev)
            .field("depth", &self.depth)
            .field("single_branch", &self.single_branch)
            .field("bare", &self.bare)
            .finish_non_exhaustive()
    }
}

/// A request that has passed its checks.
pub(crate) struct Plan {
    /// Where requests go.
    pub(crate) url: String,
    /// What stands in the clone's configuration.
    pub(crate) shown_url: String,
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) destination: PathBuf,
    pub(crate) wish: Wish,
    pub(crate) observer: Option<Observer>,
    pub(crate) cancel: CancelToken,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
}

impl Plan {
    pub(crate) fn ca_bundle(&self) -> Option<&Path> {
        self.ca_bundle.as_deref()
    }
}

struct CancelOnDrop(Option<CancelToken>);

impl CancelOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(token) = &self.0 {
            token.cancel();
        }
    }
}

type Place = (String, String, Arc<dyn Authenticate>);

/// A remote that is an `https` URL as it stands.
fn plain(remote: &str, authenticate: Option<Arc<dyn Authenticate>>) -> Result<Place> {
    let shown = without_userinfo(remote);
    let Some(rest) = remote.strip_prefix("https://") else {
        return Err(Error::invalid(format!("{shown:?} is not an https URL: git is spoken over TLS alone")));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    if host.contains('@') {
        return Err(Error::invalid(
            "the URL holds a user name or password, which would end up in the clone's configuration",
        )
        .with_help("take it out of the URL and give it as credentials"));
    }
    if host.is_empty() || remote.chars().any(|c| c.is_control() || c.is_whitespace()) || rest.contains(['?', '#']) {
        return Err(Error::invalid(format!("{shown:?} is not the URL of a repository")));
    }
    Ok((remote.to_owned(), remote.to_owned(), authenticate.unwrap_or_else(|| Arc::new(Anonymous))))
}

/// The remote for people to read: a password in it is nobody's business.
pub(crate) fn without_userinfo(remote: &str) -> String {
    match remote.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => match rest.split_once('@') {
            Some((userinfo, host)) if !userinfo.contains('/') => format!("{scheme}://…@{host}"),
            _ => remote.to_owned(),
        },
        _ => remote.to_owned(),
    }
}

fn depth(commits: u32) -> Result<NonZeroU32> {
    // git reads 2^31 - 1 as "no limit at all".
    match NonZeroU32::new(commits) {
        Some(commits) if commits.get() < i32::MAX as u32 => Ok(commits),
        _ => Err(Error::invalid(format!("the depth {commits} is not a number from 1 to {}", i32::MAX - 1))),
    }
}

fn target(branch: Option<String>, rev: Option<String>) -> Result<Target> {
    match (branch, rev) {
        (Some(_), Some(_)) => {
            Err(Error::invalid("a branch and a rev exclude each other: HEAD can be only one of them"))
        }
        (Some(name), None) if ref_name::is_valid_branch(&name) => Ok(Target::Branch(name)),
        (Some(name), None) => {
            Err(Error::invalid(format!("{name:?} cannot be the name of a branch (git check-ref-format)")))
        }
        (None, Some(rev)) => match rev.parse::<ObjectId>() {
            Ok(commit) if !commit.is_null() => Ok(Target::Commit(commit)),
            _ if rev.starts_with("refs/") && ref_name::is_valid(&rev) => Ok(Target::Ref(rev)),
            _ if ref_name::is_valid_branch(&rev) && !rev.starts_with("refs/") => Ok(Target::Ref(rev)),
            _ => Err(Error::invalid(format!("{rev:?} is neither the 40 digits of a commit nor the name of a tag"))),
        },
        (None, None) => Ok(Target::Default),
    }
}
