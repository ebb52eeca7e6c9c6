//! What a repository's `.gitattributes` files say about the bytes of its files (`gitattributes(5)`).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use gix_attributes::StateRef;
use gix_attributes::search::{MetadataCollection, Outcome};
use gix_glob::pattern::Case;

use super::{ATTRIBUTES, Configuration, Kind, Listing, Rules, Value, native};
use crate::{Error, ObjectId, Result, Step};

/// The name of the files.
const NAME: &[u8] = b".gitattributes";

/// Larger files are ignored, as stock git does (`ATTR_MAX_FILE_SIZE`).
const LARGEST_FILE: usize = 100 << 20;
/// Longer lines are ignored, as stock git does (`ATTR_MAX_LINE_LENGTH`).
const LONGEST_LINE: usize = 2048;

/// Where attributes come from: the tree's own files, by their folders, and what the clone's owner put beside them.
#[derive(Debug, Default)]
pub(in crate::engine) struct Sources {
    configuration: Configuration,
    folders: HashMap<Vec<u8>, ObjectId>,
    /// `info/attributes` of the git directory, which goes before all others. A fresh clone has none.
    own: Vec<u8>,
}

impl Sources {
    pub(in crate::engine) fn new(git_dir: &Path, configuration: Configuration) -> Result<Self> {
        let own = match fs::read(git_dir.join("info").join("attributes")) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
            read => read.map_err(|error| Error::io(Step::Checkout, "info/attributes cannot be read", error))?,
        };
        Ok(Self { configuration, folders: HashMap::new(), own })
    }

    /// Takes note of all files of attributes in a tree.
    pub(in crate::engine) fn note_all(&mut self, listing: &Listing) {
        for entry in listing.entries().iter().filter(|entry| matches!(entry.kind, Kind::File { .. })) {
            self.note(listing.path(entry), entry.id);
        }
    }

    /// Takes note of a file of the tree, if it is one that holds attributes.
    fn note(&mut self, path: &[u8], id: ObjectId) {
        if let Some(folder) = path.strip_suffix(NAME)
            && (folder.is_empty() || folder.ends_with(b"/"))
        {
            self.folders.insert(folder.strip_suffix(b"/").unwrap_or(folder).to_owned(), id);
        }
    }
}

/// Finds the rules of each file, for one thread. Files of attributes are read when the first file below their folder is
/// asked for.
pub(super) struct Attributes<'a> {
    sources: &'a Sources,
    /// Built-in macros below, `info/attributes` on top; the folders' files go between.
    own: gix_attributes::Search,
    built_in: gix_attributes::Search,
    /// The folders above the file that was asked for last, as far as they hold attributes, outermost first.
    open: Vec<Vec<u8>>,
    folders: gix_attributes::Search,
    names: MetadataCollection,
    outcome: Outcome,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(sources: &'a Sources) -> Result<Self> {
        let mut names = MetadataCollection::default();
        let (mut own, mut built_in) = (gix_attributes::Search::default(), gix_attributes::Search::default());
        built_in
            .add_patterns_buffer(b"[attr]binary -diff -merge -text", "built-in".into(), None, &mut names, true)
            .and_then(|()| {
                own.add_patterns_buffer(&readable(&sources.own), "info/attributes".into(), None, &mut names, true)
            })
            .map_err(cannot_read)?;
        let mut outcome = Outcome::default();
        outcome.initialize_with_selection(&names, ATTRIBUTES);
        let folders = gix_attributes::Search::default();
        Ok(Self { sources, own, built_in, open: Vec::new(), folders, names, outcome })
    }

    /// The rules for the file at `path`. `read` gives a blob's content.
    pub(super) fn rules(&mut self, path: &[u8], read: &mut dyn FnMut(ObjectId) -> Result<Vec<u8>>) -> Result<Rules> {
        if self.sources.folders.is_empty() && self.sources.own.is_empty() {
            return Ok(Rules::new([None; ATTRIBUTES.len()], self.sources.configuration));
        }
        self.go_to(folder_of(path), read)?;
        self.outcome.initialize(&self.names);
        for searched in [&self.own, &self.folders, &self.built_in] {
            if self.outcome.is_done() {
                break;
            }
            searched.pattern_matching_relative_path(path.into(), Case::Sensitive, Some(false), &mut self.outcome);
        }
        let mut values = [None; ATTRIBUTES.len()];
        for (value, found) in values.iter_mut().zip(self.outcome.iter_selected()) {
            *value = match found.assignment.state {
                StateRef::Set => Some(Value::True),
                StateRef::Unset => Some(Value::False),
                StateRef::Value(text) => Some(Value::Text(text.as_bstr())),
                StateRef::Unspecified => None,
            };
        }
        Ok(Rules::new(values, self.sources.configuration))
    }

    /// Opens the files of attributes that bear on what lies in this folder.
    fn go_to(&mut self, folder: &[u8], read: &mut dyn FnMut(ObjectId) -> Result<Vec<u8>>) -> Result<()> {
        while self.open.last().is_some_and(|open| !holds(open, folder)) {
            self.open.pop();
            self.folders.pop_pattern_list();
        }
        let known = self.open.last().map(Vec::len);
        let above = std::iter::once(0).filter(|_| !folder.is_empty());
        let slashes = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for length in
            above.chain(slashes).chain([folder.len()]).filter(|&length| known.is_none_or(|known| length > known))
        {
            let folder = &folder[..length];
            let Some(id) = self.sources.folders.get(folder) else { continue };
            let content = read(*id)?;
            let source = native(folder)?.join(".gitattributes");
            // Macros are defined at the top alone.
            self.folders
                .add_patterns_buffer(&readable(&content), source, Some(Path::new("")), &mut self.names, length == 0)
                .map_err(cannot_read)?;
            self.open.push(folder.to_owned());
        }
        Ok(())
    }
}

/// Whether what lies in `folder` lies below `outer` as well.
fn holds(outer: &[u8], folder: &[u8]) -> bool {
    outer.is_empty() || folder.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn folder_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|&byte| byte == b'/').map_or(b"", |at| &path[..at])
}

/// A file of attributes without what stock git ignores.
fn readable(content: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if content.len() > LARGEST_FILE {
        return [].as_slice().into();
    }
    let lines = || content.split_inclusive(|&byte| byte == b'\n');
    match lines().any(|line| line.len() > LONGEST_LINE) {
        true => lines().filter(|line| line.len() <= LONGEST_LINE).flatten().copied().collect::<Vec<_>>().into(),
        false => content.into(),
    }
}

fn cannot_read(error: io::Error) -> Error {
    Error::io(Step::Checkout, "the attributes cannot be read", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of attributes by their number, and `info/attributes`.
    fn sources(files: &[(&str, u8)], own: &[u8]) -> Sources {
        let mut sources = Sources { own: own.to_vec(), ..Sources::default() };
        for (path, number) in files {
            sources.note(path.as_bytes(), ObjectId::from_bytes([*number; 20]));
        }
        sources
    }

    #[test]
    fn the_nearest_file_goes_first_and_the_owners_before_all() {
        let contents = |id: ObjectId| match id.as_bytes()[0] {
            1 => "* -ident\n*.a ident\n[attr]on ident\n*.m on\n",
            2 => "*.a -ident\n*.n ident\n[attr]low ident\n*.l low\n",
            3 => "*.a ident\n",
            _ => panic!("{id} is no file of attributes"),
        };
        let files = [(".gitattributes", 1), ("x/.gitattributes", 2), ("x/y/.gitattributes", 3), ("x.gitattributes", 4)];
        let cases = [
            ("f.a", true),
            ("x/f.a", false),
            ("x/y/f.a", true),
            ("x/y/z/f.a", true),
            ("x/yy/f.a", false),
            ("x/f.n", true),
            ("f.n", false),
            ("xx/f.a", true),
            ("x/y/f.m", true),
            ("x/f.l", false),
            ("x/y/own", true),
            ("f.a", true),
        ];
        let sources = sources(&files, b"own ident\n");
        let mut attributes = Attributes::new(&sources).unwrap();
        for (path, ident) in cases {
            let rules = attributes.rules(path.as_bytes(), &mut |id| Ok(contents(id).into())).unwrap();
            assert_eq!(rules.ident, ident, "{path}");
        }
    }

    #[test]
    fn files_are_read_only_when_they_bear_on_something() {
        let sources = sources(&[("x/.gitattributes", 1)], b"");
        let mut attributes = Attributes::new(&sources).unwrap();
        let mut read = Vec::new();
        for path in ["a", "y/a", "x/a", "x/b", "x/z/a", "x.c"] {
            attributes
                .rules(path.as_bytes(), &mut |_| {
                    read.push(path);
                    Ok(Vec::new())
                })
                .unwrap();
        }
        assert_eq!(read, ["x/a"]);
    }

    #[test]
    fn lines_that_are_too_long_are_left_out() {
        let long = format!("a{}\n", "x".repeat(LONGEST_LINE));
        assert_eq!(readable(format!("one\n{long}two").as_bytes()), b"one\ntwo".as_slice());
        assert_eq!(readable(b"one\ntwo\n"), b"one\ntwo\n".as_slice());
    }

    #[test]
    fn a_pattern_that_could_match_in_countless_ways_ends_soon() {
        let started = std::time::Instant::now();
        let patterns = ["*a".repeat(500) + "b", "**/a".repeat(300) + "/b", "*a?".repeat(300) + "b"];
        let sources = sources(&[], patterns.map(|pattern| format!("{pattern} ident\n")).concat().as_bytes());
        let mut attributes = Attributes::new(&sources).unwrap();
        for path in ["a".repeat(2000), "a/".repeat(1000) + "a"] {
            let rules = attributes.rules(path.as_bytes(), &mut |_| Ok(Vec::new())).unwrap();
            assert!(!rules.ident, "nothing here ends in b");
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "it took {:?}", started.elapsed());
    }
}
