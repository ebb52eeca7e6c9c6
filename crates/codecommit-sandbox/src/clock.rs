//! The time that the sandbox goes by, and the forms in which AWS writes it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// The system's clock, moved by a number of seconds that can change while the servers run.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: AtomicI64,
}

impl Clock {
    pub(crate) fn with_offset(seconds: i64) -> Self {
        Self { offset: AtomicI64::new(seconds) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs() as i64);
        Timestamp(system + self.offset.load(Ordering::SeqCst))
    }

    pub(crate) fn offset(&self) -> i64 {
        self.offset.load(Ordering::SeqCst)
    }

    pub(crate) fn set_offset(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// Seconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    pub(crate) fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    /// `2015-08-30T12:36:00Z`, the form of expirations.
    pub(crate) fn iso(self) -> String {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// `20150830T123600Z`, the form of signatures.
    pub(crate) fn basic(self) -> String {
        self.iso().replace(['-', ':'], "")
    }

    /// `Sun, 30 Aug 2015 12:36:00 GMT`, the form of the HTTP `Date` header (RFC 9110, section 5.6.7).
    pub(crate) fn http(self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let Civil { year, month, day, hour, minute, second, weekday } = self.civil();
        let (weekday, month) = (DAYS[weekday], MONTHS[month as usize - 1]);
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    /// Reads `20150830T123600Z`; `None` for anything else, such as a 13th month.
    pub(crate) fn parse_basic(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = bytes.get(from..to)?;
            digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
        };
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        let parsed = Self(days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second);
        (parsed.basic() == text).then_some(parsed)
    }

    pub(crate) fn year_and_month(self) -> (i32, u8) {
        let civil = self.civil();
        (civil.year as i32, civil.month as u8)
    }

    /// Howard Hinnant's `civil_from_days`, <https://howardhinnant.github.io/date_algorithms.html>.
    fn civil(self) -> Civil {
        let (days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            weekday: (days + 4).rem_euclid(7) as usize,
        }
    }
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: usize,
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn known_moments_read_and_write() {
        for (seconds, basic, http) in [
            (0, "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "20000228T235959Z", "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "20000229T000000Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_440_938_160, "20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"),
            (4_102_444_799, "20991231T235959Z", "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] {
            assert_eq!(Timestamp(seconds).basic(), basic);
            assert_eq!(Timestamp(seconds).http(), http);
            assert_eq!(Timestamp::parse_basic(basic), Some(Timestamp(seconds)));
        }
    }

    proptest::proptest! {
        #[test]
        fn every_second_of_four_centuries_reads_as_written(seconds in 0..12_622_780_800i64) {
            proptest::prop_assert_eq!(Timestamp::parse_basic(&Timestamp(seconds).basic()), Some(Timestamp(seconds)));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,20}") {
            if let Some(time) = Timestamp::parse_basic(&text) {
                proptest::prop_assert_eq!(time.basic(), text);
            }
        }
    }

    #[test]
    fn impossible_moments_are_refused() {
        for text in
            ["", "20150830T123600", "20151330T123600Z", "20150230T123600Z", "20150830T126000Z", "2015083xT123600Z"]
        {
            assert_eq!(Timestamp::parse_basic(text), None, "{text}");
        }
    }
}
