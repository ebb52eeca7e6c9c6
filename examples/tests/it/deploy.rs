//! `deploy`: what it leaves, what it takes back, and what it leaves when it is killed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use codecommit_sandbox::{Effect, Fault, Step};
use serde_json::Value;

use crate::support::{World, text};

const APP: &str = "codecommit::ap-northeast-1://app";
/// Notes each activation: the release that `current` led to.
const NOTE: &str = "basename \"$(readlink \"$DEPLOY_ROOT/current\")\" >> \"$DEPLOY_ROOT/../activated\"";

/// `deploy run` into `site` with these flags, as the profile of the scenario.
fn run(world: &World, flags: &[&str]) -> Command {
    let mut command = world.command("deploy");
    command.args(["run", "--root", "site", "--json", "--profile", "b", "--health-wait", "0"]).args(flags).arg(APP);
    command.env("DEPLOY_TRIES", "1");
    command
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A run that ends with this status, and what it says.
fn ends(world: &World, status: i32, flags: &[&str]) -> Value {
    let output = run(world, flags).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{flags:?}: {output:?}");
    answer(&output)
}

fn other(world: &World, status: i32, arguments: &[&str]) -> Value {
    let output = world.run("deploy", &[arguments, &["--root", "site", "--json", "--health-wait", "0"]].concat());
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
    answer(&output)
}

/// The folders in `site/releases`.
fn releases(world: &World) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(world.path("site/releases"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn live(world: &World) -> Option<String> {
    let target = fs::read_link(world.path("site/current")).ok()?;
    Some(target.file_name().unwrap().to_string_lossy().into_owned())
}

#[test]
fn a_commit_becomes_live_once() {
    let world = World::new();
    let first = world.head();
    let said = ends(&world, 0, &["--activate", NOTE]);
    assert_eq!((&said["result"], &said["commit"]), (&"deployed".into(), &first.as_str().into()));
    assert_eq!(said["previous"], Value::Null);
    assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    assert!(!world.path("site/current/.git").exists());

    let again = ends(&world, 0, &["--activate", NOTE]);
    assert_eq!((&again["result"], &again["release"]), (&"unchanged".into(), &said["release"]));

    world.write("version", "2\n");
    let second = world.commit("Second");
    let next = ends(&world, 0, &["--activate", NOTE]);
    assert_eq!((&next["commit"], &next["previous"]), (&second.as_str().into(), &said["release"]));
    assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    let names = [&said, &next].map(|said| said["release"].as_str().unwrap().to_owned());
    assert_eq!(releases(&world), names);
    assert_eq!(fs::read_to_string(world.path("activated")).unwrap(), format!("{}\n{}\n", names[0], names[1]));

    let status = other(&world, 0, &["status"]);
    assert_eq!((&status["current"], &status["running"]), (&next["release"], &false.into()));
    assert_eq!(status["releases"].as_array().unwrap().len(), 2);
}

#[test]
fn a_branch_or_a_tag_can_be_deployed() {
    let world = World::new();
    let first = world.head();
    world.git(&["tag", "v1"]);
    world.write("version", "2\n");
    let second = world.commit("Second");
    assert_eq!(ends(&world, 0, &["--rev", "v1"])["commit"], first.as_str());
    assert_eq!(ends(&world, 0, &["--branch", "main"])["commit"], second.as_str());
}

#[test]
fn a_failing_check_switches_nothing_and_is_not_repeated() {
    let world = World::new();
    let check = ["--check", "grep -qx 1 version", "--activate", NOTE];
    let good = ends(&world, 0, &check);
    world.write("version", "2\n");
    let bad = world.commit("Bad");
    assert_eq!(ends(&world, 1, &check)["error"]["kind"], "check");
    assert_eq!(live(&world).as_deref(), good["release"].as_str());
    assert_eq!(releases(&world).len(), 1, "the refused release is gone");
    assert_eq!(ends(&world, 1, &check)["error"]["kind"], "refused");
    let status = other(&world, 0, &["status"]);
    assert_eq!((&status["refused"]["commit"], &status["refused"]["why"]), (&bad.as_str().into(), &"check".into()));
    assert_eq!(fs::read_to_string(world.path("activated")).unwrap().lines().count(), 1);

    assert_eq!(ends(&world, 0, &["--force"])["commit"], bad.as_str());
    world.write("version", "1\n");
    let mended = world.commit("Mended");
    assert_eq!(ends(&world, 0, &check)["commit"], mended.as_str());
    assert_eq!(other(&world, 0, &["status"])["refused"], Value::Null);
}

#[test]
fn an_unhealthy_release_goes_back_by_itself() {
    let world = World::new();
    let flags = ["--health", "echo tried >> ../../../tried; grep -qx 1 version", "--activate", NOTE];
    let good = ends(&world, 0, &flags);
    world.write("version", "2\n");
    world.commit("Bad");
    let said = ends(&world, 3, &[&flags[..], &["--health-tries", "3"]].concat());
    assert_eq!(said["error"]["kind"], "health");
    assert_eq!(live(&world).as_deref(), good["release"].as_str());
    assert_eq!(releases(&world).len(), 1);
    assert_eq!(fs::read_to_string(world.path("tried")).unwrap().lines().count(), 1 + 3);
    let activated = fs::read_to_string(world.path("activated")).unwrap();
    let activated: Vec<_> = activated.lines().collect();
    assert_eq!((activated.len(), activated[0]), (3, activated[2]), "the good release is activated once more");
    assert_eq!(ends(&world, 1, &flags)["error"]["kind"], "refused");
}

#[test]
fn a_first_release_that_is_unhealthy_leaves_nothing_live() {
    let world = World::new();
    assert_eq!(ends(&world, 3, &["--health", "false", "--health-tries", "1"])["error"]["kind"], "health");
    assert_eq!((live(&world), releases(&world).len()), (None, 0));
    assert!(!world.path("site/current").is_symlink());
}

#[test]
fn rollback_goes_back_and_stays_there() {
    let world = World::new();
    let mut names = Vec::new();
    for version in ["1", "2", "3"] {
        world.write("version", version);
        world.commit(version);
        names.push(ends(&world, 0, &[])["release"].clone());
    }
    let said = other(&world, 0, &["rollback", "--activate", NOTE]);
    assert_eq!((&said["result"], &said["release"]), (&"rolled_back".into(), &names[1]));
    assert_eq!(fs::read_to_string(world.path("site/current/version")).unwrap(), "2");
    // The timer comes along: the commit that was rolled back from stays out, until there is another.
    assert_eq!(ends(&world, 1, &[])["error"]["kind"], "refused");
    assert_eq!(live(&world).as_deref(), names[1].as_str());

    let third = names[2].as_str().unwrap();
    assert_eq!(other(&world, 0, &["rollback", "--to", third])["release"], third);
    let unhealthy = other(&world, 3, &["rollback", "--health", "false", "--health-tries", "1"]);
    assert_eq!(unhealthy["error"]["kind"], "health");
    assert_eq!(live(&world).as_deref(), Some(third));
    assert_eq!(other(&world, 1, &["rollback", "--to", "000009-none"])["error"]["kind"], "no_release");
}

#[test]
fn the_last_ones_are_kept() {
    let world = World::new();
    for version in 1..=4 {
        world.write("version", &version.to_string());
        world.commit("Next");
        ends(&world, 0, &["--keep", "2"]);
    }
    let kept: Vec<_> = releases(&world).iter().map(|name| name.split('-').next().unwrap().to_owned()).collect();
    assert_eq!(kept, ["000002", "000003"]);
}

#[test]
fn releases_share_what_did_not_change() {
    let world = World::new();
    ends(&world, 0, &["--keep", "20"]);
    let files = world.tree_of_head().len() as u64;
    for version in 2..=10 {
        world.write("version", &format!("{version}\n"));
        world.commit("Next");
        let said = ends(&world, 0, &["--keep", "20"]);
        assert_eq!((&said["files"], &said["files_written"]), (&files.into(), &1.into()), "version {version}");
        assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    }
    assert_eq!(releases(&world).len(), 10);
    let links = world.tree_of_head().values().filter(|found| found.starts_with("link")).count() as u64;
    assert_eq!(inodes(&world.path("site/releases")).len() as u64, files - links + 9);
    // A file that stands in many releases is not to be written to in place.
    let shared = fs::metadata(world.path("site/current/src/part-0.txt")).unwrap();
    assert_eq!((shared.nlink(), shared.mode() & 0o777), (10, 0o444));
    assert_eq!(fs::metadata(world.path("site/current/bin/start")).unwrap().mode() & 0o777, 0o555);
}

#[test]
fn the_tenth_deployment_costs_what_changed() {
    let world = World::new();
    // Content that no compression makes small.
    let noise = |seed: u64| {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + (state >> 33) as u8 % 90)
        };
        (0..20_000).map(|_| draw()).collect::<String>()
    };
    for file in 0..20 {
        world.write(&format!("assets/{file}"), &noise(file));
    }
    world.commit("Assets");
    let first = ends(&world, 0, &[])["bytes_received"].as_u64().unwrap();
    assert!(first > 300_000, "{first}");
    for version in 2..=10 {
        world.write("version", &format!("{version}\n"));
        world.commit("Next");
        let bytes = ends(&world, 0, &[])["bytes_received"].as_u64().unwrap();
        assert!((100..2_000).contains(&bytes), "version {version} took {bytes} bytes");
        assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    }
    // Nothing new: the refs are looked at, and no more.
    world.sandbox.clear_requests();
    assert_eq!(ends(&world, 0, &[])["result"], "unchanged");
    assert_eq!((world.sandbox.count(Step::FetchRefs), world.sandbox.count(Step::Fetch)), (1, 0));
}

#[test]
fn objects_that_were_damaged_are_fetched_anew() {
    let world = World::new();
    let damages: [fn(&Path); 3] = [
        |packs| fs::read_dir(packs).unwrap().for_each(|file| fs::remove_file(file.unwrap().path()).unwrap()),
        |packs| {
            for file in fs::read_dir(packs).unwrap() {
                let path = file.unwrap().path();
                fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
                fs::write(&path, "damaged").unwrap();
            }
        },
        |packs| fs::remove_dir_all(packs).unwrap(),
    ];
    for (version, damage) in damages.into_iter().enumerate() {
        world.write("version", &format!("before {version}"));
        world.commit("Before");
        ends(&world, 0, &[]);
        damage(&world.path("site/repository/objects/pack"));
        world.write("version", &format!("after {version}"));
        world.commit("After");
        assert_eq!(ends(&world, 0, &[])["result"], "deployed", "{version}");
        assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    }
}

#[test]
fn a_file_that_was_altered_in_a_release_is_not_shared_on() {
    let world = World::new();
    ends(&world, 0, &[]);
    let altered = world.path("site/current/src/part-1.txt");
    let before = fs::metadata(&altered).unwrap();
    fs::remove_file(&altered).unwrap();
    fs::write(&altered, "x".repeat(before.len() as usize)).unwrap();
    fs::set_permissions(&altered, before.permissions()).unwrap();
    world.write("version", "2\n");
    world.commit("Second");
    assert_eq!(ends(&world, 0, &[])["files_written"], 2);
    assert_eq!(world.tree_of("site/current"), world.tree_of_head());
}

#[test]
fn a_signal_ends_the_command_that_runs_as_well() {
    let world = World::new();
    let check = "sleep 600 & echo $! > ../../../pid; wait";
    let mut child = run(&world, &["--check", check]).stdout(Stdio::null()).spawn().unwrap();
    let pid = loop {
        match fs::read_to_string(world.path("pid")) {
            Ok(pid) if pid.ends_with('\n') => break pid,
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let deploy = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(deploy, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let runs = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z")
    };
    for _ in 0..100 {
        if !runs() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!runs(), "what the check started still runs");
    assert_eq!(ends(&world, 0, &[])["result"], "deployed");
}

#[test]
fn what_can_pass_is_tried_again() {
    let world = World::new();
    world.sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Throttle).times(1));
    assert_eq!(ends(&world, 0, &["--tries", "2"])["result"], "deployed");
    assert_eq!(world.sandbox.count(Step::FetchRefs), 2);
    // What stays refused is not asked for twice.
    world.sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Status(403)));
    ends(&world, 1, &["--tries", "2"]);
    assert_eq!(world.sandbox.count(Step::FetchRefs), 3);
}

#[test]
fn a_release_that_was_removed_is_made_again() {
    let world = World::new();
    let first = ends(&world, 0, &[]);
    fs::remove_dir_all(world.path("site/current/").canonicalize().unwrap()).unwrap();
    let again = ends(&world, 0, &[]);
    assert_eq!((&again["result"], &again["commit"]), (&"deployed".into(), &first["commit"]));
    assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    assert_eq!(other(&world, 1, &["rollback"])["error"]["kind"], "no_release");
}

#[test]
fn a_timers_runs_share_one_session() {
    let world = World::new();
    for _ in 0..3 {
        ends(&world, 0, &["--cache", "cache"]);
    }
    assert_eq!(world.sandbox.count(Step::AssumeRole), 1);
    assert_eq!(fs::metadata(world.path("cache")).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn one_deployment_at_a_time() {
    let world = World::new();
    ends(&world, 0, &[]);
    let lock = fs::File::open(world.path("site/lock")).unwrap();
    lock.lock().unwrap();
    let said = ends(&world, 4, &[]);
    assert_eq!((&said["error"]["kind"], &said["error"]["retryable"]), (&"locked".into(), &true.into()));
    assert_eq!(other(&world, 0, &["status"])["running"], true);
    drop(lock);
    ends(&world, 0, &[]);
}

#[test]
fn a_command_that_hangs_is_ended_with_what_it_started() {
    let world = World::new();
    let said = ends(&world, 1, &["--timeout", "1", "--check", "sleep 600 & echo $! > ../../../pid; wait"]);
    assert!(said["error"]["message"].as_str().unwrap().contains("within 1 s"), "{said}");
    let pid = fs::read_to_string(world.path("pid")).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z"), "it still runs: {state}");
}

#[test]
fn failures_on_the_way_change_nothing_and_are_told() {
    let world = World::new();
    let good = ends(&world, 0, &[]);
    world.write("version", "2\n");
    world.commit("Second");
    for (step, effect, kind, retryable) in [
        (
            Step::AssumeRole,
            Effect::AwsError { status: 403, code: "AccessDenied".into(), message: "no".into() },
            "credentials",
            false,
        ),
        (Step::FetchRefs, Effect::Status(403), "denied", false),
        (Step::Fetch, Effect::CutAfter(300), "network", true),
    ] {
        world.sandbox.set_fault(Fault::new(step, effect));
        let said = ends(&world, 1, &[]);
        world.sandbox.clear_faults();
        assert_eq!((&said["error"]["kind"], &said["error"]["retryable"]), (&kind.into(), &retryable.into()), "{said}");
        assert!(said["error"]["step"].as_str().is_some_and(|step| !step.is_empty()), "{said}");
        assert_eq!(live(&world).as_deref(), good["release"].as_str());
    }
    for wrong in [&["run", "--root", "site", "--role-arn", "RoleB", APP][..], &["run", APP], &["status"], &["fly"]] {
        let output = world.run("deploy", wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
    let words = world.run("deploy", &["rollback", "--root", "empty"]);
    assert_eq!((words.status.code(), text(&words.stdout)), (Some(1), String::new()));
    assert!(text(&words.stderr).contains("there is no release"), "{words:?}");
}

/// The three commands end the deployment that runs them, each at another moment.
#[test]
fn a_deployment_killed_by_its_own_commands_is_carried_on() {
    // What kills it, whether the new release is live then, and whether it is once the next run is over.
    for (flag, live_then) in [("--check", false), ("--activate", true), ("--health", true)] {
        let world = World::new();
        let first = ends(&world, 0, &[]);
        world.write("version", "2\n");
        let second = world.commit("Second");
        let output = run(&world, &[flag, "kill -9 $PPID"]).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{flag}: {output:?}");
        assert_eq!(live(&world).as_deref() != first["release"].as_str(), live_then, "{flag}");
        assert_eq!(other(&world, 0, &["status"])["trial"].is_null(), !live_then, "{flag}");

        let said = ends(&world, 0, &["--activate", NOTE]);
        assert_eq!(said["commit"], second.as_str(), "{flag}: {said}");
        assert_eq!(said["result"], if live_then { "unchanged" } else { "deployed" }, "{flag}");
        assert_eq!(fs::read_to_string(world.path("activated")).unwrap().lines().count(), 1, "{flag}");
        assert_eq!(releases(&world).len(), 2, "{flag}: nothing half-made is left");
        assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    }
}

#[test]
fn a_trial_that_was_cut_short_is_judged_by_the_next_run() {
    let world = World::new();
    let first = ends(&world, 0, &[]);
    world.write("version", "2\n");
    world.commit("Second");
    run(&world, &["--health", "kill -9 $PPID"]).output().unwrap();
    assert_ne!(live(&world).as_deref(), first["release"].as_str());
    // The next run finds it unhealthy, goes back, and does not try it again.
    let said = ends(&world, 1, &["--health", "grep -qx 1 version", "--health-tries", "1"]);
    assert_eq!(said["error"]["kind"], "refused");
    assert_eq!(live(&world).as_deref(), first["release"].as_str());
    assert_eq!(releases(&world).len(), 1);
}

#[test]
fn a_return_that_was_cut_short_is_finished_by_the_next_run() {
    let world = World::new();
    let first = ends(&world, 0, &[]);
    world.write("version", "2\n");
    world.commit("Second");
    // The activation of the good release, on the way back, is where it ends.
    let activate = "grep -qx 2 version || kill -9 $PPID";
    let output = run(&world, &["--activate", activate, "--health", "false", "--health-tries", "1"]).output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{output:?}");
    assert_eq!(ends(&world, 1, &["--activate", NOTE])["error"]["kind"], "refused");
    assert_eq!(live(&world).as_deref(), first["release"].as_str());
    assert_eq!(fs::read_to_string(world.path("activated")).unwrap().trim(), first["release"].as_str().unwrap());
}

/// Kills deployments after ever longer times, whatever they are at.
#[test]
fn a_deployment_can_be_killed_at_any_moment() {
    let world = World::new();
    let mut trees = vec![world.tree_of_head()];
    ends(&world, 0, &["--keep", "3"]);
    let (mut killed, mut live_at) = (0, 0);
    let mut wait = Duration::ZERO;
    for version in 2.. {
        world.write("version", &format!("{version}\n"));
        world.write(&format!("src/new-{version}.txt"), &"new\n".repeat(version));
        world.commit("Next");
        trees.push(world.tree_of_head());
        let mut child = run(&world, &["--keep", "3"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        // What is live is one of the commits, whole.
        let now = world.tree_of("site/current");
        let at = trees.iter().position(|tree| *tree == now);
        assert!(at >= Some(live_at), "version {version}, killed after {wait:?}: {at:?}");
        live_at = at.unwrap();
        killed += usize::from(ended.signal() == Some(9));
        if ended.success() {
            break;
        }
        // Every third time the next run is left to finish; otherwise the next one is killed on top.
        if version % 3 == 0 {
            ends(&world, 0, &["--keep", "3"]);
            assert_eq!(world.tree_of("site/current"), world.tree_of_head());
            live_at = trees.len() - 1;
        }
        wait += Duration::from_millis(4);
    }
    assert!(killed >= 3, "only {killed} were killed before they were done");
    assert_eq!(ends(&world, 0, &["--keep", "3"])["result"], "unchanged");
    assert_eq!(world.tree_of("site/current"), world.tree_of_head());
    assert!(releases(&world).len() <= 3 && releases(&world).iter().all(|name| !name.starts_with('.')));
    let left: BTreeSet<_> = fs::read_dir(world.path("site")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let known = ["current", "lock", "releases", "repository", "state.json"].map(Into::into);
    assert_eq!(left, BTreeSet::from(known));
}

fn inodes(folder: &Path) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(inodes(&entry.path()));
        } else if kind.is_file() {
            found.insert(entry.metadata().unwrap().ino());
        }
    }
    found
}
