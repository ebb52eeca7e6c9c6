//! Beside the programs that these replace: the AWS CLI's credential helper and git-remote-codecommit.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::{Endpoint, Remote, sign};
use codecommit_sandbox::User;

use crate::role::judges;
use crate::support::{Desk, feed, value};

/// Keys of a user, so that both programs sign with the same.
fn desk() -> (Desk, Credentials) {
    let user = User::new("222222222222", "deployer").allows("codecommit:GitPull", "*");
    let desk = Desk::new(|sandbox| sandbox.user(user));
    let keys = desk.sandbox.user_keys("deployer").unwrap();
    let text = format!(
        "[profile keys]\nregion = ap-northeast-1\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token =\n",
        keys.access_key_id, keys.secret_access_key
    );
    std::fs::write(desk.path("config"), text.replace("aws_session_token =\n", "")).unwrap();
    let credentials = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "test");
    (desk, credentials)
}

#[test]
fn the_credential_helpers_answer_alike() {
    let Some(judges) = judges() else { return };
    let (desk, credentials) = desk();
    let request = desk.request("app");
    let answer = |mut command: std::process::Command| {
        command.env("AWS_CONFIG_FILE", desk.path("config"));
        let output = feed(command, request.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut aws = desk.command(judges.join("aws"));
    aws.args(["--profile", "keys", "codecommit", "credential-helper", "--ignore-host-check", "get"]);
    let mut ours = desk.command(crate::support::HELPER);
    ours.args(["--profile", "keys", "get"]);

    let endpoint = Endpoint::vouched(&desk.sandbox.codecommit_endpoint()).unwrap();
    let repository = Remote::parse("codecommit::ap-northeast-1://app").unwrap().locate(None, Some(&endpoint)).unwrap();
    for answer in [answer(aws), answer(ours)] {
        assert_eq!(value(&answer, "username"), Some(credentials.access_key_id()), "{answer}");
        // Each was signed at its own time: signed once more for that time, it is the same to the letter.
        let password = value(&answer, "password").unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(seconds(&password[..16]));
        assert_eq!(sign(&repository, &credentials, time).unwrap().password(), password);
    }
}

/// The seconds since 1970 of `YYYYMMDDTHHMMSSZ`.
fn seconds(stamp: &str) -> u64 {
    let output = std::process::Command::new("date")
        .args(["-u", "+%s", "-d"])
        .arg(format!("{} {}:{}:{}", &stamp[..8], &stamp[9..11], &stamp[11..13], &stamp[13..15]))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// A clone by one is fetched from by the other: what is stored does not tell which made it.
#[test]
fn the_remote_helpers_take_turns_on_one_clone() {
    let Some(judges) = judges() else { return };
    let desk = Desk::new(|sandbox| sandbox).configure("");
    let python = |arguments: &[&str]| {
        let path = format!("{}:{}", judges.display(), std::env::var("PATH").unwrap());
        let mut command = desk.git(arguments);
        let endpoint = desk.sandbox.codecommit_endpoint();
        let host = endpoint.trim_start_matches("https://");
        let output = command.env("PATH", path).env("CODE_COMMIT_ENDPOINT", host).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let name = "codecommit::ap-northeast-1://b@app";
    python(&["clone", "-q", name, "theirs"]);
    desk.good(&["clone", "-q", name, "ours"]);
    let config = |folder: &str| std::fs::read_to_string(desk.path(folder).join(".git/config")).unwrap();
    assert_eq!(config("ours"), config("theirs"));
    assert_eq!(desk.good(&["ls-remote", name]), python(&["ls-remote", name]));

    desk.good(&["-C", "theirs", "commit", "-q", "--allow-empty", "-m", "By ours"]);
    desk.good(&["-C", "theirs", "push", "-q"]);
    python(&["-C", "ours", "pull", "-q"]);
    desk.good(&["-C", "theirs", "fetch", "-q"]);
    assert_eq!(
        desk.good(&["-C", "ours", "rev-parse", "HEAD"]),
        desk.good(&["-C", "theirs", "rev-parse", "origin/main"])
    );
}
