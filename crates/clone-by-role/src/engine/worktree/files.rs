//! Folders first, then files in parallel, links last: so nothing is ever written through a link.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::slice::ChunksMut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::listing::{Entry, Kind, Listing, hostile, shown};
use super::objects::{Kind as ObjectKind, Objects, Store};
use super::{Attributes, Sources, native};
use crate::progress::Progress;
use crate::{Error, Result, Step};

/// How many files a thread takes at once.
const CHUNK: usize = 32;

/// Writes what is listed into an empty worktree. Returns what the file system made of each entry, in their order.
pub(in crate::engine) fn write(
    store: &dyn Store,
    listing: &Listing,
    sources: &Sources,
    worktree: &Path,
    progress: &Progress,
) -> Result<Vec<Stat>> {
    for folder in listing.folders() {
        make_folder(worktree, folder)?;
    }
    let entries = listing.entries();
    let files = entries.iter().filter(|entry| matches!(entry.kind, Kind::File { .. })).count();
    let work = Work {
        listing,
        worktree,
        progress,
        total: listing.files(),
        written: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        failure: Mutex::new(None),
        reporting: Mutex::new(()),
    };
    let mut stats = vec![Stat::default(); entries.len()];
    let mut slots: Vec<_> = entries.iter().zip(&mut stats).collect();
    let chunks = Mutex::new(slots.chunks_mut(CHUNK));
    std::thread::scope(|scope| {
        for _ in 1..threads(files) {
            scope.spawn(|| work.write_files(store, sources, &chunks));
        }
        work.write_files(store, sources, &chunks);
    });
    if let Some(error) = work.failure() {
        return Err(error);
    }
    let mut writer = Writer::new(&work, store)?;
    for (entry, stat) in &mut slots {
        match entry.kind {
            Kind::File { .. } => {}
            Kind::Symlink => **stat = writer.write_link(entry)?,
            Kind::Submodule => **stat = make_folder(worktree, listing.path(entry))?,
        }
    }
    Ok(stats)
}

fn threads(files: usize) -> usize {
    let available = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    available.min(files / CHUNK).max(1)
}

/// Makes a folder, or finds it: on a file system that ignores case, two folders of the repository can be one. It is
/// never a link: those are written last, and where nothing is.
fn make_folder(worktree: &Path, path: &[u8]) -> Result<Stat> {
    let folder = worktree.join(native(path)?);
    let made = match std::fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::symlink_metadata(&folder),
    };
    match made {
        Ok(found) if found.is_dir() => Ok(Stat::of(&found)),
        Ok(_) => Err(collision(path)),
        Err(error) => Err(cannot_write(path, error)),
    }
}

/// What all threads share.
struct Work<'a> {
    listing: &'a Listing,
    worktree: &'a Path,
    progress: &'a Progress,
    total: u64,
    written: AtomicU64,
    stop: AtomicBool,
    failure: Mutex<Option<Error>>,
    reporting: Mutex<()>,
}

impl Work<'_> {
    fn write_files(&self, store: &dyn Store, sources: &Sources, chunks: &Mutex<ChunksMut<'_, (&Entry, &mut Stat)>>) {
        let write = || {
            let mut writer = Writer::new(self, store)?;
            let mut attributes = Attributes::new(sources)?;
            loop {
                let chunk = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(chunk) = chunk else { return Ok(()) };
                for (entry, stat) in chunk {
                    if self.stop.load(Ordering::Relaxed) || self.progress.is_cancelled() {
                        return Ok(());
                    }
                    if let Kind::File { executable } = entry.kind {
                        **stat = writer.write_file(entry, executable, &mut attributes)?;
                    }
                }
            }
        };
        if let Err(error) = write() {
            self.stop.store(true, Ordering::Relaxed);
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// The first error, or that the caller cancelled.
    fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.or_else(|| self.progress.is_cancelled().then(|| Error::cancelled(Step::Checkout)))
    }

    fn count(&self) {
        let written = self.written.fetch_add(1, Ordering::Relaxed) + 1;
        // One thread reports at a time, so that the counts only grow; the last one always does.
        if written == self.total {
            let _alone = self.reporting.lock();
            self.progress.checking_out(written, self.total);
        } else if let Ok(_alone) = self.reporting.try_lock() {
            let written = self.written.load(Ordering::Relaxed);
            if written < self.total {
                self.progress.checking_out(written, self.total);
            }
        }
    }
}

/// One thread's tools.
struct Writer<'a> {
    work: &'a Work<'a>,
    objects: Box<dyn Objects + 'a>,
    buffer: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(work: &'a Work<'a>, store: &'a dyn Store) -> Result<Self> {
        Ok(Self { work, objects: store.objects()?, buffer: Vec::new() })
    }

    fn write_file(&mut self, entry: &Entry, executable: bool, attributes: &mut Attributes<'_>) -> Result<Stat> {
        let path = self.work.listing.path(entry);
        let objects = &mut self.objects;
        let rules = attributes.rules(path, &mut |id| {
            let mut content = Vec::new();
            objects.read(id, ObjectKind::Blob, &mut content)?;
            Ok(content)
        })?;
        self.objects.read(entry.id, ObjectKind::Blob, &mut self.buffer).map_err(|error| at(path, error))?;
        let content = rules.to_worktree(&self.buffer, entry.id);
        let stat = create(&self.full(path)?, &content, executable).map_err(|error| cannot_write(path, error))?;
        self.work.count();
        Ok(stat)
    }

    fn write_link(&mut self, entry: &Entry) -> Result<Stat> {
        if self.work.progress.is_cancelled() {
            return Err(Error::cancelled(Step::Checkout));
        }
        let path = self.work.listing.path(entry);
        self.objects.read(entry.id, ObjectKind::Blob, &mut self.buffer).map_err(|error| at(path, error))?;
        let stat = link(&self.full(path)?, &self.buffer).map_err(|error| cannot_write(path, error))?;
        self.work.count();
        Ok(stat)
    }

    fn full(&self, path: &[u8]) -> Result<PathBuf> {
        Ok(self.work.worktree.join(native(path)?))
    }
}

/// Writes a file that must not exist, and nothing is followed to it.
fn create(path: &Path, content: &[u8], executable: bool) -> io::Result<Stat> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = executable;
    let mut file: File = options.open(path)?;
    file.write_all(content)?;
    Ok(Stat::of(&file.metadata()?))
}

#[cfg(unix)]
fn link(path: &Path, target: &[u8]) -> io::Result<Stat> {
    use std::os::unix::ffi::OsStrExt;
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)?;
    Ok(Stat::of(&std::fs::symlink_metadata(path)?))
}

/// Where making links needs a privilege, a file with the link's target stands for it, as with `core.symlinks=false`.
#[cfg(not(unix))]
fn link(path: &Path, target: &[u8]) -> io::Result<Stat> {
    create(path, target, false)
}

/// What an index keeps of a file (gitformat-index(5)), each number cut to its low 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Stat {
    /// Seconds and nanoseconds.
    pub(in crate::engine) ctime: (u32, u32),
    /// Seconds and nanoseconds.
    pub(in crate::engine) mtime: (u32, u32),
    pub(in crate::engine) dev: u32,
    pub(in crate::engine) ino: u32,
    pub(in crate::engine) uid: u32,
    pub(in crate::engine) gid: u32,
    pub(in crate::engine) size: u32,
}

impl Stat {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            ctime: (file.ctime() as u32, file.ctime_nsec() as u32),
            mtime: (file.mtime() as u32, file.mtime_nsec() as u32),
            dev: file.dev() as u32,
            ino: file.ino() as u32,
            uid: file.uid(),
            gid: file.gid(),
            size: file.len() as u32,
        }
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        let since = |time: io::Result<std::time::SystemTime>| {
            let since = time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
            (since.as_secs() as u32, since.subsec_nanos())
        };
        let (ctime, mtime) = (since(file.created()), since(file.modified()));
        Self { ctime, mtime, size: file.len() as u32, ..Self::default() }
    }
}

/// Says which file an object that cannot be read belongs to.
fn at(path: &[u8], error: Error) -> Error {
    let message = format!("the content of {} cannot be read: {}", shown(path), error.message());
    Error::new(error.kind(), error.step(), message).with_source(error)
}

fn collision(path: &[u8]) -> Error {
    hostile("two names that are one for this file system", path)
}

fn cannot_write(path: &[u8], error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => collision(path),
        // A link's target with a NUL in it, say, or an empty one.
        io::ErrorKind::InvalidInput => hostile("a path that cannot be written anywhere", path),
        io::ErrorKind::InvalidFilename => {
            Error::io(Step::Checkout, format!("the path {} is too long for this file system", shown(path)), error)
                .with_help("choose a destination with a shorter path, if it is not a single name that is too long")
        }
        _ => Error::io(Step::Checkout, format!("cannot write {}", shown(path)), error),
    }
}
