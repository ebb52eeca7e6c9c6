//! Wrong usage: one sentence that names the rule, exit status 2, nothing written, nothing asked.

use std::fs;

use assert_cmd::Command;

fn command(home: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clone-by-role"));
    command
        .env_clear()
        .current_dir(home)
        .env("HOME", home)
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    command
}

const ROLE: &str = "arn:aws:iam::222222222222:role/RoleB";
const APP: &str = "codecommit::ap-northeast-1://app";

#[test]
fn wrong_usage_is_named_and_changes_nothing() {
    let cases: &[(&[&str], &str)] = &[
        (&["clone", "--role-arn", "arn:aws:iam::2:role/RoleB", APP, "new"], "arn"),
        (&["clone", "--role-arn", ROLE, "--external-id", "a b", APP, "new"], "external"),
        (&["clone", "--role-arn", ROLE, "--session-name", "a b", APP, "new"], "session"),
        (&["clone", "--role-arn", ROLE, "--duration", "899", APP, "new"], "duration"),
        (&["clone", "--role-arn", ROLE, "--duration", "3601", APP, "new"], "3600"),
        (&["clone", "--role-arn", ROLE, "--duration", "soon", APP, "new"], "duration"),
        (&["clone", "--external-id", "x", APP, "new"], "--role-arn"),
        (&["clone", "--profile", "b", "--role-arn", ROLE, APP, "new"], "--role-arn"),
        (&["clone", "--profile", "missing", APP, "new"], "missing"),
        (&["clone", "codecommit::ap-northeast-1://a b", "new"], "name"),
        (&["clone", "codecommit::nowhere!://app", "new"], "region"),
        (&["clone", "codecommit://app", "new"], "region"),
        (&["clone", "http://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app", "new"], "https"),
        (&["clone", "ssh://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app", "new"], "https"),
        (&["clone", APP, "taken"], "exists"),
        (&["clone", "--backend", "mercurial", APP, "new"], "mercurial"),
        (&["clone", "--depth", "0", APP, "new"], "depth"),
        (&["clone", "--branch", "a", "--rev", "b", APP, "new"], "--rev"),
        (&["clone", "--branch", "a..b", APP, "new"], "branch"),
        (&["clone", "--rev", "a b", APP, "new"], "tag"),
        (&["clone"], "REMOTE"),
        (&["sync", APP, "new"], "not there yet"),
        (&["frobnicate"], "frobnicate"),
    ];
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("taken")).unwrap();
    fs::write(home.path().join("taken/file"), "x").unwrap();
    for (arguments, named) in cases {
        let output = command(home.path()).args(*arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.to_lowercase().contains(&named.to_lowercase()), "{arguments:?} should name {named:?}: {text}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "{arguments:?} wrote something");
    }
    assert_eq!(fs::read_dir(home.path().join("taken")).unwrap().count(), 1);
}

#[test]
fn help_lists_what_works() {
    let home = tempfile::tempdir().unwrap();
    let output = command(home.path()).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for command in ["clone", "credentials", "doctor"] {
        assert!(text.contains(command), "{command} is not in {text}");
    }
}
