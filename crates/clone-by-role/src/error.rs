//! What went wrong, where, and what mends it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a clone did not happen.
///
/// `Display` is one line: the step and what happened. The cause stands behind [`source`](StdError::source), the remedy
/// behind [`help`](Error::help). None of the three ever holds a login, a token or a key.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    step: Step,
    at: Option<String>,
    message: String,
    help: Option<String>,
    retryable: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The class of an [`Error`]: who must act, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself breaks a rule (a name, a depth, a pair of options). The caller mends it; nothing was sent.
    InvalidRequest,
    /// The destination exists and is not an empty folder. Choose another, or remove it.
    DestinationExists,
    /// A file or folder could not be read or written. Whoever runs the host mends disk or permissions.
    Io,
    /// No credentials: the chain of roles failed. The error's help names the hop and the account that must act.
    Credentials,
    /// The server refused the login (401 or 403): the permissions of the role, its clock or a key policy need mending.
    Denied,
    /// The server has no such repository (404): often the right name in the wrong account or region.
    RepositoryNotFound,
    /// The repository has no such branch, tag or commit.
    RevisionNotFound,
    /// The server asks to slow down (429). Trying again later helps.
    Throttled,
    /// The server failed (5xx). Trying again helps.
    Server,
    /// The server could not be reached, or the connection broke. Trying again helps.
    Network,
    /// The server's certificate was not accepted: a wrong host, or a CA that is not known here.
    Tls,
    /// A time limit ran out. Trying again helps.
    Timeout,
    /// The server wanted to send the login to another place. It was not sent.
    Redirect,
    /// The server spoke something else than git's smart HTTP protocol.
    Protocol,
    /// The objects that came are damaged or do not fit together.
    Corrupt,
    /// The repository holds paths that would write outside the worktree or into `.git`. Whoever owns it must act.
    HostileTree,
    /// The repository is larger than [`Limits`](crate::Limits) allow. Whoever runs the clone raises them, if it should be.
    LimitExceeded,
    /// The repository needs something that this engine cannot do.
    Unsupported,
    /// The caller cancelled.
    Cancelled,
}

impl ErrorKind {
    /// The kind's name in `snake_case`, as it stands in JSON. Stable across releases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::DestinationExists => "destination_exists",
            Self::Io => "io",
            Self::Credentials => "credentials",
            Self::Denied => "denied",
            Self::RepositoryNotFound => "repository_not_found",
            Self::RevisionNotFound => "revision_not_found",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::Protocol => "protocol",
            Self::Corrupt => "corrupt",
            Self::HostileTree => "hostile_tree",
            Self::LimitExceeded => "limit_exceeded",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
        }
    }

    fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Server | Self::Network | Self::Timeout)
    }
}

/// The step of a clone at which an [`Error`] arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Checking the request, before anything is sent or written.
    Plan,
    /// Making the staging folder beside the destination.
    Stage,
    /// Getting credentials and signing the login.
    Login,
    /// Reaching the server and listing its refs.
    Connect,
    /// Receiving and indexing objects.
    Fetch,
    /// Writing the worktree.
    Checkout,
    /// Moving the finished clone to the destination.
    Publish,
}

impl Step {
    /// The step's name as it stands in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Stage => "stage",
            Self::Login => "login",
            Self::Connect => "connect",
            Self::Fetch => "fetch",
            Self::Checkout => "checkout",
            Self::Publish => "publish",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// An error of `kind` at `step`, with one line that says what happened.
    ///
    /// It can be tried again where its kind says so; [`retryable`](Self::retryable) changes that.
    pub fn new(kind: ErrorKind, step: Step, message: impl Into<String>) -> Self {
        let retryable = kind.is_retryable();
        Self(Box::new(Inner { kind, step, at: None, message: message.into(), help: None, retryable, source: None }))
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Adds the remedy: who must do what.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Names the place inside the step, such as `hop 2 of 3`.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.at = Some(place.into());
        self
    }

    /// Says whether trying again can help, where that is not what the kind says.
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The step that failed.
    pub fn step(&self) -> Step {
        self.0.step
    }

    /// The place inside the step where that says more, such as `hop 2 of 3`.
    pub fn place(&self) -> Option<&str> {
        self.0.at.as_deref()
    }

    /// The message without the step.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Who must do what.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Whether the same request can succeed when it is tried again.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, Step::Plan, message)
    }

    pub(crate) fn io(step: Step, what: impl fmt::Display, source: std::io::Error) -> Self {
        let help = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Some("free space on that file system, then run it again")
            }
            std::io::ErrorKind::FileTooLarge => {
                Some("raise the limit on the size of files for this process (ulimit -f), then run it again")
            }
            std::io::ErrorKind::ReadOnlyFilesystem => {
                Some("choose a destination on a file system that is mounted for writing")
            }
            std::io::ErrorKind::PermissionDenied => Some(
                "the clone is made beside its destination and then renamed: the user who runs this must be allowed to write to the folder that holds the destination",
            ),
            _ => None,
        };
        let error = Self::new(ErrorKind::Io, step, format!("{what}: {}", io_reason(&source))).with_source(source);
        match help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }

    pub(crate) fn cancelled(step: Step) -> Self {
        Self::new(ErrorKind::Cancelled, step, "cancelled")
    }
}

/// An IO error's reason in words, without the number that std appends. Those of a full or forbidden disk are the same
/// whichever library met them.
fn io_reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull => return "no space left on device".into(),
        ErrorKind::QuotaExceeded => return "disk quota exceeded".into(),
        ErrorKind::FileTooLarge => return "file too large".into(),
        ErrorKind::ReadOnlyFilesystem => return "read-only file system".into(),
        ErrorKind::InvalidFilename => return "file name too long".into(),
        _ => {}
    }
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.at {
            Some(at) => write!(f, "{} ({at}): {}", self.0.step, self.0.message),
            None => write!(f, "{}: {}", self.0.step, self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("step", &self.0.step)
            .field("at", &self.0.at)
            .field("message", &self.0.message)
            .field("help", &self.0.help)
            .field("retryable", &self.0.retryable)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
