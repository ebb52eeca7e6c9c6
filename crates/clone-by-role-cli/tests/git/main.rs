//! Stock git with the login of `git-credential-codecommit` and `git-remote-codecommit`, against the sandbox.

mod clock;
mod helper;
mod oracles;
mod remote;
mod secrets;
mod support;
mod work;

#[expect(dead_code, reason = "of the other commands' desk, these need the outside judges alone")]
#[path = "../role/support.rs"]
mod role;
