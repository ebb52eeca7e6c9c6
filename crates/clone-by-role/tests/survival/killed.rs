//! `kill -9`, and a caller that cancels.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clone_by_role::{CancelToken, ErrorKind};
use codecommit_sandbox::{Effect, Fault, Step};

use super::support::Git;
use super::{World, child, engine, names};

const MOMENTS: u32 = 100;

/// A clone is killed at a hundred moments, from before it begins to after its end.
pub(crate) fn at_a_hundred_moments(name: &str) {
    let world = World::new();
    let destination = world.destination();
    let commit = world.repository.git(&["rev-parse", "HEAD"]);
    let started = Instant::now();
    assert_eq!(child::outcome(child::command(&world, name, &destination)), "cloned");
    let whole = started.elapsed();
    fs::remove_dir_all(&destination).expect("it can be removed");
    assert_eq!(world.left(), [""; 0]);

    let (mut whole_ones, mut midway) = (0, 0);
    for moment in 0..MOMENTS {
        let mut command = child::command(&world, name, &destination);
        let mut running = command.stdout(Stdio::null()).spawn().expect("the child can be started");
        // Every moment of the clone, in an order that jumps about.
        let share = f64::from(moment * 37 % MOMENTS) / f64::from(MOMENTS);
        std::thread::sleep(whole.mul_f64(share * 1.1));
        running.kill().expect("it can be killed");
        running.wait().expect("it has ended");
        if destination.exists() {
            let git = Git::at(&destination);
            assert_eq!(git.says(&["rev-parse", "HEAD"]), commit);
            assert_eq!(git.says(&["status", "--porcelain"]), "");
            assert_eq!(git.says(&["fsck", "--full", "--strict"]), "");
            fs::remove_dir_all(&destination).expect("it can be removed");
            whole_ones += 1;
        } else if world.left().iter().any(|name| name.starts_with(".clone.staging-")) {
            midway += 1;
        }
        // Each run sweeps what the one before it left: never more than one's leftovers are there.
        assert!(world.left().len() <= 1, "{:?}", world.left());
    }
    // Not through `println!`, which a test that passes keeps to itself.
    let told = format!("{name}: {MOMENTS} kills, {midway} midway, {whole_ones} after the clone had appeared\n");
    std::io::stderr().write_all(told.as_bytes()).expect("standard error takes it");
    assert!(midway >= 10, "only {midway} of {MOMENTS} kills came midway");
    world.server.request(&destination).run_blocking(engine(name)).expect("nothing is in its way");
    assert_eq!(world.left(), ["clone"]);
}

/// A clone is cancelled at as many moments: it ends soon, as cancelled or whole, and leaves nothing.
pub(crate) fn cancelled_at_a_hundred_moments(name: &str) {
    let world = World::new();
    let destination = world.destination();
    let started = Instant::now();
    world.server.request(&destination).run_blocking(engine(name)).expect("nothing is wrong");
    let whole = started.elapsed();
    fs::remove_dir_all(&destination).expect("it can be removed");
    let mut cancelled = 0;
    for moment in 0..MOMENTS {
        let cancel = CancelToken::new();
        let request = world.server.request(&destination).cancel_with(cancel.clone());
        let engine = engine(name);
        let running = std::thread::spawn(move || request.run_blocking(engine));
        std::thread::sleep(whole.mul_f64(f64::from(moment * 37 % MOMENTS) / f64::from(MOMENTS)));
        let asked = Instant::now();
        cancel.cancel();
        match running.join().expect("it does not panic") {
            Ok(_) => fs::remove_dir_all(&destination).expect("it can be removed"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
                cancelled += 1;
            }
        }
        assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
        assert_eq!(world.left(), [""; 0]);
    }
    assert!(cancelled >= 10, "only {cancelled} of {MOMENTS} were cancelled");
}

/// What a dead run left is swept, also when the destination is taken; what a living one has made is not.
pub(crate) fn beside_a_living_run(name: &str) {
    let world = World::new();
    let destination = world.destination();
    let dead = world.parent.path().join(".clone.staging-1-0");
    let plant = || {
        fs::create_dir_all(dead.join("tree/.git/objects")).expect("folders can be made");
        fs::write(dead.join("lock"), "").expect("files can be written");
    };
    plant();
    let sandbox = &world.server.sandbox;
    sandbox.set_fault(Fault::new(Step::Fetch, Effect::StallAfter(100_000)).times(1));
    let cancel = CancelToken::new();
    let living = {
        let request = world.server.request(&destination).cancel_with(cancel.clone());
        let engine = engine(name);
        std::thread::spawn(move || request.run_blocking(engine))
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while sandbox.count(Step::Fetch) == 0 {
        assert!(Instant::now() < deadline, "the clone does not come to its fetch");
        std::thread::yield_now();
    }
    let its_own = world.left();
    assert_eq!(its_own.len(), 1, "{its_own:?}");
    assert!(!dead.exists());

    plant();
    world.server.request(&destination).run_blocking(engine(name)).expect("the other run is not in its way");
    assert!(!dead.exists());
    assert_eq!(world.left(), [its_own[0].as_str(), "clone"]);
    assert_eq!(names(&world.parent.path().join(&its_own[0])), ["lock", "tree"]);

    plant();
    let error = world.server.request(&destination).run_blocking(engine(name)).expect_err("the destination is taken");
    assert_eq!(error.kind(), ErrorKind::DestinationExists);
    assert!(!dead.exists());

    cancel.cancel();
    let error = living.join().expect("it does not panic").expect_err("it was cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(world.left(), ["clone"]);
}
