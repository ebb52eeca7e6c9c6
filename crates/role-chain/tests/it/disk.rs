//! Sessions on disk: for the next process, for those that run at the same time, and for nobody else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use codecommit_sandbox::{Effect, Fault, Sandbox, Service, Step};
use role_chain::{Credentials, ErrorKind, Hop, RoleChain, RoleChainBuilder};

use crate::support::{MFA, Time, asked, from_instance, from_user, hop_b, hop_c, key, until, world};

struct Bench {
    sandbox: Sandbox,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { sandbox: world().start().unwrap(), home: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("sessions")
    }

    fn chain(&self) -> RoleChain {
        from_instance(&self.sandbox).hop(hop_b()).disk_cache_in(self.folder()).build().unwrap()
    }

    /// The entries, or the locks, by their ending.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let paths = fs::read_dir(self.folder()).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
    }

    fn entry(&self) -> PathBuf {
        let entries = self.files("json");
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.into_iter().next().unwrap()
    }

    fn calls(&self) -> usize {
        self.sandbox.count(Step::AssumeRole)
    }

    fn silence(&self) {
        for service in [Service::Imds, Service::Sts] {
            self.sandbox.set_fault(Fault::new(service, Effect::RefuseConnections));
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_next_process_takes_every_hop_from_disk_while_nobody_answers() {
    let bench = Bench::new();
    let chain =
        || from_instance(&bench.sandbox).hop(hop_b()).hop(hop_c()).disk_cache_in(bench.folder()).build().unwrap();
    let first = chain().credentials().await.unwrap();
    assert_eq!(bench.files("json").len(), 2);
    bench.silence();
    bench.sandbox.clear_requests();

    let next = chain();
    let second = next.credentials().await.unwrap();
    assert_eq!(second.access_key_id(), first.access_key_id());
    assert_eq!(second.secret_access_key(), first.secret_access_key());
    assert_eq!(second.session_token(), first.session_token());
    assert_eq!(second.expiry().map(whole), first.expiry().map(whole));
    assert_eq!(asked(&bench.sandbox), [""; 0]);
    assert_eq!(next.counters()[2].from_disk, 1);
    // The hop before is there as well, for whoever goes on from it.
    let steps = from_instance(&bench.sandbox).hop(hop_b()).disk_cache_in(bench.folder()).build().unwrap();
    steps.credentials().await.unwrap();
}

fn whole(time: std::time::SystemTime) -> u64 {
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn nobody_else_may_look() {
    let bench = Bench::new();
    key(&bench.chain()).await;
    assert_eq!(mode(&bench.folder()), 0o700);
    assert_eq!(mode(&bench.entry()), 0o600);
    assert_eq!(bench.files("lock").iter().map(|lock| mode(lock)).collect::<Vec<_>>(), [0o600]);
    // A folder of this user's that others may look into is closed.
    fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    key(&bench.chain()).await;
    assert_eq!(mode(&bench.folder()), 0o700);
    assert_eq!(bench.calls(), 1);
    // The usual place is that of the XDG specification.
    let environment = bench.sandbox.env().into_iter().chain([("HOME".into(), bench.home.path().display().to_string())]);
    let chain = RoleChain::from_instance().environment(environment).hop(hop_b()).disk_cache().build().unwrap();
    key(&chain).await;
    assert_eq!(mode(&bench.home.path().join(".cache/role-chain")), 0o700);
}

#[tokio::test]
async fn what_is_broken_counts_as_nothing_and_is_mended() {
    let bench = Bench::new();
    key(&bench.chain()).await;
    let (entry, good) = (bench.entry(), fs::read_to_string(bench.entry()).unwrap());
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in the entry");
        good.replace(from, to).into_bytes()
    };
    let broken: Vec<Vec<u8>> = vec![
        Vec::new(),
        good.as_bytes()[..good.len() / 2].to_vec(),
        b"{}".to_vec(),
        b"[1, 2".to_vec(),
        vec![0xff, 0xfe, 0x00],
        vec![b' '; 70_000],
        changed("\"Version\":1", "\"Version\":2"),
        changed("\"Key\":\"", "\"Key\":\"0"),
        changed("\"SessionToken\":\"", "\"NoToken\":\""),
        changed("\"Expiration\":\"20", "\"Expiration\":\"19"),
        changed("\"Expiration\":\"20", "\"Expiration\":\"29"),
        changed("\"Obtained\":\"20", "\"Obtained\":\"nonsense"),
    ];
    for (count, content) in broken.into_iter().enumerate() {
        fs::write(&entry, &content).unwrap();
        key(&bench.chain()).await;
        assert_eq!(bench.calls(), count + 2, "was taken for a session: {}", String::from_utf8_lossy(&content));
        key(&bench.chain()).await;
        assert_eq!(bench.calls(), count + 2, "was not mended: {}", String::from_utf8_lossy(&content));
    }
}

#[tokio::test]
async fn links_pipes_and_what_others_may_read_are_refused() {
    let bench = Bench::new();
    let first = key(&bench.chain()).await;
    let entry = bench.entry();
    let aside = bench.home.path().join("aside.json");
    fs::rename(&entry, &aside).unwrap();

    symlink(&aside, &entry).unwrap();
    assert_ne!(key(&bench.chain()).await, first, "a link was followed");
    assert!(!fs::symlink_metadata(&entry).unwrap().is_symlink(), "the link was not replaced by an entry");
    assert!(fs::read_to_string(&aside).unwrap().contains(&first), "the link's target was written to");

    fs::remove_file(&entry).unwrap();
    fs::copy(&aside, &entry).unwrap();
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o640)).unwrap();
    assert_ne!(key(&bench.chain()).await, first, "a file that the group may read was used");

    fs::remove_file(&entry).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &entry, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    key(&bench.chain()).await;
    assert_eq!(bench.calls(), 4, "a pipe was waited for");

    // A folder that is a link belongs to whoever may change the link.
    let link = bench.home.path().join("link");
    symlink(bench.folder(), &link).unwrap();
    let chain = from_instance(&bench.sandbox).hop(hop_b()).disk_cache_in(&link).build().unwrap();
    key(&chain).await;
    assert_eq!(bench.calls(), 5);
    // A lock that is a link is not waited for, nor made at the link's target.
    let lock = bench.files("lock").pop().unwrap();
    fs::remove_file(&lock).unwrap();
    let target = bench.home.path().join("target");
    symlink(&target, &lock).unwrap();
    fs::remove_file(&entry).unwrap();
    key(&bench.chain()).await;
    assert_eq!(bench.calls(), 6);
    assert!(!target.exists());
}

#[tokio::test]
async fn what_belongs_to_others_is_refused() {
    let bench = Bench::new();
    let first = key(&bench.chain()).await;
    let entry = bench.entry();
    if rustix::process::geteuid().is_root() {
        let other = rustix::fs::Uid::from_raw(65_534);
        rustix::fs::chown(&entry, Some(other), None).unwrap();
        assert_ne!(key(&bench.chain()).await, first);
        // It was replaced by one of this user's.
        assert_eq!(fs::metadata(&entry).unwrap().uid(), 0);
        rustix::fs::chown(bench.folder(), Some(other), None).unwrap();
        key(&bench.chain()).await;
        assert_eq!(bench.calls(), 3);
    } else {
        // The system's own folder is another's, and closed to writing besides.
        let chain = from_instance(&bench.sandbox).hop(hop_b()).disk_cache_in("/etc").build().unwrap();
        key(&chain).await;
        assert_eq!(bench.calls(), 2);
    }
}

#[tokio::test]
async fn a_disk_that_takes_nothing_stops_nobody() {
    let bench = Bench::new();
    fs::write(bench.folder(), "a file").unwrap();
    key(&bench.chain()).await;
    let below = from_instance(&bench.sandbox).hop(hop_b()).disk_cache_in(bench.folder().join("below")).build().unwrap();
    key(&below).await;
    assert_eq!(bench.calls(), 2);
    assert_eq!(fs::read_to_string(bench.folder()).unwrap(), "a file");
}

#[tokio::test]
async fn whoever_starts_elsewhere_or_asks_for_something_else_has_an_entry_of_its_own() {
    let bench = Bench::new();
    let keep = |builder: RoleChainBuilder| builder.disk_cache_in(bench.folder()).build().unwrap();
    let environment = |key: &str| {
        let keys = bench.sandbox.user_keys("dana").unwrap();
        let mut environment = bench.sandbox.env();
        environment.push(("AWS_ACCESS_KEY_ID".into(), keys.access_key_id + key));
        environment.push(("AWS_SECRET_ACCESS_KEY".into(), keys.secret_access_key));
        RoleChain::from_environment_keys().environment(environment)
    };
    let sources: Vec<RoleChainBuilder> = vec![
        from_instance(&bench.sandbox).hop(hop_b()),
        environment("").hop(hop_b()),
        from_user(&bench.sandbox).source_name("dana").hop(hop_b()),
        from_user(&bench.sandbox).source_name("dana's other self").hop(hop_b()),
        from_instance(&bench.sandbox).sts_endpoint(bench.sandbox.sts_http_endpoint()).hop(hop_b()),
    ];
    let asks = [
        hop_b().session_name("web-1"),
        hop_b().session_name("web-2"),
        hop_b().duration(Duration::from_secs(900)),
        hop_b().policy(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#),
        hop_b().policy_arn("arn:aws:iam::aws:policy/AWSCodeCommitReadOnly"),
        hop_b().tag("team", "a"),
        hop_b().transitive_tag("team", "a"),
        hop_b().tag("team", "b"),
        hop_b().source_identity("dana"),
    ];
    let asks = asks.into_iter().map(|hop| from_instance(&bench.sandbox).hop(hop));
    for (count, builder) in sources.into_iter().chain(asks).enumerate() {
        let shown = format!("{builder:?}");
        key(&keep(builder.clone())).await;
        assert_eq!(bench.files("json").len(), count + 1, "{shown} shares an entry");
        key(&keep(builder)).await;
        assert_eq!(bench.calls(), count + 1, "{shown} did not find its own");
    }
    // A key that STS does not know finds no session of another key's.
    let unknown = keep(environment("X").hop(hop_b()));
    assert_eq!(unknown.credentials().await.unwrap_err().kind(), ErrorKind::InvalidCredentials);
    // The external ID is one more thing that is asked.
    let other = keep(from_instance(&bench.sandbox).hop(hop_b().external_id("another")));
    assert_eq!(other.credentials().await.unwrap_err().kind(), ErrorKind::AccessDenied);
}

#[tokio::test]
async fn nobody_is_asked_for_digits_while_a_session_is_kept() {
    let bench = Bench::new();
    let chain = |hop: Hop| from_user(&bench.sandbox).source_name("dana").hop(hop).disk_cache_in(bench.folder()).build();
    let first = key(&chain(hop_b().mfa(MFA, |_| Ok("970418".into()))).unwrap()).await;
    let unasked = chain(hop_b().mfa(MFA, |_| Err("asked".into()))).unwrap();
    assert_eq!(key(&unasked).await, first);
}

#[tokio::test]
async fn a_provider_without_a_name_is_not_told_from_another() {
    let bench = Bench::new();
    let credentials = Credentials::new("AKIA", "secret", None, None, "test");
    let error = RoleChain::from_provider(credentials)
        .environment(bench.sandbox.env())
        .hop(hop_b())
        .disk_cache_in(bench.folder())
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.help().contains("source_name"), "{}", error.help());
}

#[tokio::test]
async fn who_is_due_takes_what_another_process_obtained_meanwhile() {
    let bench = Bench::new();
    let time = Time::new();
    let chain = || {
        let builder = time.set(from_instance(&bench.sandbox)).hop(hop_b());
        builder.disk_cache_in(bench.folder()).refresh_in_foreground().build().unwrap()
    };
    let (one, other) = (chain(), chain());
    let first = key(&one).await;
    assert_eq!(key(&other).await, first);

    time.go_to(&bench.sandbox, 3_000);
    let second = key(&one).await;
    assert_ne!(second, first, "what is due is replaced before the answer");
    assert_eq!(key(&other).await, second);
    assert_eq!(key(&chain()).await, second);
    assert_eq!(bench.calls(), 2);
    assert_eq!(other.counters()[1].from_disk, 2);

    // While nobody answers, a process that is due serves what is on disk, and soon.
    bench.silence();
    time.go_to(&bench.sandbox, 6_000);
    let late = chain();
    assert_eq!(key(&late).await, second);
    assert_eq!(late.counters()[1].served_after_failure, 1);
    time.go_to(&bench.sandbox, 6_630);
    assert_eq!(late.credentials().await.unwrap_err().step(), Some("IMDS"));
}

#[tokio::test]
async fn a_refresh_that_takes_long_does_not_hold_up_who_has_something_to_go_on_with() {
    let bench = Bench::new();
    let time = Time::new();
    let chain = time.set(from_instance(&bench.sandbox)).hop(hop_b()).refresh_in_foreground().build().unwrap();
    let first = key(&chain).await;
    bench.sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Stall).times(1));
    time.go_to(&bench.sandbox, 3_000);
    let started = std::time::Instant::now();
    assert_eq!(key(&chain).await, first);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn entries_that_died_long_ago_are_swept() {
    let bench = Bench::new();
    key(&bench.chain()).await;
    let old = bench.folder().join("0123.json");
    let (lock, held) = (bench.folder().join("0123.lock"), bench.folder().join("4567.lock"));
    let foreign = bench.folder().join("README");
    for path in [&old, &lock, &held, &foreign] {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        let day = std::time::SystemTime::now() - Duration::from_secs(86_400);
        fs::File::options().write(true).open(path).unwrap().set_modified(day).unwrap();
    }
    let holder = fs::File::options().write(true).open(&held).unwrap();
    holder.lock().unwrap();
    key(&from_instance(&bench.sandbox).hop(hop_b().session_name("new")).disk_cache_in(bench.folder()).build().unwrap())
        .await;
    let left = [&old, &lock, &held, &foreign].map(|path| path.exists());
    assert_eq!(left, [false, false, true, true]);
}

const CHILD: &str = "ROLE_CHAIN_TEST_FOLDER";

/// Does nothing by itself: it is what the tests below start.
#[tokio::test]
async fn a_process_that_keeps_sessions() {
    if let Ok(folder) = std::env::var(CHILD) {
        let chain = RoleChain::from_instance().hop(
            Hop::new(crate::support::role(crate::support::ROLE_B))
                .external_id(codecommit_sandbox::scenario::EXTERNAL_ID),
        );
        println!("\nkey: {}", key(&chain.disk_cache_in(folder).build().unwrap()).await);
    }
}

fn process(bench: &Bench) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "disk::a_process_that_keeps_sessions", "--nocapture"])
        .env_clear()
        .envs(bench.sandbox.env())
        .env(CHILD, bench.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn processes_that_start_together_make_one_call() {
    let bench = Bench::new();
    bench.sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Delay(Duration::from_millis(300))));
    let running: Vec<_> = (0..10).map(|_| process(&bench).spawn().unwrap()).collect();
    let mut keys: Vec<String> = running
        .into_iter()
        .map(|process| {
            let output = process.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let key = text.lines().find_map(|line| line.strip_prefix("key: "));
            key.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
        })
        .collect();
    keys.dedup();
    assert_eq!(keys.len(), 1);
    assert_eq!(bench.calls(), 1);
}

#[tokio::test]
async fn a_process_that_is_killed_in_its_call_holds_up_nobody() {
    let bench = Bench::new();
    bench.sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Stall).times(1));
    let mut stuck = process(&bench).spawn().unwrap();
    until(|| bench.sandbox.faults_struck() == 1).await;
    let waiting = bench.chain();
    let waiting = tokio::spawn(async move { key(&waiting).await });
    tokio::task::yield_now().await;
    stuck.kill().unwrap();
    stuck.wait().unwrap();
    waiting.await.unwrap();
    // What it began to write, if anything, is no entry.
    assert_eq!(bench.files("json").len(), 1);
}
