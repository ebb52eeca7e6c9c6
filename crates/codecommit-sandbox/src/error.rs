//! The error of this crate.

use std::{error, fmt};

/// Why a sandbox could not be set up.
///
/// What clients do wrong once it runs is no error of this type: they get the answer that AWS would give, and the
/// [request log](crate::Sandbox::requests) tells the reason.
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// The classes of [`Error`], by who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, number or policy given to the builder breaks a rule of AWS; the message names it. Mend the caller's code.
    Invalid,
    /// A folder that is to be served is no git repository. Mend the path.
    Repository,
    /// The `git` program is missing or failed. Install git, or look at what it said.
    Git,
    /// The operating system refused a port, a file or a thread.
    Io,
}

impl Error {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn io(message: impl Into<String>, source: impl error::Error + Send + Sync + 'static) -> Self {
        Self::new(ErrorKind::Io, message).caused_by(source)
    }

    pub(crate) fn caused_by(mut self, source: impl error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
