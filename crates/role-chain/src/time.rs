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
