//! The libgit2 engine.
//!
//! libgit2 indexes the packs, reads the objects and keeps the index. What surrounds that stands here, because libgit2's
//! own way to it reaches beyond one clone:
//!
//! - It opens no repository without reading the configuration of the user and the system; the one way to prevent that
//!   is an option for the whole process. So no repository is opened, only its objects and its index.
//! - Its transports are registered for the whole process, without a lock, and it flattens the errors of a server and of
//!   a connection to text. So the fetch's one request is made here, over the connection that both engines share.
//! - Its checkout obeys filters and attributes from outside the repository. So the files are written here.
//!
//! Nothing of this changes what other users of git2 in the same process see.

use std::path::Path;

use super::{Advertisement, CheckedOut, Checkout, Context, Engine, Received, Want};
use crate::Result;

mod advertisement;
mod checkout;
mod errors;
mod fetch;
mod local;
mod pkt_line;
mod request;

/// The engine on libgit2.
///
/// It speaks protocol v0 to every server, CodeCommit's included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libgit2 {
    _private: (),
}

impl Engine for Libgit2 {
    fn name(&self) -> &'static str {
        "libgit2"
    }

    fn fetch(
        &self,
        context: &Context,
        git_dir: &Path,
        choose: &mut dyn FnMut(&Advertisement) -> Result<Want>,
    ) -> Result<Received> {
        fetch::fetch(context, git_dir, choose)
    }

    fn checkout(&self, context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
        checkout::checkout(context, checkout)
    }
}
