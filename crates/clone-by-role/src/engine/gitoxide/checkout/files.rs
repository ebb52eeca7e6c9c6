//! Folders first, then files in parallel, links last: so nothing is ever written through a link.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::slice::ChunksMut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use gix::bstr::{BStr, ByteSlice};
use gix::index::entry::{Mode, Stat};
use gix::index::{Entry, PathStorageRef, fs::Metadata};
use gix::prelude::FindExt as _;

use super::{attributes, damaged};
use crate::engine::gitoxide::negotiate::object_id;
use crate::engine::gitoxide::tree;
use crate::engine::worktree::{self, Attributes};
use crate::progress::Progress;
use crate::{Error, Result, Step};

/// How many files a thread takes at once.
const CHUNK: usize = 32;

/// Writes what the index lists into an empty worktree, and notes in the index what the file system made of it.
pub(super) fn write(
    repository: &gix::Repository,
    index: &mut gix::index::State,
    worktree: &Path,
    progress: &Progress,
) -> Result<()> {
    make_folders(index, worktree)?;
    let attributes = attributes::of(repository, index)?;
    let total = index.entries().iter().filter(|entry| entry.mode != Mode::COMMIT).count() as u64;
    let files = index.entries().iter().filter(|entry| is_file(entry)).count();
    let (entries, paths) = index.entries_mut_and_pathbacking();
    let work = Work {
        paths,
        worktree,
        progress,
        total,
        written: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        failure: Mutex::new(None),
        reporting: Mutex::new(()),
        links: repository.config_snapshot().boolean("core.symlinks").unwrap_or(true),
    };
    let objects = repository.objects.clone().into_arc().map_err(|error| {
        Error::io(Step::Checkout, format!("cannot read {}", repository.git_dir().join("objects").display()), error)
    })?;
    let mut writer = Writer { work: &work, objects, attributes, buffer: Vec::new() };
    let chunks = Mutex::new(entries.chunks_mut(CHUNK));
    std::thread::scope(|scope| {
        for _ in 1..threads(files) {
            let mut writer = writer.clone();
            let chunks = &chunks;
            scope.spawn(move || writer.write_files(chunks));
        }
        writer.write_files(&chunks);
    });
    if let Some(error) = work.failure() {
        return Err(error);
    }
    for entry in entries.iter_mut().filter(|entry| entry.mode == Mode::SYMLINK) {
        writer.write_link(entry)?;
    }
    Ok(())
}

fn threads(files: usize) -> usize {
    let available = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    available.min(files / CHUNK).max(1)
}

pub(super) fn is_file(entry: &Entry) -> bool {
    entry.mode == Mode::FILE || entry.mode == Mode::FILE_EXECUTABLE
}

/// Makes all folders: those above files, and the empty ones that stand for submodules.
///
/// The index is sorted, so that each folder's content stands together.
fn make_folders(index: &gix::index::State, worktree: &Path) -> Result<()> {
    let mut made: &[u8] = b"";
    for entry in index.entries() {
        let path = entry.path(index);
        let folder = match path.rfind_byte(b'/') {
            _ if entry.mode == Mode::COMMIT => path.as_bytes(),
            Some(at) => &path[..at],
            None => b"",
        };
        if folder == made || folder.is_empty() {
            continue;
        }
        let mut known = common_folder(made, folder);
        while known < folder.len() {
            let start = if known == 0 { 0 } else { known + 1 };
            let end = folder[start..].find_byte(b'/').map_or(folder.len(), |at| start + at);
            make_folder(worktree, folder[..end].as_bstr())?;
            known = end;
        }
        made = folder;
    }
    Ok(())
}

/// The length of the deepest folder that two paths share.
fn common_folder(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let ends = |path: &[u8]| path.len() == same || path[same] == b'/';
    if ends(one) && ends(other) { same } else { other[..same].rfind_byte(b'/').unwrap_or(0) }
}

fn make_folder(worktree: &Path, path: &BStr) -> Result<()> {
    let folder = native(worktree, path)?;
    match std::fs::create_dir(&folder) {
        // On a file system that ignores case, two folders of the repository can be one. No link is there yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        result => result.map_err(|error| cannot_write(path, error)),
    }
}

/// What all threads share.
struct Work<'a> {
    paths: &'a PathStorageRef,
    worktree: &'a Path,
    progress: &'a Progress,
    total: u64,
    written: AtomicU64,
    stop: AtomicBool,
    failure: Mutex<Option<Error>>,
    reporting: Mutex<()>,
    links: bool,
}

impl Work<'_> {
    /// The first error, or that the caller cancelled.
    fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.or_else(|| self.progress.is_cancelled().then(|| Error::cancelled(Step::Checkout)))
    }

    fn fail(&self, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.progress.is_cancelled()
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
#[derive(Clone)]
struct Writer<'a> {
    work: &'a Work<'a>,
    objects: gix::odb::memory::Proxy<gix::odb::HandleArc>,
    attributes: Attributes,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    fn write_files(&mut self, chunks: &Mutex<ChunksMut<'_, Entry>>) {
        loop {
            let chunk = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(chunk) = chunk else { return };
            for entry in chunk.iter_mut().filter(|entry| is_file(entry)) {
                if self.work.stopped() {
                    return;
                }
                if let Err(error) = self.write_file(entry) {
                    return self.work.fail(error);
                }
            }
        }
    }

    fn write_file(&mut self, entry: &mut Entry) -> Result<()> {
        let path = entry.path_in(self.work.paths);
        let objects = &self.objects;
        let rules = self.attributes.rules(path, &mut |id| {
            let mut content = Vec::new();
            let id = gix::ObjectId::from(*id.as_bytes());
            objects.find_blob(&id, &mut content).map_err(|error| damaged(".gitattributes".into(), error))?;
            Ok(content)
        })?;
        let blob = self.objects.find_blob(&entry.id, &mut self.buffer).map_err(|error| damaged(path, error))?;
        let content = rules.to_worktree(blob.data, object_id(&entry.id));
        let executable = entry.mode == Mode::FILE_EXECUTABLE;
        entry.stat = create(&native(self.work.worktree, path)?, &content, executable)
            .map_err(|error| cannot_write(path, error))?;
        self.work.count();
        Ok(())
    }

    fn write_link(&mut self, entry: &mut Entry) -> Result<()> {
        if self.work.progress.is_cancelled() {
            return Err(Error::cancelled(Step::Checkout));
        }
        let path = entry.path_in(self.work.paths);
        let blob = self.objects.find_blob(&entry.id, &mut self.buffer).map_err(|error| damaged(path, error))?;
        let file = native(self.work.worktree, path)?;
        let stat = if self.work.links { link(&file, blob.data) } else { create(&file, blob.data, false) };
        entry.stat = stat.map_err(|error| cannot_write(path, error))?;
        self.work.count();
        Ok(())
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
    let mut file = options.open(path)?;
    file.write_all(content)?;
    stat(Metadata::from_file(&file)?)
}

fn link(path: &Path, target: &[u8]) -> io::Result<Stat> {
    let target = gix::path::from_bstr(target.as_bstr()).map_err(|_| io::ErrorKind::InvalidFilename)?;
    gix::fs::symlink::create(&target, path)?;
    stat(Metadata::from_path_no_follow(path)?)
}

fn stat(metadata: Metadata) -> io::Result<Stat> {
    Stat::from_fs(&metadata).map_err(io::Error::other)
}

fn native(worktree: &Path, path: &BStr) -> Result<PathBuf> {
    Ok(worktree.join(worktree::native(path)?))
}

fn cannot_write(path: &BStr, error: io::Error) -> Error {
    let shown = tree::shown(path);
    match error.kind() {
        io::ErrorKind::AlreadyExists => tree::hostile(format!("{shown} is the same file as another path here")),
        // A link's target with a NUL in it, say.
        io::ErrorKind::InvalidInput => tree::hostile(format!("{shown} cannot be written anywhere")),
        _ => Error::io(Step::Checkout, format!("cannot write {shown}"), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_shared_whole() {
        for (one, other, length) in [
            ("", "a", 0),
            ("a", "a/b", 1),
            ("a/b", "a", 1),
            ("a/b", "a/bc", 1),
            ("ab", "a", 0),
            ("a/b/c", "a/b/d", 3),
            ("x", "y", 0),
        ] {
            assert_eq!(common_folder(one.as_bytes(), other.as_bytes()), length, "{one} {other}");
        }
    }
}
