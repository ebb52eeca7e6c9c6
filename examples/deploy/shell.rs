//! The commands that judge a release.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The process group of the command that runs, if one does.
static RUNNING: Mutex<Option<Pid>> = Mutex::new(None);

/// Ends the command that runs, with everything that it started.
pub(crate) fn end() {
    if let Some(group) = RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs a command by `sh` in a release's folder. What it prints goes to standard error.
///
/// It has `DEPLOY_RELEASE` (the folder), `DEPLOY_COMMIT` and `DEPLOY_ROOT` in its environment. Returns what went wrong, in words.
pub(crate) fn run(command: &str, folder: &Path, commit: &str, root: &Path, limit: Duration) -> Result<(), String> {
    let said = |error: io::Error| format!("it cannot be run: {error}");
    // Held until it is noted: a signal meanwhile waits for the command to be there, and then ends it.
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
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
    *running = Pid::from_raw(child.id().cast_signed());
    drop(running);
    let started = Instant::now();
    let ended = loop {
        match child.try_wait().map_err(said)? {
            Some(status) if status.success() => break Ok(()),
            Some(status) => break Err(status.to_string()),
            None if started.elapsed() >= limit => {
                end();
                let _ = child.wait();
                break Err(format!("it did not end within {} s", limit.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    // What it left running on purpose, such as a service, is left running.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).take();
    ended
}
