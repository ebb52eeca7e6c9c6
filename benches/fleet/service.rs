//! A service that counts its calls, and turns down those beyond its limit.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

pub(crate) struct Service {
    start: Instant,
    limit: u32,
    /// For each second: calls that came, and those among them that were turned down.
    seconds: Mutex<Vec<(u32, u32)>>,
}

/// The service asks to slow down.
pub(crate) struct Throttled;

impl Service {
    pub(crate) fn new(limit: u32) -> Self {
        Self { start: Instant::now(), limit, seconds: Mutex::default() }
    }

    pub(crate) fn call(&self) -> Result<(), Throttled> {
        let second = self.start.elapsed().as_secs() as usize;
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        if seconds.len() <= second {
            seconds.resize(second + 1, (0, 0));
        }
        let (calls, throttled) = &mut seconds[second];
        *calls += 1;
        if *calls - *throttled > self.limit {
            *throttled += 1;
            return Err(Throttled);
        }
        Ok(())
    }

    /// Calls in each second.
    pub(crate) fn by_second(&self) -> Vec<u32> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(calls, _)| *calls).collect()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.by_second().into_iter().map(u64::from).sum()
    }

    pub(crate) fn throttled(&self) -> u64 {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, part)| u64::from(*part)).sum()
    }

    pub(crate) fn peak(&self) -> u32 {
        self.by_second().into_iter().max().unwrap_or_default()
    }
}
