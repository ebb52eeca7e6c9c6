//! A chain as plain data: what will be asked, of whom, in which order. Made and checked without any network call.

use std::path::PathBuf;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::region::Region;

use crate::arn::{RoleArn, abbreviate};
#[cfg(feature = "sso")]
use crate::base::Sso;
use crate::base::{Container, ProcessCommand, WebIdentity};
use crate::endpoint::Proxy;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::hop::Hop;
use crate::limits;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) base: Base,
    pub(crate) hops: Vec<Hop>,
    /// Where STS is asked; `None` leaves it to the instance's own region, or the partition's first.
    pub(crate) region: Option<Region>,
    pub(crate) network: Network,
    /// What session names start with where none is set: the program's name.
    pub(crate) program: String,
    /// Whether callers wait for what is due, for there will be no background to replace it in.
    pub(crate) foreground: bool,
}

/// How the services are reached.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) imds_endpoint: String,
    /// Set by the environment: no call to the instance metadata service.
    pub(crate) imds_disabled: bool,
    pub(crate) sts_endpoint: Option<String>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
    pub(crate) max_attempts: Option<u32>,
}

/// Where the first credentials come from.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// The role of the EC2 instance, from its metadata service.
    Instance,
    /// `AWS_ACCESS_KEY_ID` and its kin.
    Environment(Credentials),
    /// Keys that stand in a profile.
    ProfileKeys { profile: String, credentials: Credentials },
    /// The role of an ECS task or an EKS pod.
    Container(Container),
    /// A role taken with a token of an OpenID provider.
    WebIdentity(WebIdentity),
    /// A command that prints credentials.
    Process { command: ProcessCommand },
    /// A role that IAM Identity Center gives.
    #[cfg(feature = "sso")]
    Sso(Sso),
    /// A provider of the caller's.
    Provider(SharedCredentialsProvider),
}

impl Base {
    /// The step's name, in errors and in a walk.
    pub(crate) fn step(&self) -> String {
        match self {
            Self::Instance => "IMDS".into(),
            Self::Environment(_) => "environment".into(),
            Self::ProfileKeys { profile, .. } => format!("profile {profile:?}"),
            Self::Container(_) => "container".into(),
            Self::WebIdentity(_) => "web identity".into(),
            Self::Process { .. } => "credential_process".into(),
            #[cfg(feature = "sso")]
            Self::Sso(_) => "SSO".into(),
            Self::Provider(_) => "provider".into(),
        }
    }

    /// Whether these are known to be long-lived keys: the only ones with which a hop may last longer than an hour.
    pub(crate) fn is_long_lived(&self) -> bool {
        match self {
            Self::Environment(credentials) | Self::ProfileKeys { credentials, .. } => {
                credentials.session_token().is_none()
            }
            _ => false,
        }
    }

    /// Whether only the credentials themselves will tell.
    fn is_opaque(&self) -> bool {
        matches!(self, Self::Provider(_) | Self::Process { .. })
    }
}

impl Plan {
    /// The name of the step at `level`: 0 is the base, 1 the first hop.
    pub(crate) fn step(&self, level: usize) -> String {
        match level {
            0 => self.base.step(),
            number => format!("hop {number} of {}", self.hops.len()),
        }
    }

    /// Checks everything that can be checked without asking anyone.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(region) = &self.region {
            limits::region(region.as_ref()).map_err(|broken| {
                Error::new(ErrorKind::InvalidArgument, format!("the region {broken}"))
                    .with_help("Name the region as AWS does, such as ap-northeast-1.")
            })?;
        }
        if let Base::WebIdentity(identity) = &self.base {
            identity.check()?;
        }
        for (index, hop) in self.hops.iter().enumerate() {
            let chained = index > 0 || !(self.base.is_long_lived() || self.base.is_opaque());
            hop.check(&self.step(index + 1), chained)?;
        }
        self.check_partitions()
    }

    /// Partitions share nothing: a chain that crosses from one to another can only fail.
    fn check_partitions(&self) -> Result<(), Error> {
        let Some(first) = self.hops.first() else {
            return Ok(());
        };
        let refuse = |index: usize, role: &RoleArn, than: String| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("the role {role} is of partition {:?}, and {than}", role.partition()),
            )
            .at(self.step(index + 1))
            .with_target(role.as_str())
            .with_help("Roles can be assumed within one partition only: check the ARN's second part, and the region.")
        };
        for (index, hop) in self.hops.iter().enumerate().skip(1) {
            if hop.role.partition() != first.role.partition() {
                let than = format!("the hop before it of {:?}", self.hops[index - 1].role.partition());
                return Err(refuse(index, &hop.role, than));
            }
        }
        if let (Some(region), None) = (&self.region, &self.network.sts_endpoint) {
            let partition = limits::partition_of(region.as_ref());
            if partition != first.role.partition() {
                let than = format!("the region {region} of {partition:?}");
                return Err(refuse(0, &first.role, than));
            }
        }
        Ok(())
    }

    /// The region whose STS is asked where neither the plan nor the instance names one.
    pub(crate) fn region_of_partition(&self) -> Region {
        let partition = self.hops.first().map_or("aws", |hop| hop.role.partition());
        let (_, region) =
            limits::PARTITIONS.iter().find(|(name, _)| *name == partition).unwrap_or(&limits::PARTITIONS[0]);
        Region::from_static(region)
    }

    /// A session's name where the hop sets none: the program and where it runs, in the alphabet and length that STS allows.
    pub(crate) fn session_name(&self, host: &str) -> String {
        let allowed = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_alphanumeric() || "+=,.@-_".contains(c) { c } else { '-' }).collect()
        };
        let host: String = allowed(host).chars().take(40).collect();
        let program: String = allowed(&self.program).chars().take(63 - host.len()).collect();
        match host.is_empty() {
            true => format!("{program}-session"),
            false => format!("{program}@{host}"),
        }
    }
}

/// The name of the running program, for session names.
pub(crate) fn program_name() -> String {
    std::env::args_os()
        .next()
        .and_then(|path| {
            let stem = std::path::Path::new(&path).file_stem()?.to_owned();
            stem.into_string().ok()
        })
        .map(|name| abbreviate(&name))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "role-chain".into())
}
