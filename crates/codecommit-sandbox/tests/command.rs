//! The command.

mod support;

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use support::Repository;

const COMMAND: &str = env!("CARGO_BIN_EXE_codecommit-sandbox");

#[test]
fn it_prints_the_environment_and_serves_until_it_is_terminated() {
    let repository = Repository::new();
    let served = format!("app={}", repository.path().display());
    let arguments = ["--repo", &served, "--protocol", "modern", "--region", "eu-central-1", "--clock-offset", "-5"];
    let mut child = Command::new(COMMAND).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut values = std::collections::BTreeMap::new();
    for line in lines {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        values.insert(name.to_owned(), value.trim_matches('\'').to_owned());
        if name == "NO_PROXY" {
            break;
        }
    }
    assert_eq!(values["AWS_REGION"], "eu-central-1");
    let config = std::fs::read_to_string(&values["AWS_CONFIG_FILE"]).unwrap();
    assert!(config.starts_with("[profile b]\nregion = eu-central-1\n"), "{config}");
    for name in ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ENDPOINT_URL_STS", "CODE_COMMIT_ENDPOINT"] {
        let address = values[name].split_once("://").unwrap().1;
        assert!(std::net::TcpStream::connect(address).is_ok(), "{name}");
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!std::path::Path::new(&values["AWS_CONFIG_FILE"]).exists());
}

#[test]
fn a_sample_is_served_where_asked_for() {
    let mut child = Command::new(COMMAND).arg("--sample").stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    // Kept open until the end: the command ends by itself when nobody reads what it prints.
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    printed.read_line(&mut first).unwrap();
    assert!(first.starts_with("export AWS_EC2_METADATA_SERVICE_ENDPOINT="), "{first}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(printed);
}

#[test]
fn wrong_usage_is_told_in_a_line_and_exits_with_2() {
    for (arguments, part) in [
        (vec!["--repo", "app"], "equals sign"),
        (vec!["--repo", "app=/nowhere/at/all"], "no git repository"),
        (vec!["--repo", "app.git=."], ".git"),
        (vec!["--region", "Tokyo"], "region"),
        (vec!["--protocol", "v7"], "v7"),
        (vec!["--unknown"], "--unknown"),
    ] {
        let output = Command::new(COMMAND).args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part) && output.stdout.is_empty(), "{arguments:?}: {said}");
    }
    let help = Command::new(COMMAND).arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("--repo <NAME=DIR>"));
}
