//! What the tests of whole clones stand on: stock git, repositories made by it, and a server.

#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

mod git;
mod login;
mod repository;
mod server;

pub(crate) use git::Git;
pub(crate) use login::Signer;
pub(crate) use repository::Repository;
pub(crate) use server::Server;
