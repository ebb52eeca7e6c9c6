//! `clone-by-role credentials`: as a `credential_process` of the real AWS CLI, by itself, and with sessions kept on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::support::{Desk, judges};
use codecommit_sandbox::{Effect, Fault, Sandbox, Service, Step};
use serde_json::Value;

const COMMAND: &str = env!("CARGO_BIN_EXE_clone-by-role");

fn scenario() -> Desk {
    Desk::new(Sandbox::scenario().start().unwrap())
}

/// The answer of a run that was to succeed.
fn answer(desk: &Desk, arguments: &[&str]) -> Value {
    let output = desk.run(&[&["credentials"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_answer_is_what_aws_programs_expect() {
    let desk = scenario();
    let (role, id) = (desk.sandbox.role_arn("RoleB"), desk.sandbox.external_id().to_owned());
    for who in [&["--profile", "b"][..], &["--role-arn", &role, "--external-id", &id]] {
        let answer = answer(&desk, who);
        let mut keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]);
        assert_eq!(answer["Version"], 1);
        assert!(answer["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
        let expiration = answer["Expiration"].as_str().unwrap();
        assert!(expiration.starts_with("20") && expiration.ends_with('Z') && expiration.len() == 20, "{expiration}");
    }
    // Without flags: the profile that AWS_PROFILE names, else the instance's role.
    desk.sandbox.clear_requests();
    assert!(desk.command(&["credentials"]).env("AWS_PROFILE", "b").output().unwrap().status.success());
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
    answer(&desk, &[]);
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
}

#[test]
fn keys_that_do_not_expire_have_neither_token_nor_expiration() {
    let desk = scenario();
    let config = desk.home.path().join("keys");
    fs::write(&config, "[profile keys]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n").unwrap();
    let output = desk.command(&["credentials", "--profile", "keys"]).env("AWS_CONFIG_FILE", config).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({ "Version": 1, "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "secret" });
    assert_eq!(answer, expected);
}

#[test]
fn a_failure_is_told_on_standard_error_and_nothing_is_answered() {
    let desk = scenario();
    let role = desk.sandbox.role_arn("RoleB");
    let output = desk.run(&["credentials", "--role-arn", &role, "--external-id", "wrong-one"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    for part in
        ["error: hop 1 of 1: STS does not let ", "(AccessDenied)", "help: 2. That trust policy asks for another"]
    {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert!(!said.contains("wrong-one"), "{said}");

    let output = desk.run(&["credentials", "--profile", "none"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error: profile \"none\": there is no such profile"));
}

#[test]
fn the_aws_cli_takes_its_credentials_from_the_command() {
    let Some(judges) = judges() else { return };
    let sandbox = Sandbox::scenario()
        .profile("deploy", [("credential_process", format!("{COMMAND} credentials --cache --profile b"))])
        .start()
        .unwrap();
    let desk = Desk::new(sandbox);
    for _ in 0..2 {
        let mut aws = desk.judge(&judges.join("aws"));
        let output = aws.args(["--profile", "deploy", "sts", "get-caller-identity"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let identity: Value = serde_json::from_slice(&output.stdout).unwrap();
        let arn = identity["Arn"].as_str().unwrap();
        assert_eq!(arn, "arn:aws:sts::222222222222:assumed-role/RoleB/clone-by-role@i-0123456789abcdef0");
    }
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
    assert_eq!(desk.sandbox.count(Step::GetCallerIdentity), 2);
}

#[test]
fn a_command_that_would_start_itself_without_end_says_so() {
    let config = format!("[profile p]\ncredential_process = {COMMAND} credentials\n");
    let desk = scenario();
    fs::write(desk.home.path().join("config"), config).unwrap();
    let mut command = desk.command(&["credentials"]);
    command.env("AWS_PROFILE", "p").env("AWS_CONFIG_FILE", desk.home.path().join("config"));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the credential process starts itself without end"), "{said}");
}

#[test]
fn sessions_kept_on_disk_serve_later_runs_even_while_nobody_answers() {
    let desk = scenario();
    let first = answer(&desk, &["--cache", "--profile", "b"]);
    assert_eq!(answer(&desk, &["--cache", "--profile", "b"]), first);
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
    assert_eq!(desk.sandbox.count(Step::ImdsCredentials), 1);

    let folder = desk.home.path().join(".cache/role-chain");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 2, "an entry and its lock: {names:?}");
    assert!(names.iter().all(|name| mode(name) == 0o600), "{names:?}");

    for service in [Service::Imds, Service::Sts] {
        desk.sandbox.set_fault(Fault::new(service, Effect::RefuseConnections));
    }
    assert_eq!(answer(&desk, &["--cache", "--profile", "b"]), first);
    // Without the flag nothing is kept, and nothing is served from what was.
    assert_eq!(desk.run(&["credentials", "--profile", "b"]).status.code(), Some(1));
}

#[test]
fn a_clone_uses_the_session_that_is_kept_whoever_named_the_role() {
    let folder = tempfile::tempdir().unwrap();
    let world = Sandbox::scenario().repository("app", crate::support::repository(folder.path()));
    let desk = Desk::new(world.start().unwrap());
    answer(&desk, &["--cache", "--profile", "b"]);
    desk.sandbox.set_imds_enabled(false);
    // By the flag, by the remote's name, by the environment.
    for (number, remote) in
        ["codecommit::ap-northeast-1://app", "codecommit://b@app", "codecommit://app"].iter().enumerate()
    {
        let destination = format!("clone-{number}");
        let mut command = desk.command(&["clone", "--cache", remote, &destination]);
        match number {
            0 => command.args(["--profile", "b"]),
            1 => &mut command,
            _ => command.env("AWS_PROFILE", "b"),
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{remote}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
}

#[test]
fn processes_that_start_together_make_one_call() {
    let desk = scenario();
    let arguments = ["credentials", "--cache", "--profile", "b"];
    let started: Vec<_> = (0..12)
        .map(|_| desk.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    let mut answers = Vec::new();
    for process in started {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        answers.push(output.stdout);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
}

#[test]
fn logs_at_trace_level_hold_no_secret() {
    let desk = scenario();
    let arguments = ["credentials", "--cache", "--profile", "b"];
    let output = desk.command(&arguments).env("RUST_LOG", "trace").output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("obtained credentials"), "{log}");
    for key in ["SecretAccessKey", "SessionToken"] {
        assert!(!log.contains(answer[key].as_str().unwrap()), "{key} is in:\n{log}");
    }
    assert!(!log.contains(desk.sandbox.external_id()), "{log}");
}
