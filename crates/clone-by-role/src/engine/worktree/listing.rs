//! The whole tree of a commit as a list, after a check that it stays where it belongs.

use std::collections::HashSet;

use super::objects::{Kind as ObjectKind, Objects};
use super::paths;
use crate::limits::{Limit, Limits};
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// No more is held of all paths together. A limit on their number and length does not bound that well enough.
const MOST_PATH_BYTES: usize = 1 << 30;

/// A file, symlink or submodule of a tree.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Entry {
    pub(in crate::engine) kind: Kind,
    pub(in crate::engine) id: ObjectId,
    path: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    File {
        executable: bool,
    },
    Symlink,
    /// The commit of another repository: an empty folder here.
    Submodule,
}

impl Kind {
    /// The mode that stands for it in an index (gitformat-index(5)).
    pub(in crate::engine) fn mode(self) -> u32 {
        match self {
            Self::File { executable: false } => 0o100644,
            Self::File { executable: true } => 0o100755,
            Self::Symlink => 0o120000,
            Self::Submodule => 0o160000,
        }
    }
}

/// All entries of a tree, in the order of an index.
#[derive(Debug, Default)]
pub(in crate::engine) struct Listing {
    entries: Vec<Entry>,
    /// The folders below the root, each after the one that holds it.
    folders: Vec<(usize, usize)>,
    paths: Vec<u8>,
}

/// Something in a tree that is not dealt with yet.
struct Pending {
    /// What it is if it is no folder.
    kind: Option<Kind>,
    id: ObjectId,
    path: (usize, usize),
    depth: u32,
}

impl Listing {
    /// Lists what the commit's tree holds.
    pub(in crate::engine) fn read(
        objects: &mut dyn Objects,
        commit: ObjectId,
        limits: &Limits,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Self> {
        let mut buffer = Vec::new();
        objects.read(commit, ObjectKind::Commit, &mut buffer)?;
        let tree =
            buffer.strip_prefix(b"tree ").and_then(|text| std::str::from_utf8(text.get(..40)?).ok()?.parse().ok());
        let tree = tree.ok_or_else(|| corrupt(format!("the commit {commit} names no tree")))?;
        let mut listing = Self::default();
        let mut pending = vec![Pending { kind: None, id: tree, path: (0, 0), depth: 0 }];
        let mut seen = 0;
        while let Some(next) = pending.pop() {
            if let Some(kind) = next.kind {
                listing.entries.push(Entry { kind, id: next.id, path: next.path });
                continue;
            }
            if cancelled() {
                return Err(Error::cancelled(Step::Checkout));
            }
            if next.depth > 0 {
                listing.folders.push(next.path);
            }
            objects.read(next.id, ObjectKind::Tree, &mut buffer)?;
            let start = pending.len();
            listing.add(&buffer, &next, limits, &mut seen, &mut pending)?;
            // The last one pushed is the next one popped: entries come out in the tree's order.
            pending[start..].reverse();
        }
        let Self { entries, paths, .. } = &mut listing;
        let path = |entry: &Entry| &paths[entry.path.0..entry.path.1];
        if !entries.is_sorted_by(|a, b| path(a) < path(b)) {
            entries.sort_unstable_by(|a, b| path(a).cmp(path(b)));
        }
        Ok(listing)
    }

    pub(in crate::engine) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The folders below the root, each after the one that holds it.
    pub(in crate::engine) fn folders(&self) -> impl Iterator<Item = &[u8]> {
        self.folders.iter().map(|&(start, end)| &self.paths[start..end])
    }

    /// How many files and symlinks there are.
    pub(in crate::engine) fn files(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.kind != Kind::Submodule).count() as u64
    }

    pub(in crate::engine) fn path(&self, entry: &Entry) -> &[u8] {
        &self.paths[entry.path.0..entry.path.1]
    }

    /// Takes in the content of one tree.
    fn add(
        &mut self,
        mut rest: &[u8],
        folder: &Pending,
        limits: &Limits,
        seen: &mut u64,
        pending: &mut Vec<Pending>,
    ) -> Result<()> {
        let mut names = HashSet::new();
        while !rest.is_empty() {
            let (mode, name, id, after) =
                split(rest).ok_or_else(|| corrupt(format!("the tree {} cannot be read", folder.id)))?;
            rest = after;
            let path = self.push_path(folder.path, name);
            let kind = match mode & 0o170000 {
                0o040000 => None,
                0o100000 => Some(Kind::File { executable: mode & 0o100 != 0 }),
                0o120000 => Some(Kind::Symlink),
                // Stock git takes what is none of the others for a submodule.
                _ => Some(Kind::Submodule),
            };
            let shown = &self.paths[path.0..path.1];
            if let Some(what) = paths::refusal(name, kind == Some(Kind::Symlink)) {
                return Err(hostile(what, shown));
            }
            if !names.insert(name) {
                return Err(hostile("a name that its folder has twice", shown));
            }
            *seen += 1;
            let depth = folder.depth + 1;
            if kind.is_none() {
                Limit::Depth.check(limits, depth.into(), shown)?;
            }
            Limit::Path.check(limits, shown.len() as u64, shown)?;
            Limit::Entries.check(limits, *seen, shown)?;
            if self.paths.len() > MOST_PATH_BYTES {
                return Err(hostile("more than a gigabyte of paths, among them", shown));
            }
            pending.push(Pending { kind, id, path, depth });
        }
        Ok(())
    }

    fn push_path(&mut self, folder: (usize, usize), name: &[u8]) -> (usize, usize) {
        let start = self.paths.len();
        if folder.0 < folder.1 {
            self.paths.extend_from_within(folder.0..folder.1);
            self.paths.push(b'/');
        }
        self.paths.extend_from_slice(name);
        (start, self.paths.len())
    }
}

/// The first entry of a tree's bytes, and what follows it.
fn split(bytes: &[u8]) -> Option<(u32, &[u8], ObjectId, &[u8])> {
    let space = bytes.iter().take(8).position(|&byte| byte == b' ')?;
    let mode = std::str::from_utf8(&bytes[..space]).ok().filter(|mode| !mode.starts_with('+'))?;
    let mode = u32::from_str_radix(mode, 8).ok()?;
    let bytes = &bytes[space + 1..];
    let end = bytes.iter().position(|&byte| byte == 0)?;
    let (id, after) = bytes[end + 1..].split_at_checked(20)?;
    Some((mode, &bytes[..end], ObjectId::from_bytes(id.try_into().ok()?), after))
}

/// The error for a tree that must not be written.
pub(in crate::engine) fn hostile(what: &str, path: &[u8]) -> Error {
    Error::new(ErrorKind::HostileTree, Step::Checkout, format!("the tree holds {what}: {}", shown(path)))
        .with_help("whoever owns the repository must take that path out of it; it was not written")
}

/// The error for an object that is not what something else says that it is.
pub(in crate::engine) fn wrong_kind(id: ObjectId, kind: ObjectKind) -> Error {
    corrupt(format!("object {id} is not a {}", kind.as_str()))
}

fn corrupt(what: String) -> Error {
    Error::new(ErrorKind::Corrupt, Step::Checkout, what)
}

/// A path as it can be shown: of bounded length, and without control characters.
pub(crate) fn shown(path: &[u8]) -> String {
    const LONGEST: usize = 120;
    let text = String::from_utf8_lossy(&path[..path.len().min(4 * LONGEST)]);
    let shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() { format!("\"{shown}…\"") } else { format!("\"{shown}\"") }
}
