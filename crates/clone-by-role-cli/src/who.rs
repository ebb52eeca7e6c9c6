//! WHO: the flags that say as whom a command acts.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use clone_by_role::{Hop, RoleArn, RoleChain, RoleChainBuilder};

/// As whom to act: a profile, or roles to assume one after the other, or neither.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who {
    pub(crate) profile: Option<String>,
    hops: Vec<HopFlags>,
    cache: bool,
}

/// The flags of one hop. `Debug` shows no external ID.
#[derive(Clone, Default)]
struct HopFlags {
    role_arn: String,
    external_id: Option<String>,
    session_name: Option<String>,
    duration: Option<u64>,
}

impl std::fmt::Debug for HopFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HopFlags").field("role_arn", &self.role_arn).finish_non_exhaustive()
    }
}

impl Who {
    /// The chain that the flags ask for, else the one of the profile that the remote's name holds, else the environment's. With `--cache`, sessions are kept
    /// on disk.
    pub(crate) fn chain_or(&self, remote_profile: Option<&str>) -> Result<RoleChainBuilder, clone_by_role::ChainError> {
        let builder = match (self.named()?, remote_profile) {
            (Some(named), _) => named,
            (None, Some(profile)) => RoleChain::from_profile(profile),
            (None, None) => RoleChain::from_env(),
        };
        Ok(match self.cache {
            // A command ends before a refresh in the background would.
            true => builder.disk_cache().refresh_in_foreground(),
            false => builder,
        })
    }

    /// The profile that is acted as, if it is one, and what said so.
    pub(crate) fn told_by(&self, remote_profile: Option<&str>) -> (Option<String>, &'static str) {
        if let Some(profile) = &self.profile {
            return (Some(profile.clone()), "--profile");
        }
        if !self.hops.is_empty() {
            return (None, "--role-arn");
        }
        if let Some(profile) = remote_profile {
            return (Some(profile.to_owned()), "the remote's name");
        }
        match std::env::var("AWS_PROFILE").ok().filter(|profile| !profile.is_empty()) {
            Some(profile) => (Some(profile), "AWS_PROFILE"),
            None => (None, "default"),
        }
    }

    /// Whether the flags ask for anything: else the remote's name or the environment decides.
    pub(crate) fn is_given(&self) -> bool {
        self.profile.is_some() || !self.hops.is_empty() || self.cache
    }

    /// The same, always asked anew.
    pub(crate) fn without_cache(mut self) -> Self {
        self.cache = false;
        self
    }

    fn named(&self) -> Result<Option<RoleChainBuilder>, clone_by_role::ChainError> {
        if let Some(profile) = &self.profile {
            return Ok(Some(RoleChain::from_profile(profile)));
        }
        if self.hops.is_empty() {
            return Ok(None);
        }
        let mut builder = RoleChain::from_instance();
        for flags in &self.hops {
            let mut hop = Hop::new(RoleArn::parse(&flags.role_arn)?);
            if let Some(id) = &flags.external_id {
                hop = hop.external_id(id);
            }
            if let Some(name) = &flags.session_name {
                hop = hop.session_name(name);
            }
            if let Some(seconds) = flags.duration {
                hop = hop.duration(Duration::from_secs(seconds));
            }
            builder = builder.hop(hop);
        }
        Ok(Some(builder))
    }
}

impl Args for Who {
    fn augment_args(command: Command) -> Command {
        let flag = |name: &'static str, value: &'static str, help: &'static str| {
            Arg::new(name)
                .long(name)
                .value_name(value)
                .help(help)
                .help_heading("Who to act as")
                .action(ArgAction::Append)
        };
        command
            .arg(
                flag("profile", "PROFILE", "An AWS profile of ~/.aws/config")
                    .action(ArgAction::Set)
                    .conflicts_with("role-arn"),
            )
            .arg(flag("role-arn", "ARN", "A role to assume from the instance role; again for each further hop"))
            .arg(flag("external-id", "ID", "The external ID that the role before it asks for"))
            .arg(flag("session-name", "NAME", "The session's name in CloudTrail, for the role before it"))
            .arg(
                flag("duration", "SECONDS", "The session's duration, for the role before it")
                    .value_parser(clap::value_parser!(u64)),
            )
            .arg(
                Arg::new("cache")
                    .long("cache")
                    .help(
                        "Keep sessions on disk for the next run, in ~/.cache/role-chain (files that only you may read)",
                    )
                    .help_heading("Who to act as")
                    .action(ArgAction::SetTrue),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Who {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Vec::new();
        for name in ["role-arn", "external-id", "session-name"] {
            let values = matches.get_many::<String>(name).into_iter().flatten().cloned();
            flags.extend(
                matches.indices_of(name).into_iter().flatten().zip(values).map(|(at, value)| (at, name, value)),
            );
        }
        let seconds = matches.get_many::<u64>("duration").into_iter().flatten().map(u64::to_string);
        flags.extend(
            matches
                .indices_of("duration")
                .into_iter()
                .flatten()
                .zip(seconds)
                .map(|(at, value)| (at, "duration", value)),
        );
        flags.sort_by_key(|(at, ..)| *at);

        let mut hops: Vec<HopFlags> = Vec::new();
        for (_, name, value) in flags {
            if name == "role-arn" {
                hops.push(HopFlags { role_arn: value, ..Default::default() });
                continue;
            }
            let usage = |text: String| clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, text);
            let hop = hops
                .last_mut()
                .ok_or_else(|| usage(format!("--{name} belongs to a role: give --role-arn before it\n")))?;
            let twice = match name {
                "external-id" => hop.external_id.replace(value).is_some(),
                "session-name" => hop.session_name.replace(value).is_some(),
                _ => hop.duration.replace(value.parse().unwrap_or_default()).is_some(),
            };
            if twice {
                return Err(usage(format!("--{name} is given twice for one --role-arn\n")));
            }
        }
        Ok(Self { profile: matches.get_one("profile").cloned(), hops, cache: matches.get_flag("cache") })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
