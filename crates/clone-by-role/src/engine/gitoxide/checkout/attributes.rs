//! The repository's attributes, as the index has them.

use crate::Result;
use crate::engine::gitoxide::negotiate::object_id;
use crate::engine::worktree::{Attributes, Configuration, Sources};

/// What the index and the git directory say of attributes. `.gitattributes` in the worktree are not looked at.
pub(super) fn of(repository: &gix::Repository, index: &gix::index::State) -> Result<Attributes> {
    let mut sources = Sources::new(repository.common_dir(), configuration(repository))?;
    for entry in index.entries().iter().filter(|entry| super::files::is_file(entry)) {
        sources.note(entry.path(index), object_id(&entry.id));
    }
    Attributes::new(sources)
}

/// What the repository's own `config` says about line endings. It says nothing in a fresh clone.
fn configuration(repository: &gix::Repository) -> Configuration {
    let config = repository.config_snapshot();
    let value = |name| config.string(name);
    Configuration::new(value("core.autocrlf").as_deref().map(|v| &**v), value("core.eol").as_deref().map(|v| &**v))
}
