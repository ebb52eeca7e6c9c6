//! AWS credentials from the EC2 instance role through any number of `AssumeRole` hops.
//!
//! A [`RoleChain`] starts at a base identity (the instance's role, an AWS profile, credentials of the caller's) and takes [`Hop`]s from there, across accounts.
//! It is a [`ProvideCredentials`], so that every AWS SDK client takes it.
//!
//! ```no_run
//! use role_chain::{Hop, RoleArn, RoleChain};
//!
//! # async fn example() -> Result<(), role_chain::Error> {
//! let chain = RoleChain::from_instance()
//!     .hop(Hop::new(RoleArn::parse("arn:aws:iam::222222222222:role/RoleB")?).external_id("partner-7f3a"))
//!     .build()?; // all mistakes in names surface here
//!
//! match chain.credentials().await {
//!     Ok(credentials) => println!("{}", credentials.access_key_id()),
//!     Err(error) => eprintln!("{error}\n{}", error.help()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The same from a profile as it stands in `~/.aws/config`: [`RoleChain::from_profile`]. To see each step by itself: [`RoleChain::walk`].
//!
//! # What is asked, and how
//! The chain is planned as data and checked in [`build`](RoleChainBuilder::build), against the limits of the STS API reference; only then is anyone asked.
//! The metadata service is asked over plain HTTP, never through a proxy and in version 2 only; STS over TLS (rustls with ring), trusting `AWS_CA_BUNDLE` or the
//! operating system's authorities, through `HTTPS_PROXY` unless `NO_PROXY` spares it. Retries and clock-skew correction are the SDK's.
//!
//! # When it is asked
//! Each step of a chain keeps its own credentials, and has them replaced ahead of their expiry: see [`RoleChain`], also for chains under an SDK client's own
//! identity cache. [`RoleChain::credentials_lasting`] asks for a minimum of remaining life. [`RoleChainBuilder::disk_cache`] keeps sessions for later processes
//! and makes those that run at the same time share one call; [`RoleChainBuilder::aws_cli_cache`] shares them with the AWS CLI.
//!
//! # What it tells
//! [`RoleChain::counters`] are numbers for each step. Under the target `role_chain`, `tracing` gets a span `role_chain.call` (`step`, `target`) for each call, and
//! events for what came of it, for credentials from memory and from disk, for refreshes ahead of time, and for service after a failure.
//!
//! # Secrets
//! No key, secret, session token or external ID is in a `Debug`, a `Display`, an error or a log at any level. What the SDK would log while it talks to STS
//! and to the metadata service is silenced, since at trace level that holds session tokens.
//!
//! # Features
//! - `sso`: profiles whose credentials come from IAM Identity Center, with the token that `aws sso login` left. It adds the SDK's clients of that service.
//!   Without it, such a profile is an error that says so.

mod arn;
mod base;
mod builder;
mod cache;
mod chain;
mod claims;
mod clock;
mod counters;
mod endpoint;
mod environment;
mod error;
mod error_kind;
mod execute;
mod hop;
mod http;
mod iam;
mod imds;
mod limits;
mod plan;
mod profile;
mod quiet;
mod redact;
mod remedy;
mod report;
mod schedule;
mod serve;
mod settings;
mod slot;
mod sts;
mod sts_failure;
mod time;
mod walk;

pub use arn::RoleArn;
pub use builder::RoleChainBuilder;
pub use chain::{EarlyExpiry, RoleChain};
pub use counters::Counters;
pub use error::Error;
pub use error_kind::ErrorKind;
pub use hop::Hop;
pub use iam::Statement;
pub use report::Report;
pub use schedule::backoff;
pub use walk::Step;

pub use aws_credential_types::Credentials;
pub use aws_credential_types::provider::ProvideCredentials;
pub use aws_types::region::Region;

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
