//! libgit2's errors in this crate's words.

use std::io;

use git2::ErrorClass;

use crate::{Error, ErrorKind, Step};

/// What libgit2 says went wrong with `what`.
pub(super) fn from_git2(step: Step, what: &str, error: git2::Error) -> Error {
    match error.class() {
        _ if error.code() == git2::ErrorCode::User => Error::cancelled(step),
        ErrorClass::Os | ErrorClass::Filesystem => Error::io(step, what, io_error(error)),
        ErrorClass::NoMemory => Error::new(ErrorKind::Io, step, format!("{what}: out of memory")).with_source(error),
        _ => Error::new(ErrorKind::Corrupt, step, format!("{what}: {}", error.message())).with_source(error),
    }
}

/// An error that libgit2 raised inside of a `Write`.
pub(super) fn from_write(step: Step, what: &str, error: io::Error) -> Error {
    match error.downcast::<git2::Error>() {
        Ok(error) => from_git2(step, what, error),
        Err(error) => Error::io(step, what, error),
    }
}

/// libgit2 appends the system's words to its own, and keeps no number.
fn io_error(error: git2::Error) -> io::Error {
    const WORDS: &[(&str, io::ErrorKind)] = &[
        ("No space left on device", io::ErrorKind::StorageFull),
        ("Disk quota exceeded", io::ErrorKind::QuotaExceeded),
        ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
        ("Permission denied", io::ErrorKind::PermissionDenied),
        ("File name too long", io::ErrorKind::InvalidFilename),
        ("File too large", io::ErrorKind::FileTooLarge),
    ];
    let found = WORDS.iter().find(|(words, _)| error.message().ends_with(words));
    io::Error::new(found.map_or(io::ErrorKind::Other, |(_, kind)| *kind), error)
}
