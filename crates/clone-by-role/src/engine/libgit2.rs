//! The libgit2 engine.

use std::path::Path;

use super::{Advertisement, CheckedOut, Checkout, Context, Engine, Received, Want};
use crate::Result;

/// The engine on libgit2.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libgit2 {
    _private: (),
}

impl Engine for Libgit2 {
    fn name(&self) -> &'static str {
        "libgit2"
    }

    fn fetch(&self, _: &Context, _: &Path, _: &mut dyn FnMut(&Advertisement) -> Result<Want>) -> Result<Received> {
        unimplemented!()
    }

    fn checkout(&self, _: &Context, _: &Checkout<'_>) -> Result<CheckedOut> {
        unimplemented!()
    }
}
