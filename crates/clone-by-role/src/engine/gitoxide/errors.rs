//! From what went wrong below to the crate's own errors.

use std::fmt::Display;
use std::io;

use crate::{Error, ErrorKind, Step};

/// The server broke a rule of git's protocol.
pub(super) fn protocol(step: Step, message: impl Display) -> Error {
    Error::new(ErrorKind::Protocol, step, format!("the server broke git's protocol: {message}"))
}

/// The answer ended before it was complete.
pub(super) fn ended(step: Step) -> Error {
    Error::new(ErrorKind::Network, step, "the connection ended before the server's answer was complete")
        .with_help("try again")
}

/// A read failed. The connection keeps the typed error aside; this one says the same with less.
pub(super) fn read(step: Step, error: io::Error) -> Error {
    Error::new(ErrorKind::Network, step, "the connection failed before the server's answer was complete")
        .with_source(error)
        .with_help("try again")
}

/// The server reports an error in words: in an `ERR` line, or on the third channel of a sideband.
pub(super) fn reported(step: Step, text: &[u8]) -> Error {
    let text = first_line(text);
    if text.contains("not our ref") {
        return Error::new(ErrorKind::RevisionNotFound, step, format!("the server has no such commit: {text}"))
            .with_help("name a commit that a branch or a tag of the repository leads to");
    }
    // A server that explains itself has understood the request: it says the same when it is asked again.
    Error::new(ErrorKind::Server, step, format!("the server reports: {text}")).retryable(false)
}

/// An error of a gitoxide crate: an IO error where one is behind it, what gitoxide calls corrupt or unsupported, or else
/// damaged objects.
pub(super) fn gix(step: Step, what: impl Display, error: gix::Error) -> Error {
    if let Some(io) = error.downcast_any_ref::<io::Error>()
        && (io.raw_os_error().is_some() || is_of_the_disk(io.kind()))
    {
        let io = io.raw_os_error().map(io::Error::from_raw_os_error).unwrap_or_else(|| io.kind().into());
        return Error::io(step, what, io);
    }
    let kind = if error.is_unsupported() { ErrorKind::Unsupported } else { ErrorKind::Corrupt };
    let reason = first_line(error.probable_cause().to_string().as_bytes());
    Error::new(kind, step, format!("{what}: {reason}")).with_source(error)
}

/// Whether only the system gives errors of this kind. Those that name a file have lost their number.
fn is_of_the_disk(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::*;
    matches!(
        kind,
        StorageFull
            | QuotaExceeded
            | FileTooLarge
            | ReadOnlyFilesystem
            | PermissionDenied
            | InvalidFilename
            | OutOfMemory
    )
}

/// The first line of a text that comes from outside, without control characters and of bounded length.
fn first_line(text: &[u8]) -> String {
    const LONGEST: usize = 300;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * LONGEST)]).into_owned();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("nothing");
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reported_error_is_one_short_line() {
        let error = reported(Step::Fetch, "fatal: \u{1b}[31mno\nmore".as_bytes());
        assert_eq!(error.message(), "the server reports: fatal: [31mno");
        assert_eq!(error.kind(), ErrorKind::Server);
        let long = reported(Step::Fetch, "é".repeat(5000).as_bytes());
        assert!(long.message().chars().count() < 400);
    }

    #[test]
    fn a_commit_that_the_server_does_not_give_is_told_apart() {
        let error = reported(Step::Fetch, b"upload-pack: not our ref 0123456789012345678901234567890123456789\n");
        assert_eq!(error.kind(), ErrorKind::RevisionNotFound);
    }
}
