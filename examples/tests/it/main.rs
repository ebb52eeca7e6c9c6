//! The examples, run as programs against the sandbox.

mod deploy;
mod documents;
mod examples;
mod fleet;
mod instance;
mod packages;
mod support;
