//! The crate from outside: against the sandbox's metadata service and STS, and on its own where no one is asked.

#[cfg(unix)]
mod aws_cli;
mod course;
#[cfg(unix)]
mod disk;
mod failures;
#[cfg(unix)]
mod judges;
mod limits;
mod profiles;
mod scenario;
mod support;
