//! AWS profiles, read as plain data with the SDK's own parser.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::section::{EnvConfigSections, Profile};
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::Fs;

use crate::arn::RoleArn;
use crate::base::{self, ProcessCommand, WebIdentity};
use crate::environment::Environment;
use crate::error::{Cause, Error};
use crate::error_kind::ErrorKind;
use crate::hop::{Hop, Mfa, TokenSource};
use crate::plan::Base;

/// A profile, followed to where its credentials come from.
#[derive(Debug)]
pub(crate) struct ProfileChain {
    pub(crate) base: Base,
    /// In the order in which they are taken.
    pub(crate) hops: Vec<Hop>,
}

/// The two files, parsed and merged, with one profile selected.
pub(crate) struct Profiles {
    pub(crate) sections: EnvConfigSections,
    environment: Environment,
}

impl Profiles {
    /// Reads the files that `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name, or those in `~/.aws`.
    pub(crate) fn load(environment: &Environment, selected: &str) -> Result<Self, Error> {
        let step = step(selected);
        for (_, path) in locations(environment) {
            // The SDK takes an unreadable file as an empty one; who asks for a profile by name wants to know.
            if let Err(error) = std::fs::File::open(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(Error::new(
                    ErrorKind::InvalidProfile,
                    format!("cannot read {}", path.display()),
                )
                .at(step)
                .with_source(Some(Cause::of(&error)))
                .with_help("Make the file readable for this user, or name another by AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE."));
            }
        }
        let unreadable = |error: &(dyn std::error::Error + 'static)| {
            Error::new(ErrorKind::InvalidProfile, "the AWS configuration files cannot be parsed")
                .at(step.clone())
                .with_source(Some(Cause::of(error)))
                .with_help("Mend the line that the cause names.")
        };
        let files = EnvConfigFiles::default();
        let fs = Fs::real();
        let mut source = now(source::load(environment.shim(), &fs, &files)).map_err(|error| unreadable(&error))?;
        source.profile = selected.to_owned().into();
        let sections = EnvConfigSections::parse(source).map_err(|error| unreadable(&error))?;
        Ok(Self { sections, environment: environment.clone() })
    }

    /// Follows the selected profile to its base, through `source_profile` to any depth.
    pub(crate) fn resolve(&self, token: Option<&TokenSource>) -> Result<ProfileChain, Error> {
        let mut name = self.sections.selected_profile();
        let mut visited: Vec<&str> = Vec::new();
        let mut hops = Vec::new();
        let base = loop {
            let Some(profile) = self.sections.get_profile(name) else {
                return Err(self.missing(name, visited.last().copied()));
            };
            if visited.contains(&name) {
                visited.push(name);
                return Err(invalid(
                    visited[0],
                    format!("source_profile goes round in a loop: {}", visited.join(" -> ")),
                    "Let the last profile of the chain name where its credentials come from, by credential_source or keys.",
                ));
            }
            visited.push(name);
            // As in the SDK and the AWS CLI: a source profile that has keys gives its keys.
            if visited.len() > 1 && profile.get(keys::ACCESS_KEY_ID).is_some() {
                break static_keys(profile)?;
            }
            // With a token of an OpenID provider, role_arn is where the chain starts.
            let role = profile.get(keys::ROLE_ARN).filter(|_| profile.get(keys::WEB_IDENTITY_TOKEN_FILE).is_none());
            let Some(role) = role else {
                break self.base(profile)?;
            };
            refuse_unsupported(profile)?;
            hops.push(hop(profile, role, token)?);
            match (profile.get(keys::SOURCE_PROFILE), profile.get(keys::CREDENTIAL_SOURCE)) {
                (Some(_), Some(_)) => {
                    return Err(invalid(
                        name,
                        "has both source_profile and credential_source".into(),
                        "Keep the one that is meant.",
                    ));
                }
                (None, None) => {
                    return Err(invalid(
                        name,
                        "has role_arn, but neither source_profile nor credential_source".into(),
                        "On an EC2 instance, add: credential_source = Ec2InstanceMetadata",
                    ));
                }
                (Some(next), None) if next == name => break static_keys(profile)?,
                (Some(next), None) => name = next,
                (None, Some(source)) => break self.named_source(profile, source)?,
            }
        };
        hops.reverse();
        Ok(ProfileChain { base, hops })
    }

    /// Where a profile that assumes no role has its credentials from: the first of these that it has, in the SDK's order.
    fn base(&self, profile: &Profile) -> Result<Base, Error> {
        refuse_unsupported(profile)?;
        if let Some(source) = profile.get(keys::CREDENTIAL_SOURCE) {
            return self.named_source(profile, source);
        }
        if let Some(file) = profile.get(keys::WEB_IDENTITY_TOKEN_FILE) {
            return self.web_identity(profile, file);
        }
        if keys::SSO.iter().any(|key| profile.get(key).is_some()) {
            return self.sso(profile);
        }
        if let Some(command) = profile.get(keys::CREDENTIAL_PROCESS) {
            return Ok(Base::Process { command: ProcessCommand::new(command) });
        }
        static_keys(profile)
    }

    fn named_source(&self, profile: &Profile, source: &str) -> Result<Base, Error> {
        let at = |error: Error| error.at(step(profile.name()));
        // The AWS CLI takes these words as they stand; the SDKs fold their case.
        if source.eq_ignore_ascii_case("Ec2InstanceMetadata") {
            Ok(Base::Instance)
        } else if source.eq_ignore_ascii_case("Environment") {
            base::from_environment(&self.environment).map_err(at)
        } else if source.eq_ignore_ascii_case("EcsContainer") {
            base::from_container(&self.environment).map_err(at)
        } else {
            Err(Error::new(ErrorKind::Unsupported, format!("credential_source = {source} is not supported"))
                .at(step(profile.name()))
                .with_help("Use Ec2InstanceMetadata, EcsContainer or Environment."))
        }
    }

    fn web_identity(&self, profile: &Profile, file: &str) -> Result<Base, Error> {
        let Some(role) = profile.get(keys::ROLE_ARN) else {
            return Err(invalid(
                profile.name(),
                "has web_identity_token_file, but no role_arn to take with the token".into(),
                "Add the role_arn that trusts the token's issuer.",
            ));
        };
        Ok(Base::WebIdentity(WebIdentity {
            role: RoleArn::parse(role).map_err(|error| error.at(step(profile.name())))?,
            token_file: self.environment.expand(file),
            session_name: profile.get(keys::SESSION_NAME).map(str::to_owned),
            duration: duration(profile)?,
        }))
    }

    #[cfg(not(feature = "sso"))]
    fn sso(&self, profile: &Profile) -> Result<Base, Error> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "its credentials come from IAM Identity Center (sso_…), which this build leaves out",
        )
        .at(step(profile.name()))
        .with_help("Build role-chain with its feature \"sso\", or use another profile."))
    }

    #[cfg(feature = "sso")]
    fn sso(&self, profile: &Profile) -> Result<Base, Error> {
        let name = profile.get("sso_session");
        let session = match name {
            None => None,
            Some(name) => Some(self.sections.sso_session(name).ok_or_else(|| {
                invalid(
                    profile.name(),
                    format!("names sso_session = {name}, and there is no section [sso-session {name}]"),
                    "Correct the name, or add the section by: aws configure sso-session",
                )
            })?),
        };
        let required = |key: &str| {
            let value = match session {
                Some(session) if matches!(key, "sso_start_url" | "sso_region") => session.get(key),
                _ => profile.get(key),
            };
            value
                .map(str::to_owned)
                .ok_or_else(|| invalid(profile.name(), format!("has no {key}"), "Complete it by: aws configure sso"))
        };
        Ok(Base::Sso(base::Sso {
            start_url: required("sso_start_url")?,
            region: required("sso_region")?,
            account_id: required("sso_account_id")?,
            role_name: required("sso_role_name")?,
            session_name: name.map(str::to_owned),
        }))
    }

    fn missing(&self, name: &str, referrer: Option<&str>) -> Error {
        let mut message = "there is no such profile".to_owned();
        if let Some(referrer) = referrer {
            message = format!("{message}, though profile {referrer:?} names it as source_profile");
        }
        let places: Vec<String> = locations(&self.environment)
            .map(|(variable, path)| match std::fs::read(&path) {
                Ok(bytes) if std::str::from_utf8(&bytes).is_err() => {
                    format!("{} ({variable}; is not UTF-8, so it was left out)", path.display())
                }
                Ok(_) => format!("{} ({variable})", path.display()),
                Err(_) => format!("{} ({variable}; not there)", path.display()),
            })
            .into();
        Error::new(ErrorKind::InvalidProfile, message)
            .at(step(name))
            .with_help(format!(
                "Looked into {}. In the configuration file its section is [profile {name}], in the credentials file [{name}].",
                places.join(" and ")
            ))
    }
}

/// The keys of a profile that say who the caller is.
mod keys {
    pub(super) const ROLE_ARN: &str = "role_arn";
    pub(super) const SOURCE_PROFILE: &str = "source_profile";
    pub(super) const CREDENTIAL_SOURCE: &str = "credential_source";
    pub(super) const EXTERNAL_ID: &str = "external_id";
    pub(super) const SESSION_NAME: &str = "role_session_name";
    pub(super) const DURATION: &str = "duration_seconds";
    pub(super) const MFA_SERIAL: &str = "mfa_serial";
    pub(super) const ACCESS_KEY_ID: &str = "aws_access_key_id";
    pub(super) const SECRET_ACCESS_KEY: &str = "aws_secret_access_key";
    pub(super) const SESSION_TOKEN: &str = "aws_session_token";

    pub(super) const WEB_IDENTITY_TOKEN_FILE: &str = "web_identity_token_file";
    pub(super) const CREDENTIAL_PROCESS: &str = "credential_process";
    pub(super) const SSO: [&str; 5] = ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"];

    /// Those that are not supported: whoever sets one means to be someone whom this crate would not make of them.
    pub(super) const UNSUPPORTED: [&str; 1] = ["login_session"];
}

fn refuse_unsupported(profile: &Profile) -> Result<(), Error> {
    match keys::UNSUPPORTED.iter().find(|key| profile.get(key).is_some()) {
        None => Ok(()),
        Some(key) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("{key} is not supported, and leaving it out would change who the caller is"),
        )
        .at(step(profile.name()))
        .with_help("Use a profile without that key, or build the chain from a provider of your own.")),
    }
}

fn hop(profile: &Profile, role: &str, token: Option<&TokenSource>) -> Result<Hop, Error> {
    let at = step(profile.name());
    let mut hop = Hop::new(RoleArn::parse(role).map_err(|error| error.at(at.clone()))?);
    hop.profile = Some(profile.name().to_owned());
    hop.external_id = profile.get(keys::EXTERNAL_ID).map(str::to_owned);
    hop.session_name = profile.get(keys::SESSION_NAME).map(str::to_owned);
    hop.duration = duration(profile)?;
    match (profile.get(keys::MFA_SERIAL), token) {
        (None, _) => (),
        (Some(serial), Some(token)) => {
            hop.mfa = Some(Mfa { serial: serial.to_owned(), token: token.clone() });
        }
        (Some(_), None) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "mfa_serial asks for the digits of an MFA device, and nobody here can be asked",
            )
            .at(at)
            .with_help("Use a profile without mfa_serial; in a program, pass RoleChainBuilder::mfa_token."));
        }
    }
    Ok(hop)
}

fn duration(profile: &Profile) -> Result<Option<Duration>, Error> {
    let Some(text) = profile.get(keys::DURATION) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        Err(_) => Err(invalid(
            profile.name(),
            format!("duration_seconds must be a whole number of seconds, not {text:?}"),
            "Write it in digits, as in duration_seconds = 3600.",
        )),
    }
}

fn static_keys(profile: &Profile) -> Result<Base, Error> {
    let required = |key: &str| {
        profile.get(key).filter(|value| !value.is_empty()).ok_or_else(|| {
            invalid(
                profile.name(),
                format!("has no {key}, and no other way to credentials"),
                "Give it role_arn with credential_source = Ec2InstanceMetadata or with source_profile, or keys.",
            )
        })
    };
    let mut credentials = Credentials::builder()
        .access_key_id(required(keys::ACCESS_KEY_ID)?)
        .secret_access_key(required(keys::SECRET_ACCESS_KEY)?)
        .provider_name("role-chain profile");
    credentials.set_session_token(profile.get(keys::SESSION_TOKEN).map(str::to_owned));
    Ok(Base::ProfileKeys { profile: profile.name().to_owned(), credentials: credentials.build() })
}

fn step(profile: &str) -> String {
    format!("profile {profile:?}")
}

fn invalid(profile: &str, message: String, help: &'static str) -> Error {
    Error::new(ErrorKind::InvalidProfile, message).at(step(profile)).with_help(help)
}

/// The two files, with the variable that can move each.
fn locations(environment: &Environment) -> [(&'static str, std::path::PathBuf); 2] {
    [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")].map(
        |(variable, default)| {
            let path = environment.get(variable).unwrap_or_else(|| default.to_owned());
            (variable, environment.expand(&path))
        },
    )
}

/// Runs a future that never waits: the SDK's file reading is async in its signature only.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}
