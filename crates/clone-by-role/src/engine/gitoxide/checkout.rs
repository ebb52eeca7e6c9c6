//! From a commit to files and an index.
//!
//! gitoxide supplies trees, attributes, objects and the index. The files are written here, with the conversions that
//! both engines share: gitoxide's own differ from git's where `ident` and `working-tree-encoding` are concerned.

mod attributes;
mod files;

use gix::index::entry::Mode;

use super::{errors, open, tree};
use crate::engine::{CheckedOut, Checkout, Context};
use crate::{Error, ErrorKind, Result, Step};

/// Writes a commit's files to the worktree, and the index that describes them.
pub(super) fn write(context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
    let repository = open(checkout.git_dir, Step::Checkout)?;
    let tree = repository
        .find_object(gix::ObjectId::from(*checkout.commit.as_bytes()))
        .and_then(gix::Object::peel_to_tree)
        .map_err(|error| failed(format!("the tree of {} cannot be read", checkout.commit), error))?
        .id;
    let mut index = tree::to_index(&repository, tree, tree::Limits::default())?;
    files::write(&repository, &mut index, checkout.worktree, &context.progress)?;
    let files = index.entries().iter().filter(|entry| entry.mode != Mode::COMMIT).count() as u64;
    gix::index::File::from_state(index, checkout.git_dir.join("index"))
        .write(gix::index::write::Options::default())
        .map_err(|error| failed("the index cannot be written", error))?;
    Ok(CheckedOut { files })
}

fn failed(what: impl std::fmt::Display, error: gix::Error) -> Error {
    errors::gix(Step::Checkout, what, error)
}

/// An object that a tree names is missing or is something else.
fn damaged(path: &gix::bstr::BStr, error: gix::Error) -> Error {
    let message = format!("the content of {} cannot be read", tree::shown(path));
    Error::new(ErrorKind::Corrupt, Step::Checkout, message).with_source(error)
}

#[cfg(test)]
mod tests;
