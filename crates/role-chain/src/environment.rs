use std::collections::HashMap;
use std::path::PathBuf;

use aws_types::os_shim_internal::Env;

/// The environment variables that a chain is planned with: the process's own, or those a caller or a test passes.
#[derive(Clone)]
pub(crate) struct Environment(Env);

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self(Env::real())
    }

    pub(crate) fn of_variables(variables: HashMap<String, String>) -> Self {
        Self(Env::from(variables))
    }

    /// A variable's value. An empty one counts as unset, as it does for the AWS CLI.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().filter(|value| !value.is_empty())
    }

    pub(crate) fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A path with a leading `~` replaced by the home folder.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    pub(crate) fn shim(&self) -> &Env {
        &self.0
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment(..)")
    }
}
