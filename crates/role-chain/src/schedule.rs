//! When credentials are to be replaced: a matter of their lifetime, spread so that hosts that started together do not refresh together.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The longest time before expiry at which a refresh starts; shorter lifetimes take a quarter.
const AHEAD_MAX: Duration = Duration::from_secs(15 * 60);
/// The longest time before expiry in which callers wait for the refresh rather than take what is about to expire; shorter lifetimes take a tenth.
const URGENT_MAX: Duration = Duration::from_secs(60);
/// The part of the window over which the start of the refresh is spread.
const SPREAD: f64 = 0.2;

/// How long a cache on top may keep credentials that are being replaced.
const SOON: Duration = Duration::from_secs(30);

const PAUSE_MIN: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The course of one set of credentials. `None` for those that do not expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(Option<Times>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    refresh: SystemTime,
    urgent: SystemTime,
    expiry: SystemTime,
}

/// How credentials stand at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    /// To be replaced in the background.
    Due,
    /// To be replaced before the caller goes on, if that is possible.
    Urgent,
    /// Of no use.
    Expired,
}

impl Schedule {
    /// The schedule of credentials by when they were obtained. `chance` is from 0 up to 1.
    pub(crate) fn new(obtained: SystemTime, expiry: Option<SystemTime>, chance: f64) -> Self {
        let Some(expiry) = expiry else {
            return Self(None);
        };
        let life = expiry.duration_since(obtained).unwrap_or_default();
        let window = (life / 4).min(AHEAD_MAX);
        let ahead = window.mul_f64(1.0 - SPREAD * chance.clamp(0.0, 1.0));
        let urgent = (life / 10).min(URGENT_MAX);
        Self(Some(Times {
            refresh: expiry.checked_sub(ahead).unwrap_or(expiry),
            urgent: expiry.checked_sub(urgent).unwrap_or(expiry),
            expiry,
        }))
    }

    pub(crate) fn standing(&self, now: SystemTime) -> Standing {
        match self.0 {
            None => Standing::Fresh,
            Some(times) if now >= times.expiry => Standing::Expired,
            Some(times) if now >= times.urgent => Standing::Urgent,
            Some(times) if now >= times.refresh => Standing::Due,
            Some(_) => Standing::Fresh,
        }
    }

    /// The expiry to report to a cache that asks again only once it has passed: the time at which to replace the credentials, or soon where that has come.
    pub(crate) fn early_expiry(&self, now: SystemTime) -> Option<SystemTime> {
        let times = self.0?;
        let soon = now.checked_add(SOON).unwrap_or(now);
        Some(if now < times.refresh { times.refresh } else { soon.min(times.expiry) })
    }

    /// Whether the credentials are good for `life` from `now`.
    pub(crate) fn lasts(&self, now: SystemTime, life: Duration) -> bool {
        self.remaining(now).is_none_or(|left| left > life)
    }

    /// What is left of the credentials' life; `None` where it does not end.
    pub(crate) fn remaining(&self, now: SystemTime) -> Option<Duration> {
        self.0.map(|times| times.expiry.duration_since(now).unwrap_or_default())
    }
}

/// How long to wait after so many failures in a row: from 2 seconds, doubling, at most a minute; and of that a part from a half to all, by `chance`, a random
/// number from 0 up to 1, so that hosts that failed together do not come back together.
///
/// It is what a chain waits between its own tries, and fits whoever tries again where [`is_retryable`](crate::Error::is_retryable) says that it can help.
pub fn backoff(failures: u32, chance: f64) -> Duration {
    let full = PAUSE_MIN.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(PAUSE_MAX);
    full.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

/// Where the spread of refreshes and pauses comes from: numbers from 0 up to 1, of no cryptographic worth.
#[derive(Clone, Default)]
pub(crate) struct Chance(Option<Arc<dyn Fn() -> f64 + Send + Sync>>);

impl Chance {
    pub(crate) fn new(draw: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(draw)))
    }

    pub(crate) fn draw(&self) -> f64 {
        if let Some(draw) = &self.0 {
            return draw();
        }
        // Each RandomState has keys of its own, which the standard library draws from the system's randomness.
        let bits = RandomState::new().build_hasher().finish() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "the caller's" } else { "the system's" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_hour_is_refreshed_in_its_last_quarter_and_waited_for_in_its_last_minute() {
        let schedule = Schedule::new(at(0), Some(at(0) + HOUR), 0.0);
        let standings = [
            (0, Standing::Fresh),
            (2_699, Standing::Fresh),
            (2_700, Standing::Due),
            (3_539, Standing::Due),
            (3_540, Standing::Urgent),
            (3_599, Standing::Urgent),
            (3_600, Standing::Expired),
        ];
        for (second, standing) in standings {
            assert_eq!(schedule.standing(at(second)), standing, "at {second}");
        }
    }

    #[test]
    fn chance_moves_the_refresh_later_by_a_fifth_of_the_window_at_most() {
        let latest = Schedule::new(at(0), Some(at(0) + HOUR), 1.0);
        assert_eq!(latest.standing(at(2_879)), Standing::Fresh);
        assert_eq!(latest.standing(at(2_880)), Standing::Due);
    }

    #[test]
    fn short_lives_have_short_windows() {
        let schedule = Schedule::new(at(0), Some(at(100)), 0.0);
        assert_eq!(schedule.standing(at(74)), Standing::Fresh);
        assert_eq!(schedule.standing(at(75)), Standing::Due);
        assert_eq!(schedule.standing(at(90)), Standing::Urgent);
    }

    #[test]
    fn what_does_not_expire_is_always_fresh() {
        let schedule = Schedule::new(at(0), None, 0.5);
        assert_eq!(schedule.standing(at(u32::MAX.into())), Standing::Fresh);
        assert!(schedule.lasts(at(0), Duration::MAX));
    }

    #[test]
    fn pauses_double_within_bounds() {
        for (failures, most) in [(1, 2), (2, 4), (3, 8), (6, 60), (4_000_000_000, 60)] {
            let most = Duration::from_secs(most);
            assert_eq!((backoff(failures, 0.0), backoff(failures, 1.0)), (most / 2, most), "{failures}");
        }
    }

    #[test]
    fn chances_are_in_range_and_differ() {
        let chances: Vec<f64> = (0..64).map(|_| Chance::default().draw()).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        assert!(chances.iter().any(|chance| *chance != chances[0]));
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_lifetime_the_turns_come_in_order(life in 0..100_000_u64, chance in 0.0..1.0_f64, second in 0..110_000_u64) {
            let schedule = Schedule::new(at(0), Some(at(life)), chance);
            let Some(times) = schedule.0 else { panic!("it expires") };
            proptest::prop_assert!(times.refresh <= times.urgent && times.urgent <= times.expiry);
            // No refresh before three quarters of a life, nor more than 15 minutes ahead.
            proptest::prop_assert!(times.refresh >= at(life * 3 / 4) && times.refresh + AHEAD_MAX >= times.expiry);
            let standing = schedule.standing(at(second));
            proptest::prop_assert_eq!(standing == Standing::Expired, second >= life);
            proptest::prop_assert_eq!(schedule.lasts(at(second), Duration::ZERO), second < life);
            let early = schedule.early_expiry(at(second)).unwrap();
            proptest::prop_assert!(early <= times.expiry);
        }
    }
}
