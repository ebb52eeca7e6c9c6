//! Times as AWS writes them.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// `2030-01-01T00:00:00Z`, in whole seconds.
pub(crate) fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    DateTime::from_secs(seconds).fmt(Format::DateTime).unwrap_or_else(|_| "an unknown time".into())
}

/// Reads a time in UTC. botocore also writes `UTC` and `+00:00` where others write `Z`.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let bare = ["Z", "UTC", "+00:00", "+0000"].iter().find_map(|zone| text.strip_suffix(zone))?;
    DateTime::from_str(&format!("{bare}Z"), Format::DateTime).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    proptest::proptest! {
        #[test]
        fn a_time_is_read_as_it_was_written(seconds in 0..253_402_300_799_u64) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let written = stamp(time);
            proptest::prop_assert_eq!(written.len(), 20);
            proptest::prop_assert_eq!(parse(&written), Some(time));
            for zone in ["UTC", "+00:00", "+0000"] {
                proptest::prop_assert_eq!(parse(&written.replace('Z', zone)), Some(time));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9T:.Z+-]{0,30}|.*") {
            let _ = parse(&text);
        }
    }
}
