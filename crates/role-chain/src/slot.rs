//! What one step of a chain remembers: its credentials, the call that is under way for more, and when to try again.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use tokio::sync::watch;

use crate::counters::Counts;
use crate::error::Error;
use crate::schedule::{self, Chance, Schedule};

/// Credentials, who they make of their holder, and when to see to new ones.
pub(crate) struct Lease {
    pub(crate) credentials: Credentials,
    /// The holder's ARN: known at once for an assumed role, asked for when needed for a base.
    pub(crate) principal: OnceLock<String>,
    pub(crate) schedule: Schedule,
}

impl Lease {
    /// `chance`, from 0 up to 1, moves the time at which they are replaced.
    pub(crate) fn new(credentials: Credentials, arn: Option<String>, obtained: SystemTime, chance: f64) -> Self {
        let principal = OnceLock::new();
        if let Some(arn) = arn {
            let _ = principal.set(arn);
        }
        let schedule = Schedule::new(obtained, credentials.expiry(), chance);
        Self { credentials, principal, schedule }
    }

    pub(crate) fn expiry(&self) -> Option<SystemTime> {
        self.credentials.expiry()
    }
}

pub(crate) type Outcome = Result<Arc<Lease>, Error>;

/// Where a caller may listen for the outcome of the call that is under way.
pub(crate) type Flight = watch::Receiver<Option<Outcome>>;

#[derive(Default)]
pub(crate) struct Slot {
    /// Read by every caller, written once a lifetime.
    lease: RwLock<Option<Arc<Lease>>>,
    /// Never held across an await.
    calls: Mutex<Calls>,
    /// Whether the disk was looked at.
    restored: OnceLock<()>,
    pub(crate) counts: Counts,
}

#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) flight: Option<Flight>,
    failures: u32,
    retry_at: Option<SystemTime>,
}

impl Slot {
    pub(crate) fn lease(&self) -> Option<Arc<Lease>> {
        self.lease.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what an earlier process left, the first time that anyone asks.
    pub(crate) fn restore_once(&self, restore: impl FnOnce() -> Option<Arc<Lease>>) {
        self.restored.get_or_init(|| {
            if let Some(restored) = restore() {
                self.lease.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(restored);
            }
        });
    }

    /// Ends the flight: the lease is in place before anyone can start another.
    pub(crate) fn land(&self, outcome: &Outcome, now: SystemTime, chance: &Chance) {
        if let Ok(lease) = outcome {
            *self.lease.write().unwrap_or_else(PoisonError::into_inner) = Some(lease.clone());
        }
        let mut calls = self.calls();
        calls.flight = None;
        match outcome {
            Ok(_) => {
                calls.failures = 0;
                calls.retry_at = None;
            }
            Err(_) => {
                calls.failures = calls.failures.saturating_add(1);
                calls.retry_at = now.checked_add(schedule::backoff(calls.failures, chance.draw()));
            }
        }
    }

    /// Forgets the lease, if it still is the one that was found to be of no use.
    pub(crate) fn discard(&self, useless: &Arc<Lease>) {
        let mut lease = self.lease.write().unwrap_or_else(PoisonError::into_inner);
        if lease.as_ref().is_some_and(|held| Arc::ptr_eq(held, useless)) {
            *lease = None;
        }
    }
}

impl Calls {
    /// Whether a call failed so short a time ago that the next should wait.
    pub(crate) fn is_pausing(&self, now: SystemTime) -> bool {
        self.retry_at.is_some_and(|at| {
            // A clock that was set back must not stop refreshing for long.
            at.duration_since(now).is_ok_and(|left| !left.is_zero() && left <= Duration::from_secs(600))
        })
    }

    /// The flight under way, unless whoever flew it is gone without a word.
    pub(crate) fn under_way(&self) -> Option<Flight> {
        self.flight.as_ref().filter(|flight| flight.has_changed().is_ok()).cloned()
    }
}
