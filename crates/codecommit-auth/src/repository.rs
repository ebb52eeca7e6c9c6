use std::fmt;

use crate::{AccountId, Endpoint, Error, ErrorKind, Region, RepositoryName};

/// A repository with nothing left open: which endpoint, which region, which name.
///
/// It comes from [`Remote::locate`](crate::Remote::locate) and is what a login is signed for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    endpoint: Endpoint,
    region: Region,
    name: RepositoryName,
    path: Box<str>,
}

impl Repository {
    /// The repository `name` of `region`, reached at `endpoint`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] where the endpoint's host holds another region: the signature would never be accepted there.
    pub fn new(endpoint: Endpoint, region: Region, name: RepositoryName) -> Result<Self, Error> {
        if let Some(served) = endpoint.region()
            && *served != region
        {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the endpoint {endpoint} serves {served}, but the repository {name} is named in {region}"),
                "name the same region in the remote and the endpoint",
            ));
        }
        Ok(Self { path: format!("/v1/repos/{name}").into(), endpoint, region, name })
    }

    /// The URL that git is given. It never holds a user name or password.
    #[must_use]
    pub fn https_url(&self) -> String {
        format!("{}{}", self.endpoint, self.path)
    }

    /// The path in that URL, `/v1/repos/NAME`: the path that a login is signed for, whatever is requested below it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The region that a login is signed for.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The repository's name.
    #[must_use]
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Where the repository is reached.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The repository's ARN, as it stands in an IAM policy, where `account` owns it.
    #[must_use]
    pub fn arn(&self, account: &AccountId) -> String {
        format!("arn:{}:codecommit:{}:{account}:{}", self.region.partition(), self.region, self.name)
    }
}

/// The HTTPS URL.
impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.endpoint, self.path)
    }
}
