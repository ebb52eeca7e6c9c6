//! Regions, as far as names depend on them.

use crate::Error;

/// The partition of a region, by its prefix.
pub(crate) fn partition(region: &str) -> &'static str {
    find(region).1
}

/// The domain of AWS's endpoints in a region.
pub(crate) fn dns_suffix(region: &str) -> &'static str {
    find(region).2
}

/// Refuses what cannot be a region's name: it must be like `ap-northeast-1` or `us-gov-west-1`.
pub(crate) fn check(region: &str) -> Result<(), Error> {
    let parts: Vec<&str> = region.split('-').collect();
    let right = matches!(parts.len(), 3..=5)
        && parts[..parts.len() - 1].iter().all(|p| !p.is_empty() && p.bytes().all(|c| c.is_ascii_lowercase()))
        && parts.last().is_some_and(|n| matches!(n.len(), 1..=2) && n.bytes().all(|c| c.is_ascii_digit()));
    if right {
        return Ok(());
    }
    Err(Error::invalid(format!("a region must be like ap-northeast-1, not {region:?}")))
}

type Row = (&'static str, &'static str, &'static str);

fn find(region: &str) -> &'static Row {
    const ROWS: [Row; 8] = [
        ("cn-", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-", "aws-us-gov", "amazonaws.com"),
        ("eusc-", "aws-eusc", "amazonaws.eu"),
        ("us-iso-", "aws-iso", "c2s.ic.gov"),
        ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
        ("", "aws", "amazonaws.com"),
    ];
    ROWS.iter().find(|(prefix, ..)| region.starts_with(prefix)).unwrap_or(&ROWS[ROWS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::{check, dns_suffix, partition};

    #[test]
    fn partitions_follow_from_the_prefix() {
        assert_eq!((partition("ap-northeast-1"), dns_suffix("ap-northeast-1")), ("aws", "amazonaws.com"));
        assert_eq!((partition("cn-north-1"), dns_suffix("cn-north-1")), ("aws-cn", "amazonaws.com.cn"));
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("us-west-1"), "aws");
    }

    #[test]
    fn malformed_names_are_refused() {
        for good in ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "xx-new-12"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "us", "us-east", "US-EAST-1", "us-east-1.evil.test", "us--1", "us-east-123"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
