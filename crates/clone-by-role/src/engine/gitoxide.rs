//! The gitoxide engine.

use std::path::Path;

use super::{Advertisement, CheckedOut, Checkout, Context, Engine, Received, Want};
use crate::Result;

/// The engine on gitoxide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gitoxide {
    _private: (),
}

impl Engine for Gitoxide {
    fn name(&self) -> &'static str {
        "gitoxide"
    }

    fn fetch(&self, _: &Context, _: &Path, _: &mut dyn FnMut(&Advertisement) -> Result<Want>) -> Result<Received> {
        unimplemented!()
    }

    fn checkout(&self, _: &Context, _: &Checkout<'_>) -> Result<CheckedOut> {
        unimplemented!()
    }
}
