use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;

/// Below this, a difference of clocks is taken for the journey of an answer. The SDK's own correction uses the same bound.
const SKEW_MIN: Duration = Duration::from_secs(4 * 60);

/// The time: this host's, and what the services' answers say it is.
///
/// An expiry is a time on the services' clock. A host whose clock is an hour ahead would take every session for expired, one that is behind would use
/// expired ones: so expiries are compared with the host's clock corrected by the last difference seen.
#[derive(Clone)]
pub(crate) struct Clock {
    local: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// The services' clock less this host's, in milliseconds; `UNKNOWN` before the first answer.
    offset: Arc<AtomicI64>,
}

const UNKNOWN: i64 = i64::MIN;

impl Clock {
    pub(crate) fn new(local: Arc<dyn Fn() -> SystemTime + Send + Sync>) -> Self {
        Self { local, offset: Arc::new(AtomicI64::new(UNKNOWN)) }
    }

    pub(crate) fn of_system() -> Self {
        Self::new(Arc::new(SystemTime::now))
    }

    /// What this host takes for the time.
    pub(crate) fn local(&self) -> SystemTime {
        (self.local)()
    }

    /// The time to compare expiries with.
    pub(crate) fn now(&self) -> SystemTime {
        let local = self.local();
        match self.offset() {
            Some(offset) if offset.unsigned_abs() >= SKEW_MIN.as_millis() as u64 => shift(local, offset),
            _ => local,
        }
    }

    /// The services' time, if any of them has answered.
    pub(crate) fn of_service(&self) -> Option<SystemTime> {
        self.offset().map(|offset| shift(self.local(), offset))
    }

    /// Whether the clocks differ by so much that signatures fail for it.
    pub(crate) fn is_skewed(&self) -> bool {
        self.offset().is_some_and(|offset| offset.unsigned_abs() >= SKEW_MIN.as_millis() as u64)
    }

    /// Takes note of a service's time.
    pub(crate) fn observe(&self, service: SystemTime) {
        let local = self.local();
        let offset = match service.duration_since(local) {
            Ok(ahead) => i64::try_from(ahead.as_millis()).ok(),
            Err(behind) => i64::try_from(behind.duration().as_millis()).ok().map(|ms| -ms),
        };
        if let Some(offset) = offset {
            self.offset.store(offset, Ordering::Relaxed);
        }
    }

    /// Looks at the correction in the light of credentials just obtained, which last `longest` at most: where only this host's own clock makes sense of
    /// their expiry, what the answers said of the time was wrong (a proxy's doing, say), and is forgotten.
    pub(crate) fn reconcile(&self, expiry: SystemTime, longest: Duration) {
        let sensible = |now: SystemTime| {
            expiry.duration_since(now).is_ok_and(|left| !left.is_zero() && left <= longest + SKEW_MIN)
        };
        if !sensible(self.now()) && sensible(self.local()) {
            self.offset.store(UNKNOWN, Ordering::Relaxed);
        }
    }

    fn offset(&self) -> Option<i64> {
        match self.offset.load(Ordering::Relaxed) {
            UNKNOWN => None,
            offset => Some(offset),
        }
    }
}

fn shift(time: SystemTime, milliseconds: i64) -> SystemTime {
    let distance = Duration::from_millis(milliseconds.unsigned_abs());
    let shifted = match milliseconds >= 0 {
        true => time.checked_add(distance),
        false => time.checked_sub(distance),
    };
    shifted.unwrap_or(time)
}

/// The SDK measures and corrects skew itself, so it gets the host's time.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.local()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("offset_ms", &self.offset()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn clock() -> Clock {
        Clock::new(Arc::new(|| at(100_000)))
    }

    #[test]
    fn a_small_difference_corrects_nothing_and_a_large_one_does() {
        for (service, now) in [(100_239, 100_000), (100_240, 100_240), (96_400, 96_400), (99_761, 100_000)] {
            let clock = clock();
            clock.observe(at(service));
            assert_eq!(clock.now(), at(now), "{service}");
            assert_eq!(clock.of_service(), Some(at(service)));
            assert_eq!(clock.local(), at(100_000));
            assert_eq!(clock.is_skewed(), now != 100_000);
        }
        assert_eq!(clock().of_service(), None);
    }

    #[test]
    fn a_date_that_credentials_belie_is_forgotten() {
        let hour = Duration::from_secs(3_600);
        for wrong in [190_000, 50_000] {
            let clock = clock();
            clock.observe(at(wrong));
            clock.reconcile(at(103_600), hour);
            assert_eq!(clock.now(), at(100_000), "{wrong}");
        }
        let clock = clock();
        clock.observe(at(107_200));
        clock.reconcile(at(110_800), hour);
        assert_eq!(clock.now(), at(107_200), "a host that is two hours behind");
    }
}
