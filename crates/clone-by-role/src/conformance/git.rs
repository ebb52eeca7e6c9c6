//! Stock git, without anything of the user's.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How git is run in a folder: with these settings, and nothing of the environment but `PATH`.
#[derive(Clone, Debug)]
pub struct Git {
    directory: PathBuf,
    settings: Vec<(&'static str, String)>,
    date: Option<u64>,
}

impl Git {
    /// In this folder.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), settings: Vec::new(), date: None }
    }

    /// With this setting, as `-c KEY=VALUE` makes it.
    pub fn setting(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    /// The date of commits and tags, in seconds since 1970.
    pub fn date(mut self, seconds: u64) -> Self {
        self.date = Some(seconds);
        self
    }

    /// Runs git, whatever comes of it.
    ///
    /// # Panics
    ///
    /// Where there is no git.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("git");
        command.current_dir(&self.directory).args(arguments).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", &self.directory).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (number, (key, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key).env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        if let Some(seconds) = self.date {
            let date = format!("{seconds} +0000");
            command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        }
        command.output().expect("git is installed")
    }

    /// What git says, where it must succeed.
    ///
    /// # Panics
    ///
    /// Where it does not, with its complaint.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?} in {}: {complaint}", self.directory.display());
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}
