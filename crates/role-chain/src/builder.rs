use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_types::region::Region;

use crate::arn::RoleArn;
use crate::base::{self, ProcessCommand, WebIdentity};
use crate::cache::{Caches, Place, Wish};
use crate::chain::RoleChain;
use crate::clock::Clock;
use crate::endpoint::{self, Proxy};
use crate::environment::Environment;
use crate::error::Error;
use crate::hop::{Hop, TokenSource};
use crate::http;
use crate::plan::{Base, Network, Plan, program_name};
use crate::profile::Profiles;
use crate::schedule::Chance;
use crate::settings::Settings;

/// Collects what a chain is made of; [`build`](Self::build) checks all of it at once.
#[derive(Clone)]
pub struct RoleChainBuilder {
    start: Start,
    hops: Vec<Hop>,
    region: Option<Region>,
    imds_endpoint: Option<String>,
    sts_endpoint: Option<String>,
    ca_bundle: Option<PathBuf>,
    mfa_token: Option<TokenSource>,
    caches: Wish,
    foreground: bool,
    environment: Environment,
    clock: Clock,
    chance: Chance,
}

/// Where the caller says that the chain starts.
#[derive(Clone)]
enum Start {
    Instance,
    Profile(String),
    Default,
    EnvironmentKeys,
    Container,
    WebIdentity(WebIdentity),
    Process(ProcessCommand),
    Provider(SharedCredentialsProvider),
}

impl RoleChain {
    /// A chain that starts at the role of the EC2 instance, asked of its metadata service, version 2 only.
    pub fn from_instance() -> RoleChainBuilder {
        RoleChainBuilder::new(Start::Instance)
    }

    /// A chain as the AWS profile `name` has it in `~/.aws/config` and `~/.aws/credentials`, or the files that `AWS_CONFIG_FILE` and
    /// `AWS_SHARED_CREDENTIALS_FILE` name.
    ///
    /// Read are `role_arn`, `source_profile` (to any depth), `credential_source`, `external_id`, `role_session_name`, `duration_seconds`, keys, `region`, and
    /// how the services are reached (`ca_bundle`, `endpoint_url`, `services`, `ec2_metadata_service_endpoint`, `use_fips_endpoint`, …). A key that bears on who
    /// the caller is and is not supported is an error, not left out; others are left alone. The files are read by [`build`](RoleChainBuilder::build).
    pub fn from_profile(name: impl Into<String>) -> RoleChainBuilder {
        RoleChainBuilder::new(Start::Profile(name.into()))
    }

    /// A chain that starts where the environment says: at the profile that `AWS_PROFILE` names, else at the instance's role.
    pub fn from_env() -> RoleChainBuilder {
        RoleChainBuilder::new(Start::Default)
    }

    /// A chain that starts at the keys in the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if they are temporary, `AWS_SESSION_TOKEN`.
    pub fn from_environment_keys() -> RoleChainBuilder {
        RoleChainBuilder::new(Start::EnvironmentKeys)
    }

    /// A chain that starts at the role of the ECS task or EKS pod that this is, as its agent hands it out.
    pub fn from_container() -> RoleChainBuilder {
        RoleChainBuilder::new(Start::Container)
    }

    /// A chain that starts at `role`, taken with the OpenID token in `token_file`, as EKS and CI services mount one.
    ///
    /// The token is read for each call, since whoever issues it replaces it.
    pub fn from_web_identity(role: RoleArn, token_file: impl Into<PathBuf>) -> RoleChainBuilder {
        let identity = WebIdentity { role, token_file: token_file.into(), session_name: None, duration: None };
        RoleChainBuilder::new(Start::WebIdentity(identity))
    }

    /// A chain that starts at what a command prints, in the form of AWS's `credential_process`. It is run by `sh`, as the AWS CLI runs it.
    pub fn from_credential_process(command: impl Into<String>) -> RoleChainBuilder {
        RoleChainBuilder::new(Start::Process(ProcessCommand::new(command)))
    }

    /// A chain that starts at credentials of the caller's own.
    pub fn from_provider(provider: impl ProvideCredentials + 'static) -> RoleChainBuilder {
        RoleChainBuilder::new(Start::Provider(SharedCredentialsProvider::new(provider)))
    }
}

impl RoleChainBuilder {
    fn new(start: Start) -> Self {
        Self {
            start,
            hops: Vec::new(),
            region: None,
            imds_endpoint: None,
            sts_endpoint: None,
            ca_bundle: None,
            mfa_token: None,
            caches: Wish::default(),
            foreground: false,
            environment: Environment::of_process(),
            clock: Clock::of_system(),
            chance: Chance::default(),
        }
    }

    /// Adds a hop at the end of the chain, after those of the profile if it starts at one.
    pub fn hop(mut self, hop: Hop) -> Self {
        self.hops.push(hop);
        self
    }

    /// The region whose STS is asked.
    ///
    /// Where it is not set: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`, the instance's own, the first of the roles' partition.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Where the instance metadata service is, in place of what `AWS_EC2_METADATA_SERVICE_ENDPOINT` or the profile says: an `http://` URL.
    pub fn imds_endpoint(mut self, url: impl Into<String>) -> Self {
        self.imds_endpoint = Some(url.into());
        self
    }

    /// Where STS is, in place of what `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL` or the profile says: an `https://` or `http://` URL.
    pub fn sts_endpoint(mut self, url: impl Into<String>) -> Self {
        self.sts_endpoint = Some(url.into());
        self
    }

    /// A PEM file with the authorities to trust for STS, in place of the operating system's and of what `AWS_CA_BUNDLE` or the profile says.
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_bundle = Some(path.into());
        self
    }

    /// Where the six digits come from for a profile that has `mfa_serial`: called with the serial, on a thread where it may block.
    ///
    /// Without it such a profile is an error: leaving `mfa_serial` out would change who the caller is.
    pub fn mfa_token<F>(mut self, token: F) -> Self
    where
        F: Fn(&str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    {
        self.mfa_token = Some(Arc::new(token));
        self
    }

    /// Keeps the hops' sessions on disk as well, for processes that come and go: in `$XDG_CACHE_HOME/role-chain`, or `~/.cache/role-chain`.
    ///
    /// Processes that start together make one call; sessions that are still valid are served while STS and the metadata service are down. The folder is
    /// this user's alone (mode 0700, files 0600), links, files of others and broken ones are not used, and each entry belongs to the base identity, the
    /// endpoint and everything that was asked of STS. Unix only.
    pub fn disk_cache(mut self) -> Self {
        self.caches.own = Some(Place::Usual);
        self
    }

    /// As [`disk_cache`](Self::disk_cache), in a folder of the caller's choice, which is made if it is not there.
    pub fn disk_cache_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.caches.own = Some(Place::Path(folder.into()));
        self
    }

    /// Shares sessions with the AWS CLI, in `~/.aws/cli/cache`: takes those that it left with more than 15 minutes to go, and leaves it those obtained here.
    ///
    /// Its entries do not tell whose credentials they were obtained with, nor from which endpoint: opt in only where one identity uses the folder. Hops with
    /// tags, a source identity or managed session policies are left out, since no profile of the AWS CLI has these.
    pub fn aws_cli_cache(mut self) -> Self {
        self.caches.cli = Some(Place::Usual);
        self
    }

    /// As [`aws_cli_cache`](Self::aws_cli_cache), with the folder elsewhere.
    pub fn aws_cli_cache_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.caches.cli = Some(Place::Path(folder.into()));
        self
    }

    /// A name for the identity that a provider of the caller's gives, which tells its sessions from others' in the disk cache.
    pub fn source_name(mut self, name: impl Into<String>) -> Self {
        self.caches.source_name = Some(name.into());
        self
    }

    /// Replaces credentials that are due before it answers, rather than in the background: for programs that end soon, and their background tasks with them.
    ///
    /// Where that fails, or takes longer than three seconds, those that are still valid are served all the same.
    pub fn refresh_in_foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    /// Plans with these environment variables in place of the process's own.
    ///
    /// Containers' agents and logins of IAM Identity Center are looked for by the SDK, which goes by the process's own all the same.
    pub fn environment<K: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables: HashMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.environment = Environment::of_variables(variables);
        self
    }

    /// Tells the time by `now` in place of the system's clock. For tests.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(Arc::new(now));
        self
    }

    /// Spreads refreshes and pauses by `chance`, which gives numbers from 0 up to 1, in place of the system's randomness. For tests and simulations.
    pub fn jitter(mut self, chance: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.chance = Chance::new(chance);
        self
    }

    /// Reads the profile, if there is one, and checks the whole chain. No call is made to anyone.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument), [`InvalidProfile`](crate::ErrorKind::InvalidProfile),
    /// [`Unsupported`](crate::ErrorKind::Unsupported), or [`BaseUnavailable`](crate::ErrorKind::BaseUnavailable) where the environment lacks the keys that the
    /// profile takes from it. The error names the hop or the profile, the rule and the value.
    pub fn build(self) -> Result<RoleChain, Error> {
        let profile = match &self.start {
            Start::Profile(name) => Some(name.clone()),
            Start::Default => self.environment.get("AWS_PROFILE"),
            _ => None,
        };
        let profiles = profile.map(|name| Profiles::load(&self.environment, &name)).transpose()?;
        let (mut base, mut hops) = match (&self.start, &profiles) {
            (Start::EnvironmentKeys, None) => (base::from_environment(&self.environment)?, Vec::new()),
            (Start::Container, None) => (base::from_container(&self.environment)?, Vec::new()),
            (Start::WebIdentity(identity), None) => (Base::WebIdentity(identity.clone()), Vec::new()),
            (Start::Process(command), None) => (Base::Process { command: command.clone() }, Vec::new()),
            (_, Some(profiles)) => {
                let chain = profiles.resolve(self.mfa_token.as_ref())?;
                (chain.base, chain.hops)
            }
            (Start::Provider(provider), None) => (Base::Provider(provider.clone()), Vec::new()),
            (_, None) => (Base::Instance, Vec::new()),
        };
        if let Base::Process { command } = &mut base {
            command.check(&self.environment)?;
        }
        hops.extend(self.hops.iter().cloned());
        let settings = Settings { environment: &self.environment, profiles: profiles.as_ref() };
        let plan = Plan {
            base,
            hops,
            region: self.region.clone().or_else(|| settings.region()),
            network: self.network(&settings)?,
            program: program_name(),
            foreground: self.foreground,
        };
        plan.check()?;
        let caches = Caches::plan(&self.caches, &plan, &self.environment)?;
        Ok(RoleChain::new(plan, self.clock, self.chance, caches))
    }

    fn network(&self, settings: &Settings<'_>) -> Result<Network, Error> {
        let sts_endpoint = match &self.sts_endpoint {
            Some(url) => Some(endpoint::check("the STS endpoint", url, &["https", "http"])?),
            None => settings.sts_endpoint()?,
        };
        let ca_bundle = self.ca_bundle.clone().or_else(|| settings.ca_bundle());
        if let Some(path) = &ca_bundle {
            http::check_bundle(path)?;
        }
        Ok(Network {
            imds_endpoint: match &self.imds_endpoint {
                Some(url) => endpoint::check("the metadata service's endpoint", url, &["http"])?,
                None => settings.imds_endpoint()?,
            },
            imds_disabled: self.environment.is_true("AWS_EC2_METADATA_DISABLED"),
            proxy: Proxy::for_sts(&self.environment, sts_endpoint.as_deref())?,
            sts_endpoint,
            ca_bundle,
            fips: settings.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?,
            dual_stack: settings.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?,
            max_attempts: settings.max_attempts()?,
        })
    }
}

impl fmt::Debug for RoleChainBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = match &self.start {
            Start::Instance => "instance".to_owned(),
            Start::Profile(name) => format!("profile {name:?}"),
            Start::Default => "as the environment says".to_owned(),
            Start::EnvironmentKeys => "environment".to_owned(),
            Start::Container => "container".to_owned(),
            Start::WebIdentity(identity) => format!("web identity {}", identity.role),
            Start::Process(command) => format!("{command:?}"),
            Start::Provider(_) => "provider".to_owned(),
        };
        f.debug_struct("RoleChainBuilder")
            .field("start", &start)
            .field("hops", &self.hops)
            .field("region", &self.region)
            .field("imds_endpoint", &self.imds_endpoint)
            .field("sts_endpoint", &self.sts_endpoint)
            .field("ca_bundle", &self.ca_bundle)
            .finish_non_exhaustive()
    }
}
