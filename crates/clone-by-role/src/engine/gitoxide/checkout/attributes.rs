//! What the repository's `.gitattributes` files say about the bytes of a file (`gitattributes(5)`).

use std::path::Path;

use gix::attrs::{StateRef, search};
use gix::bstr::{BStr, BString, ByteSlice};
use gix::worktree::Stack;
use gix::worktree::stack::State;
use gix::worktree::stack::state::attributes::Source;

use super::encoding::Encoding;
use super::failed;
use super::line_endings::{Attribute, Configuration, LineEndings};
use crate::{Error, Result, Step};

/// The attributes that matter here, in the order in which they are read out below.
const NAMES: [&str; 5] = ["text", "crlf", "eol", "ident", "working-tree-encoding"];

/// How one file's bytes become those in the worktree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) line_endings: LineEndings,
    pub(super) ident: bool,
    pub(super) encoding: Option<Encoding>,
}

/// Finds the rules of each file. Reads `.gitattributes` as the index has them, not as they are in the worktree.
#[derive(Clone)]
pub(super) struct Attributes {
    configuration: Configuration,
    /// Absent where no file of the repository sets attributes.
    found: Option<(Stack, search::Outcome)>,
}

impl Attributes {
    pub(super) fn new(repository: &gix::Repository, index: &gix::index::State, worktree: &Path) -> Result<Self> {
        let configuration = configuration(repository);
        let in_tree = index.entries().iter().any(|entry| names_attributes(entry.path(index)));
        if !in_tree && !repository.common_dir().join("info").join("attributes").is_file() {
            return Ok(Self { configuration, found: None });
        }
        let options = repository
            .checkout_options(Source::IdMapping)
            .map_err(|error| failed("the attributes cannot be read", error))?;
        let state = State::AttributesStack(options.attributes);
        let ignore_case = options.fs.ignore_case;
        let stack = Stack::from_state_and_ignore_case(worktree, ignore_case, state, index, index.path_backing());
        let mut outcome = search::Outcome::default();
        outcome.initialize_with_selection(&Default::default(), NAMES);
        Ok(Self { configuration, found: Some((stack, outcome)) })
    }

    pub(super) fn rules(&mut self, path: &BStr, objects: &dyn gix::prelude::Find) -> Result<Rules> {
        let mut values: [Option<Value>; NAMES.len()] = Default::default();
        if let Some((stack, outcome)) = &mut self.found {
            outcome.reset();
            stack
                .at_entry(path, None, objects)
                .map_err(|error| Error::io(Step::Checkout, "the attributes cannot be read", error))?
                .matching_attributes(outcome);
            for (value, found) in values.iter_mut().zip(outcome.iter_selected()) {
                *value = Value::of(found.assignment.state);
            }
        }
        let [text, crlf, eol, ident, encoding] = values;
        let text = text.or(crlf).and_then(|value| match value {
            Value::True => Some(Attribute::Text),
            Value::False => Some(Attribute::Binary),
            Value::Text(value) if value == "input" => Some(Attribute::TextAsLf),
            Value::Text(value) if value == "auto" => Some(Attribute::Auto),
            Value::Text(_) => None,
        });
        let crlf = match eol {
            Some(Value::Text(value)) if value == "crlf" => Some(true),
            Some(Value::Text(value)) if value == "lf" => Some(false),
            _ => None,
        };
        let encoding = match encoding {
            Some(Value::Text(label)) => Encoding::of_label(&label.to_str_lossy()),
            _ => None,
        };
        Ok(Rules {
            line_endings: LineEndings::decide(text, crlf, self.configuration),
            ident: matches!(ident, Some(Value::True)),
            encoding,
        })
    }
}

enum Value {
    True,
    False,
    Text(BString),
}

impl Value {
    fn of(state: StateRef<'_>) -> Option<Self> {
        match state {
            StateRef::Set => Some(Self::True),
            StateRef::Unset => Some(Self::False),
            StateRef::Value(value) => Some(Self::Text(value.as_bstr().to_owned())),
            StateRef::Unspecified => None,
        }
    }
}

fn names_attributes(path: &BStr) -> bool {
    path == ".gitattributes" || path.ends_with(b"/.gitattributes")
}

/// What the repository's own `config` says about line endings. It says nothing in a fresh clone.
fn configuration(repository: &gix::Repository) -> Configuration {
    let config = repository.config_snapshot();
    let auto = match config.string("core.autocrlf") {
        Some(value) if value.eq_ignore_ascii_case(b"input") => Some(false),
        Some(_) if config.boolean("core.autocrlf") == Some(true) => Some(true),
        _ => None,
    };
    let text = match config.string("core.eol") {
        Some(value) if value.eq_ignore_ascii_case(b"crlf") => true,
        Some(value) if value.eq_ignore_ascii_case(b"lf") => false,
        _ => cfg!(windows),
    };
    Configuration { auto, text }
}
