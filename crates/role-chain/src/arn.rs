use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::limits;

/// The ARN of an IAM role, `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`, checked part by part.
///
/// ```
/// use role_chain::RoleArn;
///
/// let role = RoleArn::parse("arn:aws:iam::222222222222:role/deploy/RoleB")?;
/// assert_eq!(role.account_id(), "222222222222");
/// assert_eq!(role.name(), "RoleB");
///
/// let error = RoleArn::parse("arn:aws:iam::2222:role/RoleB").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"role ARN "arn:aws:iam::2222:role/RoleB": the account must be 12 digits, not "2222""#
/// );
/// # Ok::<(), role_chain::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleArn {
    text: String,
    // Byte offsets into `text`, so that the parts need no copies.
    partition_end: usize,
    name_start: usize,
}

impl RoleArn {
    const PARTITION_START: usize = "arn:".len();

    /// Reads an ARN.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`], naming the part and the rule, where the text is not a role's ARN: wrong length (20 to 2,048 characters), partition, service,
    /// account, path or name. The rules are those of the IAM user guide, page "IAM identifiers", and of the STS API reference, page `AssumeRole`.
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        match Self::offsets(&text) {
            Ok((partition_end, name_start)) => Ok(Self { text, partition_end, name_start }),
            Err(rule) => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("role ARN {:?}: {rule}", abbreviate(&text)))
                    .with_help(
                        "A role's ARN stands on its page of the IAM console, and reads arn:aws:iam::ACCOUNT:role/NAME.",
                    ))
            }
        }
    }

    fn offsets(text: &str) -> Result<(usize, usize), String> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts.as_slice() else {
            return Err("it must have six parts, divided by colons, as in arn:aws:iam::ACCOUNT:role/NAME".into());
        };
        if *arn != "arn" {
            return Err(format!("it must start with \"arn:\", not {arn:?}"));
        }
        if !limits::PARTITIONS.iter().any(|(known, _)| known == partition) {
            let known: Vec<&str> = limits::PARTITIONS.iter().map(|(name, _)| *name).collect();
            return Err(format!("the partition must be one of {}, not {partition:?}", known.join(", ")));
        }
        if *service != "iam" {
            return Err(format!("the service must be \"iam\", not {service:?}"));
        }
        if !region.is_empty() {
            return Err(format!("IAM has no regions, so the fourth part must be empty, not {region:?}"));
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("the account must be 12 digits, not {account:?}"));
        }
        let Some(path_and_name) = resource.strip_prefix("role/") else {
            return Err(format!("the resource must be \"role/NAME\", not {resource:?}"));
        };
        let (path, name) = path_and_name.rsplit_once('/').map_or(("", path_and_name), |(path, name)| (path, name));
        // IAM allows any printable ASCII in a path.
        if path.len() > 510 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the path must be at most 512 printable ASCII characters".into());
        }
        let name_ok = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte));
        if !name_ok {
            return Err(format!(
                "the role's name must be 1 to 64 ASCII letters, digits and any of +=,.@-_, not {:?}",
                abbreviate(name)
            ));
        }
        limits::role_arn_length(text).map_err(|rule| format!("it {rule}"))?;
        Ok((Self::PARTITION_START + partition.len(), text.len() - name.len()))
    }

    /// The ARN as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        &self.text[Self::PARTITION_START..self.partition_end]
    }

    /// The twelve digits of the account that the role belongs to.
    pub fn account_id(&self) -> &str {
        let start = self.partition_end + ":iam::".len();
        &self.text[start..start + 12]
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        &self.text[self.name_start..]
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoleArn").field(&self.text).finish()
    }
}

impl FromStr for RoleArn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl AsRef<str> for RoleArn {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Error messages stay one readable line, whatever was passed in.
pub(crate) fn abbreviate(text: &str) -> String {
    const MAX: usize = 120;
    if text.chars().count() <= MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MAX).collect();
    short.push('…');
    short
}

/// Splits the ARN of an assumed role's session, `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, into account and role name.
pub(crate) fn assumed_role(arn: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "sts", _, account, resource] = parts.as_slice() else {
        return None;
    };
    let (name, _session) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
    Some((partition, account, name))
}
