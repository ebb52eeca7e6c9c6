//! What the repository's `.gitattributes` files say about the bytes of a file (`gitattributes(5)`).

use std::path::Path;

use gix::attrs::{StateRef, search};
use gix::bstr::BStr;
use gix::worktree::Stack;
use gix::worktree::stack::State;
use gix::worktree::stack::state::attributes::Source;

use super::failed;
use crate::engine::worktree::{ATTRIBUTES, Configuration, Rules, Value};
use crate::{Error, Result, Step};

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
        outcome.initialize_with_selection(&Default::default(), ATTRIBUTES);
        Ok(Self { configuration, found: Some((stack, outcome)) })
    }

    pub(super) fn rules(&mut self, path: &BStr, objects: &dyn gix::prelude::Find) -> Result<Rules> {
        let mut values = [None; ATTRIBUTES.len()];
        if let Some((stack, outcome)) = &mut self.found {
            outcome.reset();
            stack
                .at_entry(path, None, objects)
                .map_err(|error| Error::io(Step::Checkout, "the attributes cannot be read", error))?
                .matching_attributes(outcome);
            for (value, found) in values.iter_mut().zip(outcome.iter_selected()) {
                *value = value_of(found.assignment.state);
            }
        }
        Ok(Rules::new(values, self.configuration))
    }
}

fn value_of(state: StateRef<'_>) -> Option<Value<'_>> {
    match state {
        StateRef::Set => Some(Value::True),
        StateRef::Unset => Some(Value::False),
        StateRef::Value(value) => Some(Value::Text(value.as_bstr())),
        StateRef::Unspecified => None,
    }
}

fn names_attributes(path: &BStr) -> bool {
    path == ".gitattributes" || path.ends_with(b"/.gitattributes")
}

/// What the repository's own `config` says about line endings. It says nothing in a fresh clone.
fn configuration(repository: &gix::Repository) -> Configuration {
    let config = repository.config_snapshot();
    let value = |name| config.string(name);
    Configuration::new(value("core.autocrlf").as_deref().map(|v| &**v), value("core.eol").as_deref().map(|v| &**v))
}
