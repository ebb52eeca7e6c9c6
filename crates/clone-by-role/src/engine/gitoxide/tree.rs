//! A tree as a list of files, after a check that it stays where it belongs.

use std::collections::HashSet;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Flags, Mode, Stat};
use gix::objs::tree::EntryKind;
use gix::validate::path::component;

use super::errors;
use crate::{Error, ErrorKind, Result, Step};

/// How far a tree may go. What is beyond is taken for an attack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Folders in folders. Default: stock git's own limit (`core.maxTreeDepth`).
    pub(super) depth: usize,
    /// The longest path, in bytes. Default: what Linux takes in one call.
    pub(super) path: usize,
    /// Files and folders. A few kilobytes of trees that hold each other many times can name more of them than any disk
    /// holds.
    pub(super) entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 2048, path: 4096, entries: 1_000_000 }
    }
}

/// What a name must not be. Every system's disguises of `.git` count on every system: a clone can move.
const NAMES: component::Options =
    component::Options { protect_windows: cfg!(windows), protect_hfs: true, protect_ntfs: true };

/// Lists what a tree holds as the entries of a new index.
pub(super) fn to_index(repository: &gix::Repository, tree: gix::ObjectId, limits: Limits) -> Result<gix::index::State> {
    let mut index = gix::index::State::new(gix::hash::Kind::Sha1);
    let mut pending = vec![Pending { path: BString::default(), depth: 0, kind: EntryKind::Tree, id: tree }];
    let mut seen = 0;
    let mut buffer = Vec::new();
    while let Some(next) = pending.pop() {
        let mode = match next.kind {
            EntryKind::Tree => {
                let listed = list(repository, &next, limits, &mut buffer)?;
                seen += listed.len();
                if seen > limits.entries {
                    return Err(hostile(format!("the tree holds more than {} files and folders", limits.entries)));
                }
                // The last one pushed is the next one popped: entries come out in the tree's order.
                pending.extend(listed.into_iter().rev());
                continue;
            }
            EntryKind::Blob => Mode::FILE,
            EntryKind::BlobExecutable => Mode::FILE_EXECUTABLE,
            EntryKind::Link => Mode::SYMLINK,
            EntryKind::Commit => Mode::COMMIT,
        };
        index.dangerously_push_entry(Stat::default(), next.id, Flags::empty(), mode, next.path.as_bstr());
    }
    if !index.entries().is_sorted_by(|a, b| a.path(&index) < b.path(&index)) {
        index.sort_entries();
    }
    Ok(index)
}

/// Something in a tree that is not dealt with yet.
struct Pending {
    path: BString,
    depth: usize,
    kind: EntryKind,
    id: gix::ObjectId,
}

fn list(repository: &gix::Repository, tree: &Pending, limits: Limits, buffer: &mut Vec<u8>) -> Result<Vec<Pending>> {
    use gix::prelude::FindExt as _;
    let damaged = |error| errors::gix(Step::Checkout, format!("the tree {} cannot be read", tree.id), error);
    if tree.depth > limits.depth {
        return Err(hostile(format!("folders are nested more than {} deep", limits.depth)));
    }
    let entries = repository.objects.find_tree_iter(&tree.id, buffer).map_err(damaged)?;
    let mut names = HashSet::new();
    let mut listed = Vec::new();
    for entry in entries {
        let entry = entry.map_err(damaged)?;
        let kind = entry.mode.kind();
        let path = join(&tree.path, entry.filename);
        check_name(entry.filename, kind).map_err(|reason| hostile(format!("{}: {reason}", shown(path.as_bstr()))))?;
        if path.len() > limits.path {
            return Err(hostile(format!("a path is longer than {} bytes: {}", limits.path, shown(path.as_bstr()))));
        }
        if !names.insert(entry.filename) {
            return Err(hostile(format!("{} is there twice", shown(path.as_bstr()))));
        }
        listed.push(Pending { path, depth: tree.depth + 1, kind, id: entry.oid.to_owned() });
    }
    Ok(listed)
}

/// Why a name must not be written, if it must not.
fn check_name(name: &BStr, kind: EntryKind) -> Result<(), String> {
    let link = (kind == EntryKind::Link).then_some(component::Mode::Symlink);
    gix::validate::path::component(name, link, NAMES).map_err(|error| error.to_string())?;
    if name.contains(&0) {
        return Err("a name holds a NUL".into());
    }
    // On some systems a backslash separates folders, and what stands between two of them is a name as well.
    for part in name.split(|&byte| byte == b'\\').filter(|_| name.contains(&b'\\')) {
        if !part.is_empty() {
            gix::validate::path::component(part.as_bstr(), link, NAMES).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn join(folder: &BString, name: &BStr) -> BString {
    let mut path = BString::from(Vec::with_capacity(folder.len() + name.len() + 1));
    if !folder.is_empty() {
        path.extend_from_slice(folder);
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

pub(super) fn hostile(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::HostileTree, Step::Checkout, message)
        .with_help("the owner of the repository must remove that path from it; it was not written")
}

/// A path as it can be shown: of bounded length, and without control characters.
pub(super) fn shown(path: &BStr) -> String {
    const LONGEST: usize = 120;
    let text = path.to_str_lossy();
    let shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() { format!("{shown}…") } else { shown }
}
