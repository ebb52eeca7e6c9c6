//! Reading the whole tree of a commit, and refusing it before anything is written.

use std::collections::HashSet;

use git2::{ObjectType, Odb, OdbObject, Oid};

use super::advertisement::object_id;
use super::{errors, local, paths};
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// Stock git's `core.maxTreeDepth`.
const MAX_DEPTH: usize = 2048;
/// The longest path that Linux opens.
const MAX_PATH: usize = 4095;
/// More entries than this are a tree that repeats itself to fill disks.
const MAX_ENTRIES: usize = 4_000_000;

/// A file, symlink or submodule of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) id: Oid,
    path: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File {
        executable: bool,
    },
    Symlink,
    /// The commit of another repository: an empty folder here.
    Submodule,
}

/// All entries of a tree, in the order in which it lists them.
#[derive(Debug, Default)]
pub(super) struct Listing {
    entries: Vec<Entry>,
    /// The folders, each after the one that holds it; the first is the root.
    folders: Vec<(usize, usize)>,
    paths: Vec<u8>,
}

impl Listing {
    pub(super) fn read(odb: &Odb<'_>, commit: ObjectId, cancelled: &dyn Fn() -> bool) -> Result<Self> {
        let commit = read(odb, local::oid(commit), ObjectType::Commit)?;
        let tree = commit.data().strip_prefix(b"tree ").and_then(|text| object_id(text.get(..40)?));
        let tree = local::oid(tree.ok_or_else(|| corrupt("the commit names no tree"))?);
        let mut listing = Self::default();
        listing.folders.push((0, 0));
        let mut pending = vec![(tree, 0, 0)];
        while let Some((tree, folder, depth)) = pending.pop() {
            if cancelled() {
                return Err(Error::cancelled(Step::Checkout));
            }
            listing.add(&read(odb, tree, ObjectType::Tree)?, folder, depth, &mut pending)?;
        }
        Ok(listing)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The folders below the root, each after the one that holds it.
    pub(super) fn folders(&self) -> impl Iterator<Item = &[u8]> {
        self.folders[1..].iter().map(|&(start, end)| &self.paths[start..end])
    }

    pub(super) fn path(&self, entry: &Entry) -> &[u8] {
        &self.paths[entry.path.0..entry.path.1]
    }

    fn add(
        &mut self,
        tree: &OdbObject<'_>,
        folder: usize,
        depth: usize,
        pending: &mut Vec<(Oid, usize, usize)>,
    ) -> Result<()> {
        let mut names = HashSet::new();
        let mut rest = tree.data();
        while !rest.is_empty() {
            let (mode, name, id, after) = split(rest).ok_or_else(|| corrupt("a tree cannot be read"))?;
            rest = after;
            let path = self.push_path(folder, name);
            let kind = match mode & 0o170000 {
                0o040000 => None,
                0o100000 => Some(Kind::File { executable: mode & 0o100 != 0 }),
                0o120000 => Some(Kind::Symlink),
                // Stock git takes what is none of the others for a submodule.
                _ => Some(Kind::Submodule),
            };
            let refused = match paths::refusal(name, kind == Some(Kind::Symlink)) {
                None if !names.insert(name) => Some("a name that its folder has twice"),
                None if path.1 - path.0 > MAX_PATH => Some("a path longer than 4095 bytes"),
                None if depth == MAX_DEPTH && kind.is_none() => Some("folders more than 2048 deep"),
                None if self.entries.len() + self.folders.len() >= MAX_ENTRIES => {
                    Some("more than four million entries")
                }
                refused => refused,
            };
            if let Some(what) = refused {
                return Err(hostile(what, &self.paths[path.0..path.1]));
            }
            match kind {
                Some(kind) => self.entries.push(Entry { kind, id, path }),
                None => {
                    pending.push((id, self.folders.len(), depth + 1));
                    self.folders.push(path);
                }
            }
        }
        Ok(())
    }

    fn push_path(&mut self, folder: usize, name: &[u8]) -> (usize, usize) {
        let start = self.paths.len();
        let (folder_start, folder_end) = self.folders[folder];
        if folder_start < folder_end {
            self.paths.extend_from_within(folder_start..folder_end);
            self.paths.push(b'/');
        }
        self.paths.extend_from_slice(name);
        (start, self.paths.len())
    }
}

/// The first entry of a tree's bytes, and what follows it.
fn split(bytes: &[u8]) -> Option<(u32, &[u8], Oid, &[u8])> {
    let space = bytes.iter().take(8).position(|&byte| byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
    let bytes = &bytes[space + 1..];
    let end = bytes.iter().position(|&byte| byte == 0)?;
    let (id, after) = bytes[end + 1..].split_at_checked(20)?;
    Some((mode, &bytes[..end], Oid::from_bytes(id).ok()?, after))
}

/// The object of this name, which must be of this kind.
pub(super) fn read<'odb>(odb: &'odb Odb<'_>, id: Oid, kind: ObjectType) -> Result<OdbObject<'odb>> {
    let object = odb.read(id).map_err(|error| errors::from_git2(Step::Checkout, &format!("object {id}"), error))?;
    match object.kind() == kind {
        true => Ok(object),
        false => Err(corrupt(&format!("object {id} is not a {kind}"))),
    }
}

pub(super) fn hostile(what: &str, path: &[u8]) -> Error {
    let path = path.escape_ascii().to_string();
    let shown = path.get(..200).map_or_else(|| path.clone(), |start| format!("{start}…"));
    Error::new(ErrorKind::HostileTree, Step::Checkout, format!("the tree holds {what}: \"{shown}\""))
        .with_help("nothing was written; whoever owns the repository must mend that tree")
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, Step::Checkout, what)
}
