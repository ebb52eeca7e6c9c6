//! Runs each example as its own process, against the sandbox.

use codecommit_sandbox::{Effect, Fault, Step};

use crate::support::{World, text};

#[test]
fn assume_chain_names_who_i_am_after_each_hop() {
    let world = World::new();
    let (role, id) = (world.sandbox.role_arn("RoleB"), world.sandbox.external_id().to_owned());
    let said = world.good("assume_chain", &[&role, &id]);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0"), "{said}");
    assert!(lines[1].contains("arn:aws:sts::222222222222:assumed-role/RoleB/"), "{said}");

    let profile = world.command("assume_chain").env("AWS_PROFILE", "b").output().unwrap();
    assert!(text(&profile.stdout).contains("assumed-role/RoleB/"), "{profile:?}");

    let wrong = world.command("assume_chain").args([&role, "not-the-id"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("external ID"), "{wrong:?}");
}

#[test]
fn clone_by_role_clones_and_says_what_went_wrong() {
    let world = World::new();
    let (role, id) = (world.sandbox.role_arn("RoleB"), world.sandbox.external_id().to_owned());
    let said = world.good("clone_by_role", &["codecommit::ap-northeast-1://app", "app", &role, &id]);
    assert_eq!(said, format!("app at {}\n", world.head()));
    assert_eq!(world.tree_of("app"), world.tree_of_head());

    world.sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::Throttle));
    let arguments = ["codecommit::ap-northeast-1://app", "again", &role, &id];
    let output = world.command("clone_by_role").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("trying again can help"), "{output:?}");
    assert!(!world.path("again").exists());
    assert_eq!(world.command("clone_by_role").output().unwrap().status.code(), Some(2));
}

#[test]
fn swap_engine_clones_the_same_with_each() {
    let world = World::new();
    let output = world
        .command("swap_engine")
        .args(["codecommit::ap-northeast-1://app", "both"])
        .env("AWS_PROFILE", "b")
        .output();
    let said = text(&output.unwrap().stdout);
    let words: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    let [first, second] = &words[..] else { panic!("{said}") };
    assert_eq!((first[0], second[0]), ("gitoxide", "libgit2"));
    assert_eq!((first[1], second[1]), (&*world.head(), &*world.head()));
    assert_eq!(first[2], second[2], "as many objects");
    for engine in ["both/gitoxide", "both/libgit2"] {
        assert_eq!(world.tree_of(engine), world.tree_of_head());
    }
    assert_eq!(world.sandbox.count(Step::AssumeRole), 1);
}

#[test]
fn custom_progress_draws_each_phase() {
    let world = World::new();
    let output = world
        .command("custom_progress")
        .args(["codecommit::ap-northeast-1://app", "app"])
        .env("AWS_PROFILE", "b")
        .output();
    let output = output.unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for phase in ["connecting", "receiving        [####################]", "writing files    [####################]"] {
        assert!(said.contains(phase), "{phase}: {said}");
    }
    assert!(said.ends_with(&format!("done: {}\n", world.head())), "{said}");
}
