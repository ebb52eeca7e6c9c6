//! Clone git repositories, CodeCommit ones by IAM role, with gitoxide or libgit2.

pub mod engine;
mod error;
mod http;
mod login;
mod object_id;
mod progress;

pub use engine::Engine;
pub use error::{Error, ErrorKind, Result, Step};
pub use http::{Body, GitHttp, Timeouts};
pub use login::{Authenticate, Login, Refusal, Verdict};
pub use object_id::{InvalidObjectId, ObjectId};
pub use progress::{CancelToken, Event, Progress};
