//! The examples, run as programs against the sandbox.

mod examples;
mod support;
