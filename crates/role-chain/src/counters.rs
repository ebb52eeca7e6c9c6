use std::sync::atomic::{AtomicU64, Ordering};

/// What one step of a chain has done so far, as [`RoleChain::counters`](crate::RoleChain::counters) tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// The step's name, as in a [`Step`](crate::Step) and an [`Error`](crate::Error).
    pub step: String,
    /// How often credentials were served from memory.
    pub served: u64,
    /// How often they were taken from a disk cache.
    pub from_disk: u64,
    /// How often the step's service (the metadata service, STS, a provider) was asked. The SDK's retries within a call are not counted.
    pub calls: u64,
    /// How many of these calls failed.
    pub failures: u64,
    /// How many of these calls were started in the background, ahead of expiry.
    pub ahead: u64,
    /// How often credentials that were to be replaced were served since replacing them had failed.
    pub served_after_failure: u64,
}

/// The counts of a step while they grow.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) served: Count,
    pub(crate) from_disk: Count,
    pub(crate) calls: Count,
    pub(crate) failures: Count,
    pub(crate) ahead: Count,
    pub(crate) served_after_failure: Count,
}

impl Counts {
    pub(crate) fn read(&self, step: String) -> Counters {
        Counters {
            step,
            served: self.served.read(),
            from_disk: self.from_disk.read(),
            calls: self.calls.read(),
            failures: self.failures.read(),
            ahead: self.ahead.read(),
            served_after_failure: self.served_after_failure.read(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
