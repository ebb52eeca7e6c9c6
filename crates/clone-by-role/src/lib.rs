//! Clone git repositories, CodeCommit ones by IAM role, with gitoxide or libgit2.

mod clone;
#[cfg(feature = "codecommit")]
mod codecommit;
pub mod engine;
mod error;
mod http;
mod layout;
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
