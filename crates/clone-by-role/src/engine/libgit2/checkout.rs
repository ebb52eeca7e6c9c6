//! Writing a worktree and its index.
//!
//! libgit2's own checkout obeys attributes of the user and the system, runs whatever filters the process has registered,
//! and looks for attributes in files that it has not written yet. So the files are written here, and libgit2 gives the
//! objects and keeps the index.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexTime, ObjectType, Odb};

use super::local;
use super::tree::{self, Entry, Kind, Listing};
use super::{errors, tree::hostile};
use crate::engine::worktree::{self, Attributes, Configuration, Sources};
use crate::engine::{CheckedOut, Checkout, Context};
use crate::{Error, ErrorKind, Result, Step};

pub(super) fn checkout(context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
    let progress = &context.progress;
    let odb = local::open_objects(checkout.git_dir, Step::Checkout)?;
    let listing = Listing::read(&odb, checkout.commit, &|| progress.is_cancelled())?;
    let cannot = |error| errors::from_git2(Step::Checkout, "cannot write the index", error);
    let mut index = Index::open(&checkout.git_dir.join("index")).map_err(cannot)?;
    index.clear().map_err(cannot)?;
    let attributes = attributes(checkout.git_dir, &listing)?;
    let mut worktree = Worktree { root: checkout.worktree, odb: &odb, listing: &listing, attributes };
    for folder in listing.folders() {
        worktree.make_folder(folder)?;
    }
    let total = listing.entries().iter().filter(|entry| entry.kind != Kind::Submodule).count() as u64;
    let mut files = 0;
    for entry in listing.entries() {
        if progress.is_cancelled() {
            return Err(Error::cancelled(Step::Checkout));
        }
        let written = worktree.write(entry)?;
        index.add(&index_entry(&listing, entry, &written)).map_err(|error| match error.class() {
            git2::ErrorClass::Index => hostile("a path that an index cannot hold", listing.path(entry)),
            _ => cannot(error),
        })?;
        if entry.kind != Kind::Submodule {
            files += 1;
            progress.checking_out(files, total);
        }
    }
    index.write().map_err(cannot)?;
    Ok(CheckedOut { files })
}

/// What the tree and the git directory say of attributes.
fn attributes(git_dir: &Path, listing: &Listing) -> Result<Attributes> {
    let cannot = |error| errors::from_git2(Step::Checkout, "cannot read the repository's config", error);
    // This one file alone: libgit2 adds none of the user's to it.
    let config =
        git2::Config::open(&git_dir.join("config")).and_then(|mut config| config.snapshot()).map_err(cannot)?;
    let value = |name| config.get_bytes(name).ok();
    let mut sources = Sources::new(git_dir, Configuration::new(value("core.autocrlf"), value("core.eol")))?;
    for entry in listing.entries().iter().filter(|entry| matches!(entry.kind, Kind::File { .. })) {
        sources.note(listing.path(entry), local::object_id(entry.id));
    }
    Attributes::new(sources)
}

struct Worktree<'a> {
    root: &'a Path,
    odb: &'a Odb<'a>,
    listing: &'a Listing,
    attributes: Attributes,
}

impl Worktree<'_> {
    fn make_folder(&self, path: &[u8]) -> Result<()> {
        let full = self.full(path)?;
        match fs::create_dir(&full) {
            Ok(()) => Ok(()),
            // Two names that this file system takes for one. Never through a link.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::symlink_metadata(&full) {
                Ok(found) if found.is_dir() => Ok(()),
                _ => Err(collision(path)),
            },
            Err(error) => Err(failed(path, error)),
        }
    }

    /// Writes one entry, which must not exist, and says what the file system holds of it then.
    fn write(&mut self, entry: &Entry) -> Result<Metadata> {
        let path = self.listing.path(entry);
        let full = self.full(path)?;
        let written = match entry.kind {
            Kind::Submodule => {
                self.make_folder(path)?;
                fs::symlink_metadata(&full)
            }
            Kind::File { executable } => {
                let odb = self.odb;
                let rules = self
                    .attributes
                    .rules(path, &mut |id| Ok(tree::read(odb, local::oid(id), ObjectType::Blob)?.data().to_vec()))?;
                let blob = tree::read(odb, entry.id, ObjectType::Blob)?;
                let content = rules.to_worktree(blob.data(), local::object_id(entry.id));
                create(&full, executable).and_then(|mut file| {
                    file.write_all(&content)?;
                    file.metadata()
                })
            }
            Kind::Symlink => {
                let blob = tree::read(self.odb, entry.id, ObjectType::Blob)?;
                symlink(blob.data(), &full).and_then(|()| fs::symlink_metadata(&full))
            }
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => collision(path),
            _ => failed(path, error),
        })
    }

    fn full(&self, path: &[u8]) -> Result<PathBuf> {
        Ok(self.root.join(worktree::native(path)?))
    }
}

fn create(path: &Path, executable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)
}

#[cfg(unix)]
fn symlink(target: &[u8], path: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
}

/// Where making links needs a privilege, a file with the link's target stands for it, as with `core.symlinks=false`.
#[cfg(not(unix))]
fn symlink(target: &[u8], path: &Path) -> io::Result<()> {
    create(path, false)?.write_all(target)
}

fn index_entry(listing: &Listing, entry: &Entry, written: &Metadata) -> IndexEntry {
    let mode = match entry.kind {
        Kind::File { executable: false } => 0o100644,
        Kind::File { executable: true } => 0o100755,
        Kind::Symlink => 0o120000,
        Kind::Submodule => 0o160000,
    };
    let path = listing.path(entry).to_vec();
    let stat = Stat::of(written);
    IndexEntry {
        ctime: stat.ctime,
        mtime: stat.mtime,
        dev: stat.dev,
        ino: stat.ino,
        mode,
        uid: stat.uid,
        gid: stat.gid,
        // The index keeps the low 32 bits, as git does.
        file_size: written.len() as u32,
        id: entry.id,
        flags: 0,
        flags_extended: 0,
        path,
    }
}

/// What an index keeps of a file, each number cut to its low 32 bits.
struct Stat {
    ctime: IndexTime,
    mtime: IndexTime,
    dev: u32,
    ino: u32,
    uid: u32,
    gid: u32,
}

impl Stat {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            ctime: IndexTime::new(file.ctime() as i32, file.ctime_nsec() as u32),
            mtime: IndexTime::new(file.mtime() as i32, file.mtime_nsec() as u32),
            dev: file.dev() as u32,
            ino: file.ino() as u32,
            uid: file.uid(),
            gid: file.gid(),
        }
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        let since = |time: io::Result<std::time::SystemTime>| {
            time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default()
        };
        let (created, modified) = (since(file.created()), since(file.modified()));
        Self {
            ctime: IndexTime::new(created.as_secs() as i32, created.subsec_nanos()),
            mtime: IndexTime::new(modified.as_secs() as i32, modified.subsec_nanos()),
            dev: 0,
            ino: 0,
            uid: 0,
            gid: 0,
        }
    }
}

fn collision(path: &[u8]) -> Error {
    hostile("two names that are one for this file system", path)
}

fn failed(path: &[u8], error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidFilename {
        let message = format!("the path \"{}\" is too long for this file system", path.escape_ascii());
        return Error::new(ErrorKind::Io, Step::Checkout, message).with_source(error);
    }
    Error::io(Step::Checkout, format_args!("cannot write \"{}\"", path.escape_ascii()), error)
}
