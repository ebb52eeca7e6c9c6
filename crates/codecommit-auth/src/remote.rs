use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Endpoint, Error, ErrorKind, Region, Repository, RepositoryName};

mod parse;

pub(crate) use parse::{is_repository_path, repository_at};

/// A repository by the name that a user wrote.
///
/// | form | holds |
/// | --- | --- |
/// | `https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME`, and the FIPS, VPC and other partitions' hosts | endpoint, region |
/// | `codecommit://[PROFILE@]NAME` | perhaps a profile |
/// | `codecommit::REGION://[PROFILE@]NAME` | region, perhaps a profile |
/// | `REGION://[PROFILE@]NAME` | the same, as git hands it to a remote helper |
/// | `arn:aws:codecommit:REGION:ACCOUNT:NAME` | region, account |
///
/// A leading `codecommit::`, which is how git is told to call a remote helper, may stand before every form. A slash at the end is dropped. What the name leaves open is filled in by [`locate`](Self::locate).
///
/// ```
/// use codecommit_auth::{Region, Remote};
///
/// let remote = Remote::parse("codecommit::ap-northeast-1://b@app")?;
/// assert_eq!(remote.profile(), Some("b"));
///
/// let repository = remote.locate(None, None)?;
/// assert_eq!(
///     repository.https_url(),
///     "https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app",
/// );
///
/// let remote = Remote::parse("codecommit://app")?;
/// assert!(remote.locate(None, None).unwrap_err().kind() == codecommit_auth::ErrorKind::MissingRegion);
/// let repository = remote.locate(Some(&"cn-north-1".parse()?), None)?;
/// assert_eq!(repository.endpoint().host(), "git-codecommit.cn-north-1.amazonaws.com.cn");
/// # Ok::<(), codecommit_auth::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    form: Form,
    repository: RepositoryName,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Form {
    Url { endpoint: Endpoint },
    Codecommit { profile: Option<Box<str>>, region: Option<Region> },
    Arn { region: Region, account: AccountId },
}

impl Remote {
    /// The remote of that name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] where a part breaks its rule, [`ErrorKind::Transport`] for `ssh` and `http`, [`ErrorKind::ForeignHost`] for an HTTPS URL at a host that is not CodeCommit's, [`ErrorKind::Conflict`] for an ARN whose partition does not hold its region.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::parse_with(name, None)
    }

    /// The remote of that name, where an HTTPS URL may also be at the endpoint that the caller vouches for.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(name: &str, vouched: Option<&Endpoint>) -> Result<Self, Error> {
        parse::remote(name, vouched)
    }

    /// The AWS profile that the name asks for.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        match &self.form {
            Form::Codecommit { profile, .. } => profile.as_deref(),
            Form::Url { .. } | Form::Arn { .. } => None,
        }
    }

    /// The region, where the name holds one.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        match &self.form {
            Form::Url { endpoint } => endpoint.region(),
            Form::Codecommit { region, .. } => region.as_ref(),
            Form::Arn { region, .. } => Some(region),
        }
    }

    /// The account that owns the repository, which only an ARN names.
    #[must_use]
    pub fn account_id(&self) -> Option<&AccountId> {
        match &self.form {
            Form::Arn { account, .. } => Some(account),
            Form::Url { .. } | Form::Codecommit { .. } => None,
        }
    }

    /// The repository's name.
    #[must_use]
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// The endpoint, where the name is an HTTPS URL.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match &self.form {
            Form::Url { endpoint } => Some(endpoint),
            Form::Codecommit { .. } | Form::Arn { .. } => None,
        }
    }

    /// The place that the name means.
    ///
    /// The region is the name's own, else the one in the endpoint's host, else `default_region`. The endpoint is `endpoint` where it is given, even for an HTTPS URL (that is what an override is for), else the URL's, else the region's [standard](Endpoint::standard) one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MissingRegion`] where no region is known, [`ErrorKind::Conflict`] where the name's region is not the one in the endpoint's host.
    pub fn locate(&self, default_region: Option<&Region>, endpoint: Option<&Endpoint>) -> Result<Repository, Error> {
        let endpoint = endpoint.or(self.endpoint());
        let region = self.region().or(endpoint.and_then(Endpoint::region)).or(default_region).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingRegion,
                format!("no region is known for the repository {}", self.repository),
                "name the region, as in codecommit::us-east-1://NAME, or set it with AWS_REGION or in the profile",
            )
        })?;
        let endpoint = endpoint.cloned().unwrap_or_else(|| Endpoint::standard(region));
        Repository::new(endpoint, region.clone(), self.repository.clone())
    }
}

impl FromStr for Remote {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::parse(name)
    }
}

impl TryFrom<&str> for Remote {
    type Error = Error;

    fn try_from(name: &str) -> Result<Self, Error> {
        Self::parse(name)
    }
}

impl TryFrom<String> for Remote {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        Self::parse(&name)
    }
}

/// In the form that the user wrote, as `git clone` takes it.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.repository;
        match &self.form {
            Form::Url { endpoint } => write!(f, "{endpoint}/v1/repos/{name}"),
            Form::Codecommit { profile, region } => {
                match region {
                    None => f.write_str("codecommit://")?,
                    Some(region) => write!(f, "codecommit::{region}://")?,
                }
                if let Some(profile) = profile {
                    write!(f, "{profile}@")?;
                }
                write!(f, "{name}")
            }
            Form::Arn { region, account } => {
                write!(f, "arn:{}:codecommit:{region}:{account}:{name}", region.partition())
            }
        }
    }
}
