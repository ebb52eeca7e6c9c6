use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use super::folder::Folder;

/// As long as a call to STS may take, and a little more: a process that holds a lock longer is stuck.
const PATIENCE: Duration = Duration::from_secs(75);
const POLL_MIN: Duration = Duration::from_millis(2);
const POLL_MAX: Duration = Duration::from_millis(50);

/// The right to obtain a session, among all processes of this user. It ends with the value, or the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock, without keeping a thread. `None` where locking fails: then each process makes its own call.
    pub(super) async fn acquire(folder: &Folder, name: &str) -> Option<Self> {
        let file = match folder.open_lock(name) {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(%error, "cannot lock the disk cache");
                return None;
            }
        };
        let started = Instant::now();
        let mut pause = POLL_MIN;
        loop {
            match file.try_lock() {
                Ok(()) => return Some(Self { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(POLL_MAX);
                }
                Err(TryLockError::WouldBlock) => {
                    tracing::warn!("another process holds the disk cache's lock for too long");
                    return None;
                }
                Err(TryLockError::Error(error)) => {
                    tracing::warn!(%error, "cannot lock the disk cache");
                    return None;
                }
            }
        }
    }
}
