//! Each fault of the sandbox at each step of a clone by role, with each engine: it ends in time, in the kind of error that
//! it should, in one line without a secret, with nothing left, and the login went nowhere else.
//!
//! A row is a fault; what it should lead to is said once for all steps, and the table says where a step differs.

#![cfg(all(feature = "codecommit", any(feature = "gitoxide", feature = "libgit2")))]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aws_credential_types::provider::ProvideCredentials as _;
use clone_by_role::ErrorKind::{self, *};
use clone_by_role::{CancelToken, CloneRequest, Engine, Hop, Outcome, RoleArn, RoleChain, Timeouts};
use codecommit_sandbox::{Effect, Fault, Protocol, Sandbox, Step};
use tempfile::TempDir;

use support::Repository;

/// What a client waits for a server before it gives up.
const PATIENCE: Duration = Duration::from_secs(1);

/// No cell takes longer, on a slow machine: several waits, and the pauses between the chain's attempts.
const LIMIT: Duration = Duration::from_secs(90);

/// Both accounts and a repository, and an empty folder on the instance.
struct World {
    sandbox: Sandbox,
    parent: TempDir,
    _folder: TempDir,
}

/// A fault, and the kind of error that it leads to; none where the clone gets through.
type Row = (Effect, Option<ErrorKind>);

impl World {
    fn new(protocol: Protocol) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Repository::new(folder.path().join("origin"));
        repository.write("large.txt", (0..20_000).map(|n| format!("{}\n", n * 7_919 % 10_007)).collect::<String>());
        repository.commit("One");
        repository.git(&["tag", "-a", "-m", "A release", "v1"]);
        let world = Sandbox::scenario().repository("app", repository.path()).protocol(protocol);
        let sandbox = world.start().expect("the sandbox starts");
        let parent = tempfile::tempdir().expect("a temporary folder can be made");
        Self { sandbox, parent, _folder: folder }
    }

    fn chain(&self) -> RoleChain {
        let role = RoleArn::parse(self.sandbox.role_arn("RoleB")).expect("the sandbox names roles well");
        let once = ("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned());
        let chain = RoleChain::from_instance().environment(self.sandbox.env().into_iter().chain([once]));
        chain.hop(Hop::new(role).external_id(self.sandbox.external_id())).build().expect("it is a good chain")
    }

    fn request(&self, chain: RoleChain) -> CloneRequest {
        let mut timeouts = Timeouts::default();
        (timeouts.connect, timeouts.stall) = (PATIENCE, PATIENCE);
        let remote = format!("codecommit::{}://app", self.sandbox.region());
        let request = CloneRequest::new(remote, self.parent.path().join("clone")).credentials(chain);
        request.endpoint(self.sandbox.codecommit_endpoint()).ca_bundle(self.sandbox.ca_bundle()).timeouts(timeouts)
    }

    /// What is wrong with how the clone ends under this fault, if something is.
    fn defect(&self, step: Step, row: &Row, engine: fn() -> Box<dyn Engine>) -> Option<String> {
        let (effect, expected) = row;
        let struck = self.sandbox.faults_struck();
        let fault = match step {
            // These strike before any request, at all of a server.
            _ if on_the_connection(effect) => Fault::new(step.service(), effect.clone()),
            _ => Fault::new(step, effect.clone()),
        };
        self.sandbox.set_fault(fault);
        let chain = self.chain();
        let ended = in_time(self.request(chain), engine);
        self.sandbox.clear_faults();
        let mut defects = String::new();
        match ended {
            None => defects += "it does not end; ",
            Some(Ok(_)) if expected.is_none() => {}
            Some(Ok(_)) => defects += "the clone got through; ",
            Some(Err(error)) => {
                if Some(error.kind()) != *expected {
                    let _ = write!(defects, "{error:?}; ");
                }
                if error.to_string().contains('\n') {
                    let _ = write!(defects, "{error} is more than a line; ");
                }
                if self.secrets().iter().any(|secret| format!("{error:?}").contains(secret)) {
                    defects += "a secret is shown; ";
                }
            }
        }
        let cloned = self.parent.path().join("clone");
        if cloned.join("large.txt").exists() {
            // Where it should not be, that has been said.
            fs::remove_dir_all(&cloned).expect("it can be removed");
        }
        let left: Vec<_> = fs::read_dir(self.parent.path()).expect("it can be read").collect();
        if !left.is_empty() {
            let _ = write!(defects, "{left:?} is left; ");
        }
        if self.sandbox.faults_struck() == struck && *effect != Effect::RefuseConnections {
            defects += "the fault did not strike; ";
        }
        (!defects.is_empty()).then(|| format!("{effect:?} at {step:?}, where {expected:?} was expected: {defects}"))
    }

    /// The instance role's keys: the sandbox gives the same to all who ask.
    fn secrets(&self) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
        let instance = RoleChain::from_instance().environment(self.sandbox.env()).build().expect("it is a good chain");
        match runtime.block_on(instance.provide_credentials()) {
            Ok(keys) => vec![keys.secret_access_key().to_owned(), keys.session_token().unwrap_or("none").to_owned()],
            Err(_) => Vec::new(),
        }
    }
}

/// Runs the clone on a thread of its own. Nothing where it does not end within the limit.
fn in_time(request: CloneRequest, engine: fn() -> Box<dyn Engine>) -> Option<clone_by_role::Result<Outcome>> {
    let cancel = CancelToken::new();
    let request = request.cancel_with(cancel.clone());
    let (sender, ended) = mpsc::channel();
    let clone = std::thread::spawn(move || drop(sender.send(request.run_blocking(engine()))));
    let outcome = ended.recv_timeout(LIMIT).ok();
    cancel.cancel();
    if outcome.is_some() {
        let _ = clone.join();
    }
    outcome
}

fn on_the_connection(effect: &Effect) -> bool {
    use Effect::*;
    matches!(
        effect,
        RefuseConnections
            | ResetConnection
            | CloseConnection
            | StallConnection
            | PlainHttp
            | CertificateForOtherHost
            | UntrustedCertificate
            | ExpiredCertificate
    )
}

/// What can go wrong with the connection to any server.
fn connections(tls: bool) -> Vec<Row> {
    let mut rows = vec![
        (Effect::RefuseConnections, Some(Network)),
        (Effect::ResetConnection, Some(Network)),
        (Effect::CloseConnection, Some(Network)),
        (Effect::StallConnection, Some(Timeout)),
    ];
    if tls {
        rows.extend([
            (Effect::PlainHttp, Some(Tls)),
            (Effect::CertificateForOtherHost, Some(Tls)),
            (Effect::UntrustedCertificate, Some(Tls)),
            (Effect::ExpiredCertificate, Some(Tls)),
        ]);
    }
    rows
}

/// What can go wrong with the answer to any request.
fn answers(world: &World) -> Vec<Row> {
    let location = format!("{}{{path}}", world.sandbox.elsewhere_endpoint());
    let redirect = |status| Effect::Redirect { status, location: location.clone() };
    let retry_after = |status| Effect::RetryAfter { status, after: Duration::from_secs(1) };
    let aws_error = Effect::AwsError { status: 400, code: "Odd".into(), message: "odd".into() };
    vec![
        (Effect::Delay(Duration::from_millis(50)), None),
        (Effect::BytesPerSecond(400_000), None),
        (Effect::Close, Some(Network)),
        (Effect::Reset, Some(Network)),
        (Effect::Stall, Some(Timeout)),
        (Effect::Status(400), Some(ErrorKind::Protocol)),
        (Effect::Status(401), Some(Denied)),
        (Effect::Status(403), Some(Denied)),
        (Effect::Status(404), Some(RepositoryNotFound)),
        (Effect::Status(418), Some(ErrorKind::Protocol)),
        (Effect::Status(429), Some(Throttled)),
        (Effect::Status(500), Some(Server)),
        (Effect::Status(503), Some(Server)),
        (retry_after(429), Some(Throttled)),
        (retry_after(503), Some(Server)),
        (Effect::Throttle, Some(Throttled)),
        (aws_error, Some(ErrorKind::Protocol)),
        (redirect(301), Some(Redirect)),
        (redirect(302), Some(Redirect)),
        (redirect(303), Some(Redirect)),
        (redirect(307), Some(Redirect)),
        (redirect(308), Some(Redirect)),
        (Effect::Body("<html>hello</html>".into()), Some(ErrorKind::Protocol)),
        (Effect::Body("".into()), Some(Network)),
        (Effect::CutAfter(0), Some(Network)),
        (Effect::CutAfter(3), Some(Network)),
        (Effect::ResetAfter(3), Some(Network)),
        (Effect::StallAfter(3), Some(Timeout)),
        (Effect::EndAfter(3), Some(Network)),
    ]
}

/// The same rows for a server of AWS's: the chain names what failed, and all of it is one kind to a clone.
fn of_the_chain(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter().map(|(effect, kind)| (effect, kind.map(|_| Credentials))).collect()
}

/// What can go wrong with a list of refs. In one of protocol v2, words that are not known may follow a name.
fn refs(v2: bool) -> Vec<Row> {
    let names = [
        "",
        "refs/heads/../../evil",
        "refs/heads/.hidden",
        "refs/heads/x.lock",
        "refs/heads/a\tb",
        "refs/heads/a\u{7f}",
        "refs/heads/a:b",
        "refs/heads/a^b",
        "refs/heads//a",
        "refs/heads/",
        "/refs/heads/a",
        "../config",
        "HEAD/x",
        "refs/heads/a@{1}",
        "refs\\heads\\a",
    ];
    let extra = |name: &str, id: Option<&str>| Effect::ExtraRef { name: name.into(), id: id.map(str::to_owned) };
    let mut rows: Vec<Row> = names.iter().map(|name| (extra(name, None), Some(ErrorKind::Protocol))).collect();
    rows.extend([
        (extra("refs/heads/sound", None), None),
        (extra("refs/heads/a b", None), (!v2).then_some(ErrorKind::Protocol)),
        (Effect::EndlessBody, Some(ErrorKind::Protocol)),
        (extra("refs/heads/x", Some("not an id")), Some(ErrorKind::Protocol)),
        (extra("refs/heads/x", Some("0123456789012345678901234567890123456789")), Some(RevisionNotFound)),
        (Effect::EndlessRefs, Some(ErrorKind::Protocol)),
    ]);
    rows
}

/// What can go wrong with a pack.
fn packs() -> Vec<Row> {
    let mut rows: Vec<Row> = vec![
        (Effect::EndlessProgress, Some(ErrorKind::Protocol)),
        (Effect::ReplacePack("not a pack".into()), Some(Corrupt)),
        (Effect::ReplacePack("".into()), Some(Corrupt)),
        (Effect::EndlessBody, Some(ErrorKind::Protocol)),
        (Effect::ClockOff(3600), Some(Denied)),
    ];
    rows.extend([0, 4, 11, 12, 13, 100, 5_000].map(|length| (Effect::TruncatePack(length), Some(Corrupt))));
    rows.extend([0, 5, 10, 12, 14, 100, 5_000].map(|at| (Effect::FlipPackBit(at), Some(Corrupt))));
    rows
}

/// Tells something also where the test passes, which keeps to itself what it prints.
fn tell(what: &str) {
    std::io::stderr().write_all(format!("{what}\n").as_bytes()).expect("standard error takes it");
}

/// Tries each row, and tells how many there were.
fn try_all(engine: fn() -> Box<dyn Engine>, what: &str, world: &World, step: Step, rows: &[Row]) -> usize {
    let started = Instant::now();
    let defects: Vec<_> = rows.iter().filter_map(|row| world.defect(step, row, engine)).collect();
    tell(&format!("{}, {what}: {} cells in {:.1?}", engine().name(), rows.len(), started.elapsed()));
    assert!(defects.is_empty(), "{} of {} cells:\n{}", defects.len(), rows.len(), defects.join("\n"));
    assert_eq!(world.sandbox.count(Step::Elsewhere), 0, "redirects are not followed");
    let sound = world.request(world.chain()).run_blocking(engine());
    sound.expect("nothing is wrong any more: without this, all could fail for another reason");
    rows.len()
}

fn imds(engine: fn() -> Box<dyn Engine>, step: Step) -> usize {
    let world = World::new(Protocol::CodeCommit);
    let mut rows = of_the_chain(answers(&world));
    if step == Step::ImdsToken {
        rows.extend(of_the_chain(connections(false)));
    }
    try_all(engine, &format!("{step:?}"), &world, step, &rows)
}

fn sts(engine: fn() -> Box<dyn Engine>) -> usize {
    let world = World::new(Protocol::CodeCommit);
    let rows = [of_the_chain(connections(true)), of_the_chain(answers(&world))].concat();
    try_all(engine, "AssumeRole", &world, Step::AssumeRole, &rows)
}

fn refs_of_codecommit(engine: fn() -> Box<dyn Engine>) -> usize {
    let world = World::new(Protocol::CodeCommit);
    let clock = (Effect::ClockOff(3600), Some(Denied));
    let rows = [connections(true), answers(&world), refs(false), vec![clock]].concat();
    try_all(engine, "refs of CodeCommit", &world, Step::FetchRefs, &rows)
}

fn refs_of_a_modern_server(engine: fn() -> Box<dyn Engine>) -> usize {
    let world = World::new(Protocol::Modern);
    let v2 = engine().name() == "gitoxide";
    // An engine of protocol v0 has its refs with the first request.
    let step = if v2 { Step::ListRefs } else { Step::FetchRefs };
    let rows = [answers(&world), refs(v2)].concat();
    try_all(engine, "refs of a modern server", &world, step, &rows)
}

fn pack_of_codecommit(engine: fn() -> Box<dyn Engine>) -> usize {
    let world = World::new(Protocol::CodeCommit);
    let rows = [answers(&world), packs()].concat();
    try_all(engine, "pack of CodeCommit", &world, Step::Fetch, &rows)
}

fn pack_of_a_modern_server(engine: fn() -> Box<dyn Engine>) -> usize {
    let world = World::new(Protocol::Modern);
    let rows = [answers(&world), packs()].concat();
    try_all(engine, "pack of a modern server", &world, Step::Fetch, &rows)
}

/// Most cells wait: all parts of the matrix are tried at once, each with a world of its own.
fn matrix(engine: fn() -> Box<dyn Engine>) {
    let cells: usize = std::thread::scope(|scope| {
        let parts = [
            scope.spawn(move || imds(engine, Step::ImdsToken)),
            scope.spawn(move || imds(engine, Step::ImdsRole)),
            scope.spawn(move || imds(engine, Step::ImdsCredentials)),
            scope.spawn(move || sts(engine)),
            scope.spawn(move || refs_of_codecommit(engine)),
            scope.spawn(move || refs_of_a_modern_server(engine)),
            scope.spawn(move || pack_of_codecommit(engine)),
            scope.spawn(move || pack_of_a_modern_server(engine)),
        ];
        parts.map(|part| part.join().expect("the cells hold")).iter().sum()
    });
    tell(&format!("{}: {cells} cells of the fault matrix in all", engine().name()));
}

#[cfg(feature = "gitoxide")]
#[test]
fn gitoxide() {
    matrix(|| Box::new(clone_by_role::Gitoxide::default()));
}

#[cfg(feature = "libgit2")]
#[test]
fn libgit2() {
    matrix(|| Box::new(clone_by_role::Libgit2::default()));
}
