//! From a commit to files and an index.
//!
//! libgit2's own checkout obeys attributes of the user and the system, runs whatever filters the process has registered,
//! and looks for attributes in files that it has not written yet. So libgit2 gives the objects and makes the index, and
//! the files are written as for every engine.

use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, ObjectType};

use super::{errors, local};
use crate::engine::worktree::{self, Configuration, Entry, Listing, ObjectKind, Objects, Sources, Stat, Store};
use crate::engine::{CheckedOut, Checkout, Context};
use crate::{ObjectId, Result, Step};

pub(super) fn checkout(context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
    let progress = &context.progress;
    let odb = Odb { git_dir: checkout.git_dir };
    let listing = Listing::read(&mut *odb.objects()?, checkout.commit, &context.limits, &|| progress.is_cancelled())?;
    let mut sources = Sources::new(checkout.git_dir, configuration(checkout.git_dir)?)?;
    sources.note_all(&listing);
    let stats = worktree::write(&odb, &listing, &sources, checkout.worktree, progress)?;

    let cannot = |error| errors::from_git2(Step::Checkout, "cannot write the index", error);
    let mut index = Index::open(&checkout.git_dir.join("index")).map_err(cannot)?;
    index.clear().map_err(cannot)?;
    for (entry, stat) in listing.entries().iter().zip(&stats) {
        index.add(&index_entry(&listing, entry, stat)).map_err(|error| match error.class() {
            git2::ErrorClass::Index => worktree::hostile("a path that an index cannot hold", listing.path(entry)),
            _ => cannot(error),
        })?;
    }
    index.write().map_err(cannot)?;
    Ok(CheckedOut { files: listing.files() })
}

fn index_entry(listing: &Listing, entry: &Entry, stat: &Stat) -> IndexEntry {
    let time = |(seconds, nanoseconds)| IndexTime::new(seconds as i32, nanoseconds);
    IndexEntry {
        ctime: time(stat.ctime),
        mtime: time(stat.mtime),
        dev: stat.dev,
        ino: stat.ino,
        mode: entry.kind.mode(),
        uid: stat.uid,
        gid: stat.gid,
        file_size: stat.size,
        id: local::oid(entry.id),
        flags: 0,
        flags_extended: 0,
        path: listing.path(entry).to_vec(),
    }
}

/// The objects of a repository. Each thread opens them for itself.
struct Odb<'a> {
    git_dir: &'a Path,
}

impl Store for Odb<'_> {
    fn objects(&self) -> Result<Box<dyn Objects + '_>> {
        Ok(Box::new(local::open_objects(self.git_dir, Step::Checkout)?))
    }
}

impl Objects for git2::Odb<'_> {
    fn read(&mut self, id: ObjectId, kind: ObjectKind, buffer: &mut Vec<u8>) -> Result<()> {
        let object = git2::Odb::read(self, local::oid(id))
            .map_err(|error| errors::from_git2(Step::Checkout, &format!("object {id} cannot be read"), error))?;
        let right = match kind {
            ObjectKind::Commit => ObjectType::Commit,
            ObjectKind::Tree => ObjectType::Tree,
            ObjectKind::Blob => ObjectType::Blob,
        };
        if object.kind() != right {
            return Err(worktree::wrong_kind(id, kind));
        }
        buffer.clear();
        buffer.extend_from_slice(object.data());
        Ok(())
    }
}

/// What the repository's own `config` says about line endings. It says nothing in a fresh clone.
fn configuration(git_dir: &Path) -> Result<Configuration> {
    let cannot = |error| errors::from_git2(Step::Checkout, "cannot read the repository's config", error);
    // This one file alone: libgit2 adds none of the user's to it.
    let config =
        git2::Config::open(&git_dir.join("config")).and_then(|mut config| config.snapshot()).map_err(cannot)?;
    let value = |name| config.get_bytes(name).ok();
    Ok(Configuration::new(value("core.autocrlf"), value("core.eol")))
}
