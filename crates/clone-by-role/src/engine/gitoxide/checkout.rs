//! From a commit to files and an index.
//!
//! gitoxide gives the objects and makes the index. The files are written as for every engine.

use std::sync::{Mutex, PoisonError};

use gix::bstr::ByteSlice;
use gix::index::entry::{self, Flags, Mode};
use gix::prelude::FindExt as _;

use super::{errors, open};
use crate::engine::worktree::{self, Configuration, Listing, ObjectKind, Objects, Sources, Stat, Store};
use crate::engine::{CheckedOut, Checkout, Context};
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// Writes a commit's files to the worktree, and the index that describes them.
pub(super) fn write(context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
    let repository = open(checkout.git_dir, Step::Checkout)?;
    let progress = &context.progress;
    let odb = repository.objects.clone().into_arc().map_err(|error| {
        Error::io(Step::Checkout, format!("cannot read {}", checkout.git_dir.join("objects").display()), error)
    })?;
    let odb = Shared(Mutex::new(Odb(odb)));
    let listing = Listing::read(&mut *odb.objects()?, checkout.commit, &context.limits, &|| progress.is_cancelled())?;
    let mut sources = Sources::new(repository.common_dir(), configuration(&repository))?;
    sources.note_all(&listing);
    let stats = worktree::write(&odb, &listing, &sources, checkout.worktree, progress)?;
    gix::index::File::from_state(index(&listing, &stats), checkout.git_dir.join("index"))
        .write(gix::index::write::Options::default())
        .map_err(|error| errors::gix(Step::Checkout, "the index cannot be written", error))?;
    Ok(CheckedOut { files: listing.files() })
}

fn index(listing: &Listing, stats: &[Stat]) -> gix::index::State {
    let mut index = gix::index::State::new(gix::hash::Kind::Sha1);
    for (entry, stat) in listing.entries().iter().zip(stats) {
        let time = |(secs, nsecs)| entry::stat::Time { secs, nsecs };
        let stat = entry::Stat {
            mtime: time(stat.mtime),
            ctime: time(stat.ctime),
            dev: stat.dev,
            ino: stat.ino,
            uid: stat.uid,
            gid: stat.gid,
            size: stat.size,
        };
        let mode = Mode::from_bits_truncate(entry.kind.mode());
        let id = gix::ObjectId::from(*entry.id.as_bytes());
        index.dangerously_push_entry(stat, id, Flags::empty(), mode, listing.path(entry).as_bstr());
    }
    index
}

/// What each thread makes a handle of its own from.
struct Shared(Mutex<Odb>);

impl Store for Shared {
    fn objects(&self) -> Result<Box<dyn Objects + '_>> {
        Ok(Box::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

#[derive(Clone)]
struct Odb(gix::odb::memory::Proxy<gix::odb::HandleArc>);

impl Objects for Odb {
    fn read(&mut self, id: ObjectId, kind: ObjectKind, buffer: &mut Vec<u8>) -> Result<()> {
        let gix_id = gix::ObjectId::from(*id.as_bytes());
        let found = self.0.find(&gix_id, buffer).map_err(|error| {
            Error::new(ErrorKind::Corrupt, Step::Checkout, format!("object {id} cannot be read")).with_source(error)
        })?;
        let right = match kind {
            ObjectKind::Commit => gix::objs::Kind::Commit,
            ObjectKind::Tree => gix::objs::Kind::Tree,
            ObjectKind::Blob => gix::objs::Kind::Blob,
        };
        match found.kind == right {
            true => Ok(()),
            false => Err(worktree::wrong_kind(id, kind)),
        }
    }
}

/// What the repository's own `config` says about line endings. It says nothing in a fresh clone.
fn configuration(repository: &gix::Repository) -> Configuration {
    let config = repository.config_snapshot();
    let value = |name| config.string(name);
    Configuration::new(value("core.autocrlf").as_deref().map(|v| &**v), value("core.eol").as_deref().map(|v| &**v))
}
