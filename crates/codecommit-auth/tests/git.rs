//! Stock git as the judge of the credential protocol: what it sends is read, and what is answered it understands.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::credential::Request;
use codecommit_auth::{Login, sign};

const URL: &str = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/my-repo";

/// Runs `git credential fill` with a helper that keeps what git sends and answers with `answer`. Returns what git sent the helper, and what git made of the answer.
fn git_credential_fill(input: &str, answer: &[u8], config: &[&str]) -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent");
    let answered = folder.path().join("answered");
    fs::write(&answered, answer).unwrap();
    let helper = format!("credential.helper=!f() {{ cat >'{}'; cat '{}'; }}; f", sent.display(), answered.display());
    let mut git = Command::new("git");
    git.args(["-c", "credential.helper=", "-c", &helper]);
    for setting in config {
        git.args(["-c", setting]);
    }
    let mut git = git
        .args(["credential", "fill"])
        .current_dir(folder.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", folder.path())
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_ASKPASS")
        .env_remove("SSH_ASKPASS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is installed");
    git.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = git.wait_with_output().unwrap();
    (fs::read(&sent).unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn login_for(request: &Request) -> Login {
    let repository = request.repository(None, None).unwrap().unwrap();
    let credentials =
        Credentials::new("AKIDEXAMPLE", "notasecret", Some("FwoGZXIvYXdzEXAMPLE/+==".to_owned()), None, "test");
    sign(&repository, &credentials, SystemTime::now()).unwrap()
}

fn version() -> (u32, u32) {
    let output = Command::new("git").arg("--version").output().expect("git is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().nth(2).unwrap().split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn what_git_sends_is_read_and_what_is_answered_is_understood() {
    let input = format!("url={URL}\n\n");
    let (sent, _) = git_credential_fill(&input, b"", &["credential.useHttpPath=true"]);
    let request = Request::parse(&sent).unwrap();
    let repository = request.repository(None, None).unwrap().unwrap();
    assert_eq!(repository.https_url(), URL);
    assert!(!request.takes_authtype(), "the caller of `git credential fill` did not offer it");

    let login = login_for(&request);
    let (_, understood) =
        git_credential_fill(&input, &request.answer(&login).unwrap(), &["credential.useHttpPath=true"]);
    let has = |line: String| understood.lines().any(|found| found == line);
    assert!(has(format!("username={}", login.username())), "{understood}");
    assert!(has(format!("password={}", login.password())), "{understood}");
    if version() >= (2, 40) {
        let expiry = login.expires_at().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(has(format!("password_expiry_utc={expiry}")), "{understood}");
    }
}

#[test]
fn without_use_http_path_git_sends_no_path() {
    let (sent, _) = git_credential_fill(&format!("url={URL}\n\n"), b"", &[]);
    let error = Request::parse(&sent).unwrap().repository(None, None).unwrap_err();
    assert_eq!(error.kind(), codecommit_auth::ErrorKind::MissingPath);
}

#[test]
fn a_ready_header_is_understood_where_git_knows_it() {
    // Not as a `url`, which would clear the capability.
    let (host, path) = URL["https://".len()..].split_once('/').unwrap();
    let input = format!("capability[]=authtype\nprotocol=https\nhost={host}\npath={path}\n\n");
    let (sent, _) = git_credential_fill(&input, b"", &["credential.useHttpPath=true"]);
    let request = Request::parse(&sent).unwrap();
    assert_eq!(request.takes_authtype(), version() >= (2, 46));
    let login = login_for(&request);
    let (_, understood) =
        git_credential_fill(&input, &request.answer(&login).unwrap(), &["credential.useHttpPath=true"]);
    let expected = if request.takes_authtype() {
        format!("credential={}", &login.authorization()["Basic ".len()..])
    } else {
        format!("password={}", login.password())
    };
    assert!(understood.lines().any(|found| found == expected), "{understood}");
}

#[test]
fn other_hosts_come_through_untouched() {
    let (sent, _) = git_credential_fill("url=https://user@github.com:8443/a/b.git\n\n", b"", &[]);
    let request = Request::parse(&sent).unwrap();
    assert_eq!(request.host(), Some("github.com:8443"));
    assert_eq!(request.username(), Some("user"));
    assert_eq!(request.repository(None, None).unwrap(), None);
}
