//! The commands that judge a release.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command by `sh` in a release's folder. What it prints goes to standard error.
///
/// It has `DEPLOY_RELEASE` (the folder), `DEPLOY_COMMIT` and `DEPLOY_ROOT` in its environment. Returns what went wrong, in words.
pub(crate) fn run(command: &str, folder: &Path, commit: &str, root: &Path, limit: Duration) -> Result<(), String> {
    let said = |error: io::Error| format!("it cannot be run: {error}");
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("DEPLOY_RELEASE", folder)
        .env("DEPLOY_COMMIT", commit)
        .env("DEPLOY_ROOT", root)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        // A group of its own, so that a command that hangs is ended with everything that it started.
        .process_group(0)
        .spawn()
        .map_err(said)?;
    let started = Instant::now();
    loop {
        match child.try_wait().map_err(said)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(status.to_string()),
            None if started.elapsed() >= limit => {
                if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                let _ = child.wait();
                return Err(format!("it did not end within {} s", limit.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
