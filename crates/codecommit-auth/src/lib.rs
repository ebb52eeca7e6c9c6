//! What git presents to AWS CodeCommit over HTTPS: remote names, endpoints, and logins signed with a role's credentials.
//!
//! CodeCommit takes a login for 15 minutes that anyone with AWS credentials can sign for themselves; no user, key or token is registered anywhere. This crate turns a name such as `codecommit::ap-northeast-1://app`, credentials and a time into that login. It does no IO: it opens no connection, reads no file, variable or clock, and starts no process.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use aws_credential_types::Credentials;
//! use codecommit_auth::{Remote, sign};
//!
//! let remote = Remote::parse("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/my-repo")?;
//! let repository = remote.locate(None, None)?;
//!
//! let credentials = Credentials::new(
//!     "ANOTREAL",
//!     "notrealrnrELgWzOk3IfjzDKtFBhDby",
//!     Some("notarealsessiontoken".to_owned()),
//!     None,
//!     "example",
//! );
//! let login = sign(&repository, &credentials, UNIX_EPOCH)?;
//!
//! assert_eq!(login.username(), "ANOTREAL%notarealsessiontoken");
//! assert_eq!(
//!     login.password(),
//!     "19700101T000000Zf840ae3ff903ddb92c450d0e3567fe97ef4aa98bd6636905df48c3beee97d21d",
//! );
//! assert_eq!(login.expires_at(), UNIX_EPOCH + Duration::from_secs(15 * 60));
//! assert!(!format!("{login:?}").contains("session"));
//! # Ok::<(), codecommit_auth::Error>(())
//! ```
//!
//! # What is where
//!
//! - [`Remote`] is a repository by the name that a user wrote; [`Remote::locate`] makes a [`Repository`] of it, with nothing left open.
//! - [`Endpoint`] says which host: CodeCommit's own, matched whole, or one that the caller vouches for.
//! - [`sign`] makes a [`Login`]; a [`Signer`] does so many times over.
//! - [`Authenticator`] keeps a login and signs anew before it dies, corrects a skewed clock, and turns a refusal into a [`Diagnosis`]: what may be wrong, in the order in which to look.
//! - [`credential`] is git's credential protocol, for programs that give stock git the same login.
//! - [`Error`] names the rule that was broken; [`ErrorKind`] says who must act.
//!
//! There are no cargo features.

#![forbid(unsafe_code)]

mod authenticator;
pub mod credential;
mod diagnosis;
mod endpoint;
mod error;
mod login;
mod name;
mod partition;
mod region;
mod remote;
mod repository;
mod sign;
mod time;

pub use authenticator::{Authenticator, Verdict};
pub use diagnosis::{Cause, Diagnosis, Refusal};
pub use endpoint::Endpoint;
pub use error::{Error, ErrorKind};
pub use login::Login;
pub use name::{AccountId, RepositoryName};
pub use region::Region;
pub use remote::Remote;
pub use repository::Repository;
pub use sign::{LOGIN_LIFETIME, Signer, sign};
