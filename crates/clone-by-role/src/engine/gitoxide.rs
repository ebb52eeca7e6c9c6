//! The gitoxide engine.
//!
//! gitoxide supplies what needs git's formats: objects, packs, the walk of a negotiation, the index, the worktree with
//! its attributes. The conversation with the server is spoken here, in a few small files: a server is not trusted, and
//! what it says has to end in a typed error, in bounded memory, whatever it is.

mod advertisement;
mod capabilities;
mod checkout;
mod errors;
mod fetch;
mod negotiate;
mod pack;
mod packets;
mod request;
mod response;
mod shallow;
mod sideband;

use std::path::Path;

use super::{Advertisement, CheckedOut, Checkout, Context, Engine, Received, Want};
use crate::Result;

/// The engine on gitoxide: pure Rust, with git's protocol v2, and parallel where that helps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gitoxide {
    _private: (),
}

impl Engine for Gitoxide {
    fn name(&self) -> &'static str {
        "gitoxide"
    }

    fn fetch(
        &self,
        context: &Context,
        git_dir: &Path,
        choose: &mut dyn FnMut(&Advertisement) -> Result<Want>,
    ) -> Result<Received> {
        let remote = advertisement::request(context)?;
        let want = choose(&remote.advertisement)?;
        if want.is_empty() {
            return Ok(Received::default());
        }
        fetch::receive(context, git_dir, &remote, &want)
    }

    fn checkout(&self, context: &Context, checkout: &Checkout<'_>) -> Result<CheckedOut> {
        checkout::write(context, checkout)
    }
}

/// Opens a repository so that nothing but its own files is read: no configuration of the user or the system, no
/// environment variable.
fn open(git_dir: &Path, step: crate::Step) -> Result<gix::Repository> {
    gix::open_opts(git_dir, gix::open::Options::isolated().open_path_as_is(true))
        .map_err(|error| errors::gix(step, format!("the repository at {} cannot be opened", git_dir.display()), error))
}
