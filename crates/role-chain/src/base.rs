//! The first credentials of a chain.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::credential_process::CredentialProcessProvider;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::result::ConnectorError;
use sha2::{Digest as _, Sha256};

use crate::arn::RoleArn;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Cause, Error, sources};
use crate::error_kind::ErrorKind;
use crate::http;
use crate::limits;
use crate::plan::{Base, Network};
use crate::quiet::quiet;

/// A credential process that says nothing for so long is taken for stuck.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(60);

/// Tells a credential process which others it is run for, so that one that leads back to itself ends.
const PROCESSES: &str = "ROLE_CHAIN_PROCESSES";

/// A command as a profile has it. Its arguments may be secrets.
#[derive(Clone)]
pub(crate) struct ProcessCommand {
    command: String,
    /// The marks of the commands that this one is run for, and its own.
    running: String,
}

/// Where a container's credentials are.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    /// The relative or full URI that the container's agent set.
    pub(crate) endpoint: String,
}

/// A role that is taken with a token of an OpenID provider.
#[derive(Clone, Debug)]
pub(crate) struct WebIdentity {
    pub(crate) role: RoleArn,
    pub(crate) token_file: PathBuf,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<Duration>,
}

/// A role that IAM Identity Center gives, to whoever logged in with `aws sso login`.
#[cfg(feature = "sso")]
#[derive(Clone, Debug)]
pub(crate) struct Sso {
    pub(crate) start_url: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) role_name: String,
    pub(crate) session_name: Option<String>,
}

impl ProcessCommand {
    pub(crate) fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), running: String::new() }
    }

    pub(crate) fn unredacted(&self) -> &str {
        &self.command
    }

    /// Refuses a command that is running already for what it is to give: with `AWS_PROFILE` set, a program that takes a chain from the environment and is the
    /// profile's `credential_process` would start itself without end.
    pub(crate) fn check(&mut self, environment: &Environment) -> Result<(), Error> {
        let mark = hex::encode(&Sha256::digest(self.command.as_bytes())[..8]);
        let outer = environment.get(PROCESSES).unwrap_or_default();
        if outer.split('.').any(|running| running == mark) {
            return Err(Error::new(ErrorKind::InvalidProfile, "the credential process starts itself without end")
                .at("credential_process")
                .with_help("Let the command name the profile or role that it acts as, rather than take AWS_PROFILE from the environment."));
        }
        // What others put there is not handed on to a shell.
        let outer: String = outer.chars().filter(|c| c.is_ascii_hexdigit() || *c == '.').collect();
        self.running = if outer.is_empty() { mark } else { format!("{outer}.{mark}") };
        Ok(())
    }

    fn line(&self) -> String {
        match cfg!(unix) {
            true => format!("{PROCESSES}={}; export {PROCESSES}; {}", self.running, self.command),
            false => self.command.clone(),
        }
    }
}

impl fmt::Debug for ProcessCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.command.split_whitespace().next().unwrap_or_default();
        write!(f, "ProcessCommand({program:?}, ..)")
    }
}

impl WebIdentity {
    /// Checks what can be checked beforehand. A session by web identity is no role chaining: it may last as long as the role lets it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |what: &str, broken: String| {
            Error::new(ErrorKind::InvalidArgument, format!("{what} {broken}"))
                .at("web identity")
                .with_target(self.role.as_str())
                .with_help("Correct it, or leave it out.")
        };
        if let Some(name) = &self.session_name {
            limits::session_name(name).map_err(|broken| refuse("the session name", broken))?;
        }
        if let Some(duration) = self.duration {
            limits::duration(duration).map_err(|broken| refuse("the duration", broken))?;
        }
        Ok(())
    }

    /// The token. It is read anew for each call, since whoever put it there replaces it.
    pub(crate) fn token(&self) -> Result<String, Error> {
        let refuse = |what: &str| {
            Error::new(
                ErrorKind::BaseUnavailable,
                format!("the web identity token file {} {what}", self.token_file.display()),
            )
            .with_help("The file comes from the platform (EKS, a CI service): check that it is mounted, and readable for this user.")
        };
        let token = std::fs::read_to_string(&self.token_file)
            .map_err(|error| refuse("cannot be read").with_source(Some(Cause::of(&error))))?;
        match token.trim() {
            "" => Err(refuse("is empty")),
            token => Ok(token.to_owned()),
        }
    }
}

/// The base that `AWS_ACCESS_KEY_ID` and its kin make.
pub(crate) fn from_environment(environment: &Environment) -> Result<Base, Error> {
    let required = |name: &str| {
        environment.get(name).ok_or_else(|| {
            Error::new(ErrorKind::BaseUnavailable, format!("the environment has no {name}")).with_help(
                "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary credentials, AWS_SESSION_TOKEN.",
            )
        })
    };
    let mut credentials = Credentials::builder()
        .access_key_id(required("AWS_ACCESS_KEY_ID")?)
        .secret_access_key(required("AWS_SECRET_ACCESS_KEY")?)
        .provider_name("role-chain environment");
    credentials.set_session_token(environment.get("AWS_SESSION_TOKEN"));
    Ok(Base::Environment(credentials.build()))
}

/// The base that a container's agent offers.
pub(crate) fn from_container(environment: &Environment) -> Result<Base, Error> {
    const NAMES: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    match environment.first(&NAMES) {
        Some(endpoint) => Ok(Base::Container(Container { endpoint })),
        None => Err(Error::new(
            ErrorKind::BaseUnavailable,
            "the environment names no credentials of a container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
        )
        .with_help("ECS sets it for a task with a task role, EKS for a pod with Pod Identity: give the task or pod its role, and let the variable through to this process.")),
    }
}

/// Asks a provider of the caller's.
pub(crate) async fn of_provider(provider: &impl ProvideCredentials) -> Result<Credentials, Error> {
    provider.provide_credentials().await.map_err(|error| {
        // A chain as the base of a chain: its own word is the better one.
        let (cause, help, retryable) = match Error::find(&error) {
            Some(inner) => (Cause::of(inner), inner.help().to_owned(), inner.is_retryable()),
            None => (Cause::of(&error), "The cause below is the provider's own word.".to_owned(), is_transient(&error)),
        };
        Error::new(ErrorKind::BaseUnavailable, "the provider gave no credentials")
            .with_source(Some(cause))
            .with_help(help)
            .with_retryable(retryable)
    })
}

/// Asks a container's agent, by the SDK's provider.
pub(crate) async fn of_container(
    container: &Container,
    network: &Network,
    clock: &Clock,
) -> Result<Credentials, Error> {
    // The agent is on this host or next to it: no proxy.
    let http = match container.endpoint.starts_with("https://") {
        true => http::for_sts(true, network.ca_bundle.as_deref(), None, clock.clone())?,
        false => http::plain(clock.clone()),
    };
    let config = ProviderConfig::empty()
        .with_http_client(http)
        .with_time_source(clock.clone())
        .with_sleep_impl(TokioSleep::new());
    let provider = EcsCredentialsProvider::builder().configure(&config).build();
    quiet(provider.provide_credentials()).await.map_err(|error| {
        Error::new(ErrorKind::BaseUnavailable, format!("the container's agent at {} gave no credentials", container.endpoint))
            .with_source(Some(Cause::of(&error)))
            .with_retryable(is_transient(&error))
            .with_help("Check that the task or pod has a role, and that AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE), where it is set, is the agent's.")
    })
}

/// Runs a credential process, by the SDK's provider.
pub(crate) async fn of_process(command: &ProcessCommand) -> Result<Credentials, Error> {
    let refuse = |message: &str| {
        Error::new(ErrorKind::BaseUnavailable, message.to_owned())
            .with_help("Run the profile's credential_process by hand: it must print JSON with Version 1, AccessKeyId and SecretAccessKey.")
    };
    let provider = CredentialProcessProvider::new(command.line());
    match tokio::time::timeout(PROCESS_TIMEOUT, quiet(provider.provide_credentials())).await {
        Ok(Ok(credentials)) => Ok(credentials),
        Ok(Err(error)) => {
            Err(refuse("the credential process gave no credentials").with_source(Some(Cause::of(&error))))
        }
        Err(_) => Err(refuse("the credential process did not end within a minute")),
    }
}

/// Asks IAM Identity Center with the token that `aws sso login` left, by the SDK's provider.
#[cfg(feature = "sso")]
pub(crate) async fn of_sso(sso: &Sso, network: &Network, clock: &Clock) -> Result<Credentials, Error> {
    use aws_config::sso::SsoCredentialsProvider;
    use aws_types::region::Region;

    let http = http::for_sts(true, network.ca_bundle.as_deref(), network.proxy.as_ref(), clock.clone())?;
    let config = ProviderConfig::empty()
        .with_http_client(http)
        .with_time_source(clock.clone())
        .with_sleep_impl(TokioSleep::new());
    let mut provider = SsoCredentialsProvider::builder()
        .configure(&config)
        .account_id(&sso.account_id)
        .role_name(&sso.role_name)
        .start_url(&sso.start_url)
        .region(Region::new(sso.region.clone()));
    provider.set_session_name(sso.session_name.clone());
    quiet(provider.build().provide_credentials()).await.map_err(|error| {
        Error::new(ErrorKind::BaseUnavailable, format!("IAM Identity Center gave no credentials of {}", sso.role_name))
            .with_source(Some(Cause::of(&error)))
            .with_retryable(is_transient(&error))
            .with_help("Log in again: aws sso login")
    })
}

/// Whether a provider was not reached, or not in time: the same may succeed later.
fn is_transient(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::ProviderTimedOut(_))
        || sources(error).any(|source| {
            source.downcast_ref::<ConnectorError>().is_some_and(|error| error.is_io() || error.is_timeout())
        })
}
