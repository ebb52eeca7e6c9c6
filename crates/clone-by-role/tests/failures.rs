//! A clone that fails says why, and leaves nothing.

#![cfg(any(feature = "gitoxide", feature = "libgit2"))]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use clone_by_role::{CloneRequest, Engine, Error, ErrorKind, Timeouts};
use codecommit_sandbox::{Effect, Fault, Protocol, Service, Step, Target};
use tempfile::TempDir;

use support::{Git, Repository, Server};

/// A server with a small repository, and an empty folder to clone into.
struct World {
    server: Server,
    repository: Repository,
    parent: TempDir,
    _folder: TempDir,
}

impl World {
    fn new(protocol: Protocol) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Repository::new(folder.path().join("origin"));
        // Noise, so that the pack is long enough to be cut.
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        repository.write("noise", noise.take(200_000).collect::<Vec<_>>());
        repository.commit("One");
        repository.git(&["tag", "-a", "-m", "A release", "v1"]);
        let server = Server::start(repository.path(), protocol);
        let parent = tempfile::tempdir().expect("a temporary folder can be made");
        Self { server, repository, parent, _folder: folder }
    }

    fn request(&self) -> CloneRequest {
        self.server.request(&self.parent.path().join("clone"))
    }

    /// What is wrong with how the request failed, if something is.
    fn fails(&self, request: CloneRequest, engine: Box<dyn Engine>, expected: &[ErrorKind]) -> Option<String> {
        let defect = match request.run_blocking(engine) {
            Ok(_) => Some("it succeeded".to_owned()),
            Err(error) => self.defect(&error, expected),
        };
        let left = names(self.parent.path());
        // So that what one failure leaves does not make the next one fail.
        let _ = fs::remove_dir_all(self.parent.path().join("clone"));
        if left.is_empty() { defect } else { Some(format!("it left {left:?}, and {defect:?}")) }
    }

    fn defect(&self, error: &Error, expected: &[ErrorKind]) -> Option<String> {
        let shown = format!("{error}");
        if !expected.contains(&error.kind()) {
            return Some(format!("{expected:?} was expected, not {error:?}"));
        }
        if shown.contains('\n') {
            return Some(format!("{shown:?} is more than a line"));
        }
        let key = self.server.signer().keys;
        let secrets = [key.access_key_id, key.secret_access_key];
        secrets.iter().any(|secret| format!("{error:?}").contains(secret)).then(|| "a secret is shown".to_owned())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned()).collect()
}

/// A pack without objects: a header and the SHA-1 of that.
const EMPTY_PACK: &[u8] = b"PACK\0\0\0\x02\0\0\0\0\
    \x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";

/// What the server does wrong, and the kinds of error that are right then.
fn faults(world: &World) -> Vec<(Target, Effect, &'static [ErrorKind])> {
    use ErrorKind::*;
    let elsewhere = format!("{}{{path}}", world.server.sandbox.elsewhere_endpoint());
    let redirect = |status| Effect::Redirect { status, location: elsewhere.clone() };
    let bad_ref = |name: &str| Effect::ExtraRef { name: name.to_owned(), id: None };
    vec![
        (Step::FetchRefs.into(), Effect::Status(401), &[Denied]),
        (Step::FetchRefs.into(), Effect::Status(403), &[Denied]),
        (Step::FetchRefs.into(), Effect::Status(404), &[RepositoryNotFound]),
        (Step::FetchRefs.into(), Effect::Status(429), &[Throttled]),
        (Step::FetchRefs.into(), Effect::Status(500), &[Server]),
        (Step::FetchRefs.into(), Effect::Status(503), &[Server]),
        (Step::FetchRefs.into(), redirect(302), &[Redirect]),
        (Step::FetchRefs.into(), redirect(307), &[Redirect]),
        (Step::FetchRefs.into(), Effect::Body("<html>hello</html>".into()), &[Protocol]),
        (Step::FetchRefs.into(), Effect::Close, &[Network]),
        (Step::FetchRefs.into(), Effect::Reset, &[Network]),
        (Step::FetchRefs.into(), Effect::Stall, &[Timeout]),
        (Step::FetchRefs.into(), Effect::CutAfter(40), &[Network]),
        (Step::FetchRefs.into(), Effect::EndAfter(40), &[Network]),
        (Service::CodeCommit.into(), bad_ref("refs/heads/../../evil"), &[Protocol]),
        (Step::FetchRefs.into(), Effect::RefuseConnections, &[Network]),
        (Step::FetchRefs.into(), Effect::ResetConnection, &[Network]),
        (Step::FetchRefs.into(), Effect::StallConnection, &[Timeout]),
        (Step::FetchRefs.into(), Effect::PlainHttp, &[Tls]),
        (Step::FetchRefs.into(), Effect::CertificateForOtherHost, &[Tls]),
        (Step::FetchRefs.into(), Effect::UntrustedCertificate, &[Tls]),
        (Step::FetchRefs.into(), Effect::ExpiredCertificate, &[Tls]),
        (Step::Fetch.into(), Effect::Status(403), &[Denied]),
        (Step::Fetch.into(), Effect::Status(429), &[Throttled]),
        (Step::Fetch.into(), Effect::Status(500), &[Server]),
        (Step::Fetch.into(), redirect(307), &[Redirect]),
        (Step::Fetch.into(), Effect::Close, &[Network]),
        (Step::Fetch.into(), Effect::CutAfter(100_000), &[Network]),
        (Step::Fetch.into(), Effect::ResetAfter(100_000), &[Network]),
        (Step::Fetch.into(), Effect::StallAfter(100_000), &[Timeout]),
        // An answer that ends in good order but too early: of the packet's form, or of the pack's.
        (Step::Fetch.into(), Effect::EndAfter(100_000), &[Network]),
        (Step::Fetch.into(), Effect::TruncatePack(100_000), &[Corrupt]),
        (Step::Fetch.into(), Effect::TruncatePack(0), &[Corrupt]),
        (Step::Fetch.into(), Effect::TruncatePack(11), &[Corrupt]),
        (Step::Fetch.into(), Effect::TruncatePack(12), &[Corrupt]),
        (Step::Fetch.into(), Effect::FlipPackBit(0), &[Corrupt]),
        (Step::Fetch.into(), Effect::FlipPackBit(7), &[Corrupt]),
        // It says then that it has 16 million objects more, or 65,536.
        (Step::Fetch.into(), Effect::FlipPackBit(8), &[LimitExceeded]),
        (Step::Fetch.into(), Effect::FlipPackBit(9), &[Corrupt]),
        (Step::Fetch.into(), Effect::FlipPackBit(11), &[Corrupt]),
        (Step::Fetch.into(), Effect::FlipPackBit(12), &[Corrupt]),
        (Step::Fetch.into(), Effect::FlipPackBit(100_000), &[Corrupt]),
        (Step::Fetch.into(), Effect::ReplacePack("not a pack".into()), &[Corrupt]),
        (Step::Fetch.into(), Effect::ReplacePack("".into()), &[Corrupt]),
        // A pack of nothing, whole and with its checksum.
        (Step::Fetch.into(), Effect::ReplacePack(EMPTY_PACK.into()), &[Corrupt]),
        (Step::Fetch.into(), Effect::ReplacePack([EMPTY_PACK, b"more"].concat().into()), &[Corrupt]),
    ]
}

/// Each fault in turn: the right kind of error, nothing left, no login for anybody else.
fn each_fault(engine: fn() -> Box<dyn Engine>, protocol: Protocol) {
    let world = World::new(protocol);
    let sandbox = &world.server.sandbox;
    let mut timeouts = Timeouts::default();
    (timeouts.connect, timeouts.stall) = (Duration::from_secs(2), Duration::from_secs(2));
    let mut defects = Vec::new();
    for (target, effect, expected) in faults(&world) {
        let struck = sandbox.faults_struck();
        sandbox.set_fault(Fault::new(target, effect.clone()));
        let defect = world.fails(world.request().timeouts(timeouts), engine(), expected);
        defects.extend(defect.map(|defect| format!("{effect:?} at {target:?}: {defect}")));
        if sandbox.faults_struck() == struck && effect != Effect::RefuseConnections {
            defects.push(format!("{effect:?} at {target:?} did not strike"));
        }
        sandbox.clear_faults();
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
    let own = sandbox.codecommit_endpoint().replace("https://", "");
    assert_eq!(sandbox.hosts_with_authorization().into_iter().collect::<Vec<_>>(), [own]);
    assert_eq!(sandbox.count(Step::Elsewhere), 0, "redirects are not followed");
}

/// Branches, tags and commits that are not there.
fn unknown_revisions(engine: fn() -> Box<dyn Engine>, protocol: Protocol) {
    let world = World::new(protocol);
    let absent = "1234567890123456789012345678901234567890";
    let requests = [
        world.request().branch("mian"),
        world.request().branch("mian").depth(1),
        world.request().rev("v2"),
        world.request().rev("main"),
        world.request().rev(absent),
        world.request().rev(absent).bare(true),
    ];
    for request in requests {
        let what = format!("{request:?}");
        assert_eq!(world.fails(request, engine(), &[ErrorKind::RevisionNotFound]), None, "{what}");
    }
    // Asked for by itself, it is the server that must refuse it.
    let alone = world.request().rev(absent).depth(1);
    let defect = world.fails(alone, engine(), &[ErrorKind::RevisionNotFound]);
    assert_eq!(defect, None);
}

/// What is at the destination stays as it is, and nothing is sent.
fn occupied_destination(engine: fn() -> Box<dyn Engine>, protocol: Protocol) {
    let world = World::new(protocol);
    let parent = world.parent.path();
    fs::write(parent.join("file"), "mine").expect("files can be written");
    fs::create_dir(parent.join("folder")).expect("folders can be made");
    fs::write(parent.join("folder/file"), "mine too").expect("files can be written");
    std::os::unix::fs::symlink("nowhere", parent.join("link")).expect("links can be made");
    for name in ["file", "folder", "link"] {
        let error = world.server.request(&parent.join(name)).run_blocking(engine()).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::DestinationExists, "{name}: {error:?}");
    }
    assert!(world.server.sandbox.requests().is_empty());
    let mut left = names(parent);
    left.sort();
    assert_eq!(left, ["file", "folder", "link"]);
    assert_eq!(names(&parent.join("folder")), ["file"]);
    assert_eq!(fs::read_to_string(parent.join("file")).expect("it is there"), "mine");
    assert_eq!(fs::read_to_string(parent.join("folder/file")).expect("it is there"), "mine too");
}

/// Requests that break a rule send nothing and write nothing.
fn malformed_requests(engine: fn() -> Box<dyn Engine>, protocol: Protocol) {
    let world = World::new(protocol);
    let into = world.parent.path().join("clone");
    let url = world.server.url();
    let signer = world.server.signer();
    let host = url.strip_prefix("https://").expect("it is an https URL");
    let requests = [
        CloneRequest::new(format!("http://{host}"), &into).authenticate(signer.clone()),
        CloneRequest::new(format!("https://user:hunter2@{host}"), &into).authenticate(signer.clone()),
        CloneRequest::new("https://", &into).authenticate(signer.clone()),
        CloneRequest::new(format!("{url}?x"), &into).authenticate(signer.clone()),
        CloneRequest::new(url.clone(), "").authenticate(signer),
        world.request().depth(0),
        world.request().branch("a..b"),
        world.request().branch("--upload-pack=x"),
        world.request().rev(""),
        world.request().branch("main").rev("v1"),
    ];
    for request in requests {
        let what = format!("{request:?}");
        assert!(!what.contains("hunter2"), "{what}");
        assert_eq!(world.fails(request, engine(), &[ErrorKind::InvalidRequest]), None, "{what}");
    }
    assert!(world.server.sandbox.requests().is_empty());
}

/// The same world, with nothing wrong: without it, all of the above could fail for some other reason.
fn nothing_wrong(engine: fn() -> Box<dyn Engine>, protocol: Protocol) {
    let world = World::new(protocol);
    let into = world.parent.path().join("clone");
    fs::create_dir(&into).expect("folders can be made");
    let outcome = world.request().run_blocking(engine()).expect("it is a good request");
    assert_eq!(outcome.commit().to_string(), world.repository.git(&["rev-parse", "HEAD"]));
    assert_eq!(Git::at(&into).says(&["status", "--porcelain"]), "");
    assert_eq!(names(world.parent.path()), ["clone"]);
}

macro_rules! failures {
    ($($name:ident)+) => {
        #[cfg(feature = "gitoxide")]
        mod gitoxide {
            use super::*;
            fn engine() -> Box<dyn Engine> { Box::new(clone_by_role::Gitoxide::default()) }
            mod codecommit { $(#[test] fn $name() { super::super::$name(super::engine, super::Protocol::CodeCommit) })+ }
            mod modern { $(#[test] fn $name() { super::super::$name(super::engine, super::Protocol::Modern) })+ }
        }

        #[cfg(feature = "libgit2")]
        mod libgit2 {
            use super::*;
            fn engine() -> Box<dyn Engine> { Box::new(clone_by_role::Libgit2::default()) }
            mod codecommit { $(#[test] fn $name() { super::super::$name(super::engine, super::Protocol::CodeCommit) })+ }
            mod modern { $(#[test] fn $name() { super::super::$name(super::engine, super::Protocol::Modern) })+ }
        }
    };
}

failures! {
    nothing_wrong
    each_fault
    unknown_revisions
    occupied_destination
    malformed_requests
}
