//! A sandbox and a home of its own, to run the command and its judges in.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use codecommit_sandbox::Sandbox;
use tempfile::TempDir;

pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
    pub(crate) home: TempDir,
}

impl Desk {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, home: tempfile::tempdir().unwrap() }
    }

    /// The command, in an environment of the sandbox's alone.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clone-by-role"));
        self.set_up(&mut command);
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Another program, in the same environment.
    pub(crate) fn judge(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.set_up(&mut command);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn set_up(&self, command: &mut Command) {
        command.env_clear().envs(self.sandbox.env()).env("HOME", self.home.path()).current_dir(self.home.path());
    }
}

/// The folder of the real AWS CLI, installed by `scripts/python-oracles`; `None` where it cannot be had, unless
/// `REQUIRE_ORACLES=1` forbids that.
pub(crate) fn judges() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-oracles");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python-oracles");
        let said = match Command::new("sh").arg(script).arg(target).output() {
            Ok(output) if output.status.success() => {
                return Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()));
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let required = std::env::var_os("REQUIRE_ORACLES").is_some_and(|value| value != "0" && !value.is_empty());
        assert!(!required, "REQUIRE_ORACLES is set, and the outside oracles cannot be had: {said}");
        eprintln!("SKIPPED: the outside oracles cannot be had: {said}");
        None
    });
    folder.as_deref()
}

/// An empty bare repository.
pub(crate) fn repository(home: &Path) -> PathBuf {
    let folder = home.join("app.git");
    let made = Command::new("git").args(["init", "--quiet", "--bare"]).arg(&folder).status().unwrap();
    assert!(made.success());
    folder
}
