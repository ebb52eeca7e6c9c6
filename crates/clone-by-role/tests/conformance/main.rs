//! Both engines leave what stock git leaves.
//!
//! One list of cases (`cases.rs`) is run for each engine, over protocol v0 as CodeCommit speaks it and against a modern
//! server. Stock git clones the same repository from the same server, and the two clones are compared.

#![cfg(any(feature = "gitoxide", feature = "libgit2"))]

mod cases;
mod oracle;
mod repositories;
#[path = "../support/mod.rs"]
mod support;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clone_by_role::Engine;
use codecommit_sandbox::Protocol;

use cases::{Case, Target};
use oracle::Snapshot;
use support::{Git, Repository, Server, Signer};

/// What is known of an engine.
struct Side {
    engine: fn() -> Box<dyn Engine>,
    /// The newest version of git's protocol that it speaks. Only from version 2 on does a server say which branch its
    /// `HEAD` is on if that has no commit yet, so stock git is held to the same version.
    protocol_version: u8,
}

#[cfg(feature = "gitoxide")]
const GITOXIDE: Side = Side { engine: || Box::new(clone_by_role::Gitoxide::default()), protocol_version: 2 };

#[cfg(feature = "libgit2")]
const LIBGIT2: Side = Side { engine: || Box::new(clone_by_role::Libgit2::default()), protocol_version: 0 };

/// Clones with the engine and with stock git, and compares.
fn conform(side: &Side, protocol: Protocol, case: &Case) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let repository = Repository::new(folder.path().join("origin"));
    (case.repository)(&repository);
    let commit = match case.target {
        Target::Commit(name) => repository.git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")]),
        _ => String::new(),
    };
    let server = Server::start(repository.path(), protocol);
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));

    let git = Git::at(folder.path())
        .setting("http.extraHeader", header(&server.signer()))
        .setting("http.sslCAInfo", server.sandbox.ca_bundle().to_string_lossy())
        .setting("protocol.version", side.protocol_version.to_string());
    oracle::clone(&git, case, &server.url(), &commit, &theirs);

    let request = case.apply(server.request(&ours), &commit);
    let outcome = request.run_blocking((side.engine)()).unwrap_or_else(|error| panic!("{error:?}"));

    let (ours, theirs) = (Snapshot::take(&ours, case.bare), Snapshot::take(&theirs, case.bare));
    theirs.assert_sound("stock git's clone");
    ours.assert_same(&theirs);
    ours.assert_told_by(&outcome);
}

/// The login as an HTTP header, for stock git.
fn header(signer: &Signer) -> String {
    let pair = format!("{}:{}", signer.keys.access_key_id, signer.password());
    format!("Authorization: Basic {}", BASE64_STANDARD.encode(pair))
}
