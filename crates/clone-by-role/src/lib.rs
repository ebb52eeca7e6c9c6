//! Clone git repositories into a folder that appears whole or not at all; CodeCommit ones by IAM role.
//!
//! ```no_run
//! # #[cfg(all(feature = "codecommit", feature = "gitoxide"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use clone_by_role::{CloneRequest, Gitoxide, Hop, RoleArn, RoleChain};
//!
//! let role = RoleChain::from_instance() // IMDSv2 instance profile
//!     .hop(Hop::new(RoleArn::parse("arn:aws:iam::222222222222:role/RoleB")?).external_id("…"))
//!     .build()?; // all mistakes in names surface here
//! let outcome = CloneRequest::new("codecommit::ap-northeast-1://app", "/srv/app")
//!     .branch("main")
//!     .depth(1)
//!     .credentials(role)
//!     .run(Gitoxide::default())
//!     .await?;
//! println!("{} at {}", outcome.path().display(), outcome.commit());
//! # Ok(())
//! # }
//! ```
//!
//! `RoleChain::from_profile("b")` takes the AWS profile as it stands in `~/.aws/config`.
//! [`CloneRequest::run_blocking`] serves callers without tokio's runtime.
//!
//! # What always holds
//!
//! - The destination appears by one rename, or not at all; a folder that is not empty is never touched.
//! - Both engines leave what stock `git clone` leaves: `HEAD`, refs, tags, index, files, modes and symlinks.
//! - A login goes only to the repository's own host, over TLS, never along a redirect, and into no file, log or error.
//! - No hook, filter, helper or configuration of the user or the repository is executed or obeyed.
//!
//! # Features
//!
//! - `gitoxide` (default): the engine [`Gitoxide`], in pure Rust.
//! - `libgit2`: the engine [`Libgit2`]. libgit2 is built from source, without TLS, SSH or HTTP of its own. With both
//!   features on, both engines are there.
//! - `codecommit`: names of CodeCommit repositories, and logins signed with AWS credentials (`CloneRequest::credentials`).
//! - `conformance`: the list of cases that engines are held to, as tests for one of your own (the module `conformance`).

mod clone;
#[cfg(feature = "codecommit")]
mod codecommit;
#[cfg(all(feature = "conformance", unix))]
pub mod conformance;
pub mod engine;
mod error;
mod http;
mod layout;
mod limits;
mod login;
mod object_id;
mod outcome;
mod packs;
mod printer;
mod progress;
mod ref_name;
mod request;
mod selection;
mod staging;

pub use engine::Engine;
pub use error::{Error, ErrorKind, Result, Step};
pub use http::{Body, GitHttp, Timeouts};
pub use limits::Limits;
pub use login::{Authenticate, Login, Refusal, Verdict};
pub use object_id::{InvalidObjectId, ObjectId};
pub use outcome::Outcome;
pub use printer::ProgressPrinter;
pub use progress::{CancelToken, Event, Progress};
pub use request::CloneRequest;

#[cfg(feature = "gitoxide")]
pub use engine::Gitoxide;
#[cfg(feature = "libgit2")]
pub use engine::Libgit2;

#[cfg(feature = "codecommit")]
pub use role_chain::{Error as ChainError, Hop, RoleArn, RoleChain, RoleChainBuilder};

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
