use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;
use crate::error::Shown;
use crate::partition::Partition;

/// The name of an AWS region, such as `ap-northeast-1` or `us-gov-west-1`.
///
/// Three or more groups of lower-case letters and digits joined by hyphens, the first beginning with a letter, the last all digits, 63 characters at most. There is no list of regions: one that does not exist yet is as good as any other, and only a malformed name is an error.
///
/// ```
/// use codecommit_auth::Region;
///
/// let region: Region = "mars-north-1".parse()?;
/// assert_eq!(region.as_str(), "mars-north-1");
/// assert!("ap-northeast-1a".parse::<Region>().is_err()); // an availability zone
/// # Ok::<(), codecommit_auth::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Arc<str>);

impl Region {
    /// The name as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier of the partition that the region belongs to, as it stands in an ARN: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, …
    ///
    /// By the rule of the AWS SDKs: the partition whose pattern the name matches, else `aws`.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        Partition::of(self).id
    }

    /// The DNS suffix of the region's partition: `amazonaws.com`, `amazonaws.com.cn`, `amazonaws.eu`, …
    #[must_use]
    pub fn dns_suffix(&self) -> &'static str {
        Partition::of(self).dns_suffix
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if is_region(name) {
            return Ok(Self(name.into()));
        }
        let help = if name.bytes().any(|b| b.is_ascii_uppercase()) && is_region(&name.to_ascii_lowercase()) {
            "write the region in lower case"
        } else if name.ends_with(|c: char| c.is_ascii_lowercase()) && is_region(&name[..name.len() - 1]) {
            "leave the last letter out: it makes the name an availability zone's"
        } else {
            "name a region such as us-east-1"
        };
        Err(Error::malformed(
            format!(
                "{} is not a region: a region is groups of lower-case letters and digits joined by hyphens, ending in a number, such as ap-northeast-1",
                Shown(name)
            ),
            help,
        ))
    }
}

/// Whether `name` has a region's form.
pub(crate) fn is_region(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').count() >= 3
        && name
            .split('-')
            .all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        && name.rsplit('-').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

impl TryFrom<&str> for Region {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self, Error> {
        name.parse()
    }
}

impl AsRef<str> for Region {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_by_form() {
        for good in
            ["us-east-1", "ap-northeast-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "mars-north-12"]
        {
            assert_eq!(good.parse::<Region>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "-",
            "us",
            "us-1",
            "us-east",
            "us-east-1a",
            "us-east-1.",
            "us--1",
            "-us-east-1",
            "us-east-1-",
            "1s-east-1",
            "US-EAST-1",
            "us_east_1",
            "us-east-1\n",
            "us-east-1 ",
            "us-éast-1",
            "us-east-١",
            "aws-global",
            "us.east-x-1",
            "us/east-x-1",
        ] {
            let error = bad.parse::<Region>().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Malformed, "{bad:?}");
            assert!(error.is_usage());
        }
        assert!(format!("us-{}-1", "e".repeat(58)).parse::<Region>().is_ok());
        assert!(format!("us-{}-1", "e".repeat(59)).parse::<Region>().is_err());
    }

    #[test]
    fn the_help_knows_the_usual_slips() {
        assert!("us-east-1a".parse::<Region>().unwrap_err().help().contains("availability zone"));
        assert!("US-East-1".parse::<Region>().unwrap_err().help().contains("lower case"));
    }
}
