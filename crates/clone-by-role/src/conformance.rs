//! Holds an engine to what stock git leaves.
//!
//! One list of [cases] is cloned by the engine and by stock git, from the same server on loopback, and the two clones are
//! compared: `HEAD`, refs, objects, configuration, index, files, modes, links, `git status`, `git fsck --full`. The server
//! speaks protocol v0 with CodeCommit's capabilities, and then as a modern one does. The tests need git.
//!
//! A third engine takes the list with one line:
//!
//! ```
//! # #[cfg(feature = "gitoxide")]
//! mod my_engine {
//!     use clone_by_role::conformance::Subject;
//!
//!     // An engine, and the newest version of git's protocol that it speaks.
//!     clone_by_role::conformance!(Subject::new(|| Box::new(clone_by_role::Gitoxide::default()), 2));
//! }
//! ```
//!
//! Cases of its own are made by [`Case::of`] and held with [`conform`].

pub mod cases;

mod case;
mod git;
mod login;
mod oracle;
mod repositories;
mod repository;
mod server;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
pub use codecommit_sandbox::Protocol;

use crate::Engine;
pub use case::Case;
use case::Target;
pub use git::Git;
pub use login::Signer;
use oracle::Snapshot;
pub use repository::Repository;
pub use server::Server;

/// The engine that is held to the cases, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    engine: fn() -> Box<dyn Engine>,
    protocol_version: u8,
}

impl Subject {
    /// An engine, and the newest version of git's protocol that it speaks.
    ///
    /// Only from version 2 on does a server say which branch its `HEAD` is on if that has no commit yet, so stock git is
    /// held to the same version.
    pub const fn new(engine: fn() -> Box<dyn Engine>, protocol_version: u8) -> Self {
        Self { engine, protocol_version }
    }
}

/// Clones with the engine and with stock git, and compares.
///
/// # Panics
///
/// Where they differ, with what differs; where git is missing or the sandbox cannot be started.
pub fn conform(subject: &Subject, protocol: Protocol, case: &Case) {
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
        .setting("protocol.version", subject.protocol_version.to_string());
    oracle::clone(&git, case, &server.url(), &commit, &theirs);

    let request = case.apply(server.request(&ours), &commit);
    let outcome = request.run_blocking((subject.engine)()).unwrap_or_else(|error| panic!("{error:?}"));

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
