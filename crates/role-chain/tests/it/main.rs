//! The crate from outside: against the sandbox's metadata service and STS, and on its own where no one is asked.

mod asks;
#[cfg(unix)]
mod aws_cli;
mod bases;
mod course;
#[cfg(unix)]
mod disk;
mod failures;
mod grammars;
#[cfg(unix)]
mod judges;
mod limits;
#[cfg(unix)]
mod model;
mod network;
mod profiles;
mod scenario;
mod sdk;
mod seen;
mod support;
