//! What a repository holds already.

use std::collections::{BTreeSet, BinaryHeap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Odb, Oid};

use super::advertisement;
use super::errors;
use crate::{Error, ErrorKind, ObjectId, Result, Step};

/// At most so many commits are named to the server.
const MAX_HAVES: usize = 512;
/// At most so many commits are looked at to choose them.
const MAX_WALK: usize = 20_000;

/// The objects, refs and history cuts of a repository on disk.
pub(super) struct Local {
    git_dir: PathBuf,
    odb: Odb<'static>,
    shallow: BTreeSet<ObjectId>,
    tips: Vec<Oid>,
}

impl Local {
    pub(super) fn open(git_dir: &Path, step: Step) -> Result<Self> {
        let (mut tips, mut shallow) = (HashSet::new(), BTreeSet::new());
        let read = |path: &str| match fs::read(git_dir.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(|error| Error::io(step, format_args!("cannot read {path}"), error)),
        };
        for line in read("packed-refs")?.split(|&byte| byte == b'\n') {
            let id = line.strip_prefix(b"^").unwrap_or(line);
            tips.extend(id.get(..40).and_then(advertisement::object_id).map(oid));
        }
        loose_refs(&git_dir.join("refs"), &mut tips).map_err(|error| Error::io(step, "cannot read refs", error))?;
        for line in read("shallow")?.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let id = advertisement::object_id(line);
            shallow.insert(id.ok_or_else(|| Error::new(ErrorKind::Corrupt, step, "the shallow file is damaged"))?);
        }
        let odb = open_objects(git_dir, step)?;
        Ok(Self { git_dir: git_dir.to_owned(), odb, shallow, tips: tips.into_iter().collect() })
    }

    pub(super) fn odb(&self) -> &Odb<'static> {
        &self.odb
    }

    /// Whether there is nothing yet that a pack could build on.
    pub(super) fn is_empty(&self) -> bool {
        self.tips.is_empty()
    }

    pub(super) fn has(&self, id: ObjectId) -> bool {
        !self.is_empty() && self.odb.exists(oid(id))
    }

    /// Commits whose parents are missing on purpose.
    pub(super) fn shallow(&self) -> &BTreeSet<ObjectId> {
        &self.shallow
    }

    /// Commits that are here, the newest first, with growing gaps: enough to find what a server shares with this
    /// repository, even after its history was rewritten, and few enough for one request.
    pub(super) fn haves(&self) -> Vec<ObjectId> {
        let mut seen: HashSet<Oid> = HashSet::new();
        let mut queue: BinaryHeap<(i64, Oid, bool)> = BinaryHeap::new();
        for &tip in &self.tips {
            if let Some((id, commit)) = self.peel(tip)
                && seen.insert(id)
            {
                queue.push((commit.time, id, true));
            }
        }
        let (mut haves, mut walked, mut next) = (Vec::new(), 0, 0);
        while let Some((_, id, tip)) = queue.pop() {
            if haves.len() == MAX_HAVES || walked == MAX_WALK {
                break;
            }
            if tip || walked >= next {
                haves.push(object_id(id));
                next = walked + 1 + walked / 16;
            }
            walked += 1;
            let Some(commit) = Commit::read(&self.odb, id) else { continue };
            for parent in commit.parents {
                if seen.insert(parent)
                    && let Some(commit) = Commit::read(&self.odb, parent)
                {
                    queue.push((commit.time, parent, false));
                }
            }
        }
        haves
    }

    /// Replaces the list of history cuts. A clone without any has no such file.
    pub(super) fn write_shallow(&self, shallow: &BTreeSet<ObjectId>) -> Result<()> {
        let (path, lock) = (self.git_dir.join("shallow"), self.git_dir.join("shallow.lock"));
        let written = if shallow.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        } else {
            let text: String = shallow.iter().map(|id| format!("{id}\n")).collect();
            fs::write(&lock, text).and_then(|()| fs::rename(&lock, &path))
        };
        written.map_err(|error| Error::io(Step::Fetch, "cannot write the shallow file", error))
    }

    /// The commit that a ref's object leads to.
    fn peel(&self, mut id: Oid) -> Option<(Oid, Commit)> {
        // A chain of tags that is longer than this leads to nothing that a server would share.
        for _ in 0..16 {
            if let Some(commit) = Commit::read(&self.odb, id) {
                return Some((id, commit));
            }
            let object = self.odb.read(id).ok().filter(|object| object.kind() == ObjectType::Tag)?;
            id = oid(object.data().strip_prefix(b"object ")?.get(..40).and_then(advertisement::object_id)?);
        }
        None
    }
}

/// What of a commit matters for a walk.
struct Commit {
    time: i64,
    parents: Vec<Oid>,
}

impl Commit {
    fn read(odb: &Odb<'_>, id: Oid) -> Option<Self> {
        let object = odb.read(id).ok().filter(|object| object.kind() == ObjectType::Commit)?;
        let (mut time, mut parents) = (0, Vec::new());
        for line in object.data().split(|&byte| byte == b'\n').take_while(|line| !line.is_empty()) {
            if let Some(id) = line.strip_prefix(b"parent ") {
                parents.extend(advertisement::object_id(id).map(oid));
            } else if let Some(committer) = line.strip_prefix(b"committer ") {
                let mut words = committer.rsplit(|&byte| byte == b' ').skip(1);
                time = words.next().and_then(|time| std::str::from_utf8(time).ok()?.parse().ok()).unwrap_or(0);
            }
        }
        Some(Self { time, parents })
    }
}

/// The objects of a repository, without the repository: libgit2 reads the configuration of the user and the system
/// as soon as it opens one.
pub(super) fn open_objects(git_dir: &Path, step: Step) -> Result<Odb<'static>> {
    let path = git_dir.join("objects");
    let text = path.to_str().ok_or_else(|| {
        let message = format!("the path {} is not UTF-8, which libgit2 needs", path.display());
        Error::new(ErrorKind::Unsupported, step, message).with_help("choose another destination, or gitoxide")
    })?;
    let odb = Odb::new().and_then(|odb| odb.add_disk_alternate(text).map(|()| odb));
    odb.map_err(|error| errors::from_git2(step, "cannot open the objects", error))
}

fn loose_refs(folder: &Path, tips: &mut HashSet<Oid>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            loose_refs(&entry.path(), tips)?;
        } else if let Some(id) = fs::read(entry.path())?.get(..40).and_then(advertisement::object_id) {
            tips.insert(oid(id));
        }
    }
    Ok(())
}

/// libgit2's form of an object's name.
pub(super) fn oid(id: ObjectId) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("a SHA-1 name has 20 bytes")
}

/// This crate's form of an object's name.
pub(super) fn object_id(id: Oid) -> ObjectId {
    ObjectId::from_bytes(id.as_bytes().try_into().expect("a SHA-1 name has 20 bytes"))
}
