use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Error, ErrorKind};

/// A moment as a signature holds it: UTC, whole seconds, `YYYYMMDDTHHMMSS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    seconds: u64,
    text: [u8; 15],
}

impl Stamp {
    /// The second that `time` falls into.
    pub(crate) fn new(time: SystemTime) -> Result<Self, Error> {
        /// 10000-01-01T00:00:00Z.
        const END: u64 = 253_402_300_800;
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .ok()
            .map(|since| since.as_secs())
            .filter(|seconds| *seconds < END)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::UnusableTime,
                    "a login cannot be signed for a time before 1970 or after 9999",
                    "set this host's clock",
                )
            })?;
        let (year, month, day) = civil(seconds / 86_400);
        let second = seconds % 86_400;
        let mut text = *b"YYYYMMDDThhmmss";
        decimal(&mut text[0..4], year);
        decimal(&mut text[4..6], month);
        decimal(&mut text[6..8], day);
        decimal(&mut text[9..11], second / 3600);
        decimal(&mut text[11..13], second / 60 % 60);
        decimal(&mut text[13..15], second % 60);
        Ok(Self { seconds, text })
    }

    /// `YYYYMMDDTHHMMSS`.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).expect("digits and a letter")
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, for people.
    pub(crate) fn readable(&self) -> String {
        let text = self.as_str();
        let (date, time) = (&text[..8], &text[9..]);
        format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &time[..2], &time[2..4], &time[4..])
    }

    /// `YYYYMMDD`.
    pub(crate) fn day(&self) -> [u8; 8] {
        self.text[..8].try_into().expect("eight bytes")
    }

    pub(crate) fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.seconds)
    }
}

fn decimal(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("one digit");
        number /= 10;
    }
}

/// Year, month and day of a number of days since 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: u64) -> String {
        Stamp::new(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap().as_str().to_owned()
    }

    #[test]
    fn moments_by_date() {
        // Expected values are GNU date's: date -u -d @N +%Y%m%dT%H%M%S
        for (seconds, expected) in [
            (0, "19700101T000000"),
            (68_169_599, "19720228T235959"),
            (68_256_000, "19720301T000000"),
            (951_782_400, "20000229T000000"),
            (1_709_164_800, "20240229T000000"),
            (4_107_542_399, "21000228T235959"),
            (4_107_542_400, "21000301T000000"),
            (253_402_300_799, "99991231T235959"),
        ] {
            assert_eq!(stamp(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn moments_for_people() {
        let stamp = Stamp::new(UNIX_EPOCH + Duration::from_secs(951_782_461)).unwrap();
        assert_eq!(stamp.readable(), "2000-02-29T00:01:01Z");
    }

    #[test]
    fn times_that_cannot_be_signed() {
        for time in [UNIX_EPOCH - Duration::from_nanos(1), UNIX_EPOCH + Duration::from_secs(253_402_300_800)] {
            assert_eq!(Stamp::new(time).unwrap_err().kind(), ErrorKind::UnusableTime);
        }
    }

    #[test]
    fn parts_of_a_second_are_dropped() {
        let stamp = Stamp::new(UNIX_EPOCH + Duration::from_millis(1999)).unwrap();
        assert_eq!(stamp.time(), UNIX_EPOCH + Duration::from_secs(1));
    }
}
