//! Joins the chain of roles and the signed login to a clone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use codecommit_auth::{Endpoint, Region, Remote, Repository, sign};
use role_chain::RoleChain;

use crate::login::{Authenticate, Login, Refusal, Verdict};
use crate::{Error, ErrorKind, Result, Step};

/// A login is signed anew when this little of its life is left, so that no request starts with one that dies on the way.
const MARGIN: Duration = Duration::from_secs(120);

/// What a request knows about CodeCommit.
#[derive(Clone, Default)]
pub(crate) struct Access {
    pub(crate) provider: Option<SharedCredentialsProvider>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
}

/// A CodeCommit repository, found.
pub(crate) struct Found {
    pub(crate) url: String,
    pub(crate) shown_url: String,
    pub(crate) authenticate: Arc<dyn Authenticate>,
}

impl Access {
    /// The repository that `remote` names; `None` where it is a URL of another host.
    pub(crate) fn resolve(&self, remote: &str) -> Result<Option<Found>> {
        let invalid = |error: codecommit_auth::Error| Error::invalid(error.to_string()).with_source(error);
        let endpoint = self.endpoint.as_deref().map(Endpoint::vouched).transpose().map_err(invalid)?;
        let parsed = match Remote::parse_with(remote, endpoint.as_ref()) {
            Ok(parsed) => parsed,
            // A URL of another host is none of CodeCommit's business, unless credentials were meant for it.
            Err(_)
                if remote.starts_with("https://") && self.provider.is_none() && !remote.contains("git-codecommit") =>
            {
                return Ok(None);
            }
            Err(error) => return Err(invalid(error)),
        };
        let (provider, chain_region) = self.provider(&parsed)?;
        let region = match &self.region {
            Some(region) => Some(region.parse::<Region>().map_err(invalid)?),
            None => chain_region.map(|region| region.parse::<Region>()).transpose().map_err(invalid)?,
        };
        let repository = parsed.locate(region.as_ref(), endpoint.as_ref()).map_err(invalid)?;
        let url = repository.https_url();
        // git knows no ARNs: what stands in the configuration must be a URL that stock git can fetch from.
        let shown_url = if remote.starts_with("arn:") { url.clone() } else { remote.to_owned() };
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
            Error::new(ErrorKind::Credentials, Step::Plan, "there is no tokio runtime to ask for credentials")
                .with_source(error)
        })?;
        let authenticate = Arc::new(SignedLogin { provider, repository, runtime, kept: Mutex::new(None) });
        Ok(Some(Found { url, shown_url, authenticate }))
    }

    fn provider(&self, remote: &Remote) -> Result<(SharedCredentialsProvider, Option<String>)> {
        if let Some(provider) = &self.provider {
            return Ok((provider.clone(), None));
        }
        let builder = match remote.profile() {
            Some(profile) => RoleChain::from_profile(profile),
            None => RoleChain::from_env(),
        };
        let chain = builder.build().map_err(|error| chain_error(&error, Step::Plan))?;
        let region = chain.region().map(ToString::to_string);
        Ok((SharedCredentialsProvider::new(chain), region))
    }
}

/// Signs logins for one repository, and keeps each for as long as it is good.
struct SignedLogin {
    provider: SharedCredentialsProvider,
    repository: Repository,
    runtime: tokio::runtime::Handle,
    kept: Mutex<Option<(Login, SystemTime)>>,
}

impl Authenticate for SignedLogin {
    fn login(&self) -> Result<Option<Login>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        if let Some((login, until)) = &*kept
            && now + MARGIN < *until
        {
            return Ok(Some(login.clone()));
        }
        let credentials = self.runtime.block_on(self.provider.provide_credentials()).map_err(credentials_error)?;
        let signed = sign(&self.repository, &credentials, SystemTime::now())
            .map_err(|error| Error::new(ErrorKind::Credentials, Step::Login, error.to_string()).with_source(error))?;
        let login = Login::new(signed.username(), signed.password());
        *kept = Some((login.clone(), signed.expires_at()));
        Ok(Some(login))
    }

    fn refused(&self, refusal: &Refusal) -> Verdict {
        if !matches!(refusal.status, 401 | 403) {
            return Verdict::Unexplained;
        }
        let name = self.repository.name();
        let region = self.repository.region();
        let clock = refusal.date.as_deref().map_or_else(String::new, |date| format!(" (the server's says {date})"));
        Verdict::Fail(
            Error::new(
                ErrorKind::Denied,
                Step::Login,
                format!("CodeCommit refused the login for {name} in {region} (HTTP {})", refusal.status),
            )
            .with_help(format!(
                "look in this order: the role must allow codecommit:GitPull on {name} in {region}; this host's clock must be right{clock}; \
                 the repository's KMS key, if it has one of yours, must allow the role to use it"
            )),
        )
    }
}

fn credentials_error(error: aws_credential_types::provider::error::CredentialsError) -> Error {
    match role_chain::Error::find(&error) {
        Some(found) => chain_error(found, Step::Login),
        None => Error::new(ErrorKind::Credentials, Step::Login, "the credentials provider failed").with_source(error),
    }
}

impl From<role_chain::Error> for Error {
    /// A mistake in the chain's plan is one of the request; anything else is a failure to get credentials.
    fn from(error: role_chain::Error) -> Self {
        chain_error(&error, if error.is_configuration() { Step::Plan } else { Step::Login })
    }
}

/// An error of the chain in a clone's terms, with the chain's own step, remedy and word on retrying.
pub(crate) fn chain_error(error: &role_chain::Error, step: Step) -> Error {
    let kind = if error.is_configuration() { ErrorKind::InvalidRequest } else { ErrorKind::Credentials };
    let ours = Error::new(kind, step, error.to_string()).with_help(error.help()).retryable(error.is_retryable());
    ours.with_source(error.clone())
}
