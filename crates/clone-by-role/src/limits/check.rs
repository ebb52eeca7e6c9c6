//! What happens beyond a limit.

use super::Limits;
use crate::{Error, ErrorKind, Result, Step};

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Entries,
    Path,
    Depth,
}

impl Limit {
    /// Fails where `value`, which the tree has at `path`, is beyond the limit.
    pub(crate) fn check(self, limits: &Limits, value: u64, path: &[u8]) -> Result<()> {
        let (limit, what, name) = match self {
            Self::Entries => (limits.entries, "files and folders", "entries"),
            Self::Path => (limits.path_bytes, "bytes in a path", "path_bytes"),
            Self::Depth => (limits.depth, "folders in each other", "depth"),
        };
        if value <= limit {
            return Ok(());
        }
        let path = crate::engine::shown(path);
        Err(exceeded(Step::Checkout, format!("the tree has more than {limit} {what}, among them {path}"), name))
    }
}

/// The error for what is beyond the limit of this name.
pub(crate) fn exceeded(step: Step, what: String, name: &str) -> Error {
    Error::new(ErrorKind::LimitExceeded, step, what)
        .with_help(format!("if the repository is meant to be like that, raise Limits::{name}; nothing of it was kept"))
}
