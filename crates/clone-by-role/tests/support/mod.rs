//! What the tests of whole clones stand on: stock git, repositories made by it, and a server.

#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

pub(crate) use clone_by_role::conformance::{Git, Repository, Server, Signer};
