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
//! # Secrets
//! No key, secret, session token or external ID is in a `Debug`, a `Display`, an error or a log at any level. What the SDK would log while it talks to STS
//! and to the metadata service is silenced, since at trace level that holds session tokens.

mod arn;
mod base;
mod builder;
mod cache;
mod chain;
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
pub use walk::Step;

pub use aws_credential_types::Credentials;
pub use aws_credential_types::provider::ProvideCredentials;
pub use aws_types::region::Region;
