//! The rules that STS and IAM set for the parts of an `AssumeRole` call, checked before any call.
//!
//! Numbers and alphabets are those of the STS API reference, page `AssumeRole`, in the form in which the STS service model publishes them.

use std::time::Duration;

/// The longest session of a role that was itself assumed with temporary credentials ("role chaining").
pub(crate) const CHAINED_DURATION_MAX: Duration = Duration::from_secs(3_600);
const DURATION_MIN: Duration = Duration::from_secs(900);
/// The longest session of any role.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(43_200);

/// What STS gives where no duration is asked for.
pub(crate) const DURATION_DEFAULT: Duration = Duration::from_secs(3_600);

const ROLE_ARN_LENGTH: std::ops::RangeInclusive<usize> = 20..=2_048;
const POLICY_LENGTH_MAX: usize = 2_048;
const POLICY_ARNS_MAX: usize = 10;
const TAGS_MAX: usize = 50;
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;

/// The partitions of AWS, each with the region whose STS stands in where no region is known.
pub(crate) const PARTITIONS: [(&str, &str); 8] = [
    ("aws", "us-east-1"),
    ("aws-cn", "cn-north-1"),
    ("aws-us-gov", "us-gov-west-1"),
    ("aws-eusc", "eusc-de-east-1"),
    ("aws-iso", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-south-1"),
];

/// A broken rule, as the rest of a sentence that starts with the name of the thing.
pub(crate) type Broken = String;

pub(crate) fn session_name(value: &str) -> Result<(), Broken> {
    text(value, 2..=64, "+=,.@-_")
}

pub(crate) fn source_identity(value: &str) -> Result<(), Broken> {
    text(value, 2..=64, "+=,.@-_")
}

/// External IDs are secrets to some: the rule is named, the value is not repeated.
pub(crate) fn external_id(value: &str) -> Result<(), Broken> {
    text(value, 2..=1_224, "+=,.@:/-_").map_err(|broken| match broken.split_once(", not ") {
        Some((rule, _)) => rule.to_owned(),
        None => broken,
    })
}

/// An MFA device: a virtual device's ARN or a hardware device's number.
pub(crate) fn serial_number(value: &str) -> Result<(), Broken> {
    text(value, 9..=256, "+=/:,.@-_")
}

pub(crate) fn mfa_code(value: &str) -> Result<(), Broken> {
    if value.len() == 6 && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err("must be six digits".into())
    }
}

pub(crate) fn duration(value: Duration) -> Result<(), Broken> {
    if value.subsec_nanos() != 0 {
        return Err(format!("must be whole seconds, not {value:?}"));
    }
    if !(DURATION_MIN..=DURATION_MAX).contains(&value) {
        return Err(format!(
            "must be {} to {} seconds, not {}",
            DURATION_MIN.as_secs(),
            DURATION_MAX.as_secs(),
            value.as_secs()
        ));
    }
    Ok(())
}

pub(crate) fn chained_duration(value: Duration) -> Result<(), Broken> {
    if value > CHAINED_DURATION_MAX {
        return Err(format!(
            "must be at most {} seconds where the role is assumed with temporary credentials (role chaining), not {}",
            CHAINED_DURATION_MAX.as_secs(),
            value.as_secs()
        ));
    }
    Ok(())
}

pub(crate) fn role_arn_length(value: &str) -> Result<(), Broken> {
    let length = value.chars().count();
    if ROLE_ARN_LENGTH.contains(&length) {
        Ok(())
    } else {
        Err(format!("must have {} to {} characters, not {length}", ROLE_ARN_LENGTH.start(), ROLE_ARN_LENGTH.end()))
    }
}

/// An inline session policy: a JSON object of at most 2,048 characters.
pub(crate) fn session_policy(value: &str) -> Result<(), Broken> {
    let length = value.chars().count();
    if !(1..=POLICY_LENGTH_MAX).contains(&length) {
        return Err(format!("must have 1 to {POLICY_LENGTH_MAX} characters, not {length}"));
    }
    match serde_json::from_str::<serde_json::Value>(value) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        Ok(_) => Err("must be a JSON object".into()),
        Err(error) => Err(format!("must be JSON: {error}")),
    }
}

pub(crate) fn session_policy_arns(values: &[String]) -> Result<(), Broken> {
    if values.len() > POLICY_ARNS_MAX {
        return Err(format!("may be at most {POLICY_ARNS_MAX}, not {}", values.len()));
    }
    for value in values {
        let length = value.chars().count();
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        let policy = matches!(parts.as_slice(), ["arn", _, "iam", "", _, resource] if resource.starts_with("policy/"));
        if !(20..=2_048).contains(&length) || !policy {
            return Err(format!(
                "must be IAM policy ARNs (arn:aws:iam::ACCOUNT:policy/NAME) of 20 to 2048 characters, not {value:?}"
            ));
        }
    }
    Ok(())
}

/// Session tags: at most 50, keys unique regardless of case, each in its length and alphabet.
pub(crate) fn tags<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), Broken> {
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in pairs {
        let length = key.chars().count();
        if !(1..=TAG_KEY_MAX).contains(&length) {
            return Err(format!("must have keys of 1 to {TAG_KEY_MAX} characters, not {length}"));
        }
        let length = value.chars().count();
        if length > TAG_VALUE_MAX {
            return Err(format!("must have values of at most {TAG_VALUE_MAX} characters, not {length}"));
        }
        if let Some(odd) = key.chars().chain(value.chars()).find(|c| !is_tag_char(*c)) {
            return Err(format!("may hold letters, digits, spaces and any of _.:/=+-@, not {odd:?}"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("must not start with \"aws:\", as {key:?} does"));
        }
        let folded = key.to_lowercase();
        if seen.contains(&folded) {
            return Err(format!("must have different keys, regardless of case, but {key:?} stands twice"));
        }
        seen.push(folded);
    }
    if seen.len() > TAGS_MAX {
        return Err(format!("may be at most {TAGS_MAX}, not {}", seen.len()));
    }
    Ok(())
}

/// A region is a host label: it becomes part of a host name. Unknown regions are fine, new ones appear.
pub(crate) fn region(value: &str) -> Result<(), Broken> {
    let label = (1..=63).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-');
    if label {
        Ok(())
    } else {
        Err(format!("must be lower-case letters, digits and inner hyphens, as in ap-northeast-1, not {value:?}"))
    }
}

/// The partition that a region's name tells of.
pub(crate) fn partition_of(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

fn text(value: &str, length: std::ops::RangeInclusive<usize>, punctuation: &str) -> Result<(), Broken> {
    let count = value.chars().count();
    if !length.contains(&count) {
        return Err(format!("must have {} to {} characters, not {count}", length.start(), length.end()));
    }
    match value.chars().find(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c)) {
        Some(odd) => Err(format!("may hold ASCII letters, digits and any of {punctuation}, not {odd:?}")),
        None => Ok(()),
    }
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}
