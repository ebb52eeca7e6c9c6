//! The crate from outside: against the sandbox's metadata service and STS, and on its own where no one is asked.

mod course;
mod failures;
mod limits;
mod profiles;
mod scenario;
mod support;
