//! The real AWS CLI and botocore, which judge from outside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use codecommit_sandbox::Sandbox;

/// The folder of their commands, installed by `scripts/python-oracles`; `None` where they cannot be had, unless `REQUIRE_ORACLES=1` forbids that.
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

/// One of them, in an environment of the sandbox's alone.
pub(crate) fn judge(folder: &Path, name: &str, sandbox: &Sandbox, home: &Path) -> Command {
    let mut command = Command::new(folder.join(name));
    command
        .env_clear()
        .envs(sandbox.env())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .current_dir(home);
    command
}
