//! Where a login must not be: in no argument and no variable of any process, in no file, in no trace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use codecommit_sandbox::{Effect, Fault, Step};

use crate::role::judges;
use crate::support::Desk;

/// A desk where everyone takes their time, so that a look at the processes finds them all.
fn slow() -> Desk {
    let late = |step| Fault::new(step, Effect::Delay(Duration::from_millis(150)));
    Desk::new(|sandbox| {
        [Step::AssumeRole, Step::FetchRefs, Step::Fetch, Step::PushRefs, Step::Push]
            .into_iter()
            .fold(sandbox, |sandbox, step| sandbox.fault(late(step)))
    })
}

/// Whether a login, or what one is made of, is in the text: a signature with its time, or a session's key, plain or in base64.
fn gives_away(text: &[u8]) -> bool {
    let is_signature = |window: &[u8]| {
        window[0..8].iter().all(u8::is_ascii_digit)
            && window[8] == b'T'
            && window[9..15].iter().all(u8::is_ascii_digit)
            && window[15] == b'Z'
            && window[16..].iter().all(u8::is_ascii_hexdigit)
    };
    text.windows(80).any(is_signature)
        || text.windows(20).any(|key| key.starts_with(b"ASIA") && key.iter().all(u8::is_ascii_alphanumeric))
        || text.windows(27).any(|key| key.starts_with(b"QVNJQ") && key.iter().all(u8::is_ascii_alphanumeric))
}

/// What was seen of the processes that a command started, until it ended.
#[derive(Default)]
struct Seen {
    arguments: BTreeSet<String>,
    given_away: BTreeSet<String>,
}

/// Runs the command and looks at every process of the desk, over and over.
fn watch(desk: &Desk, mut command: Command) -> Seen {
    let mut seen = Seen::default();
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let home = format!("HOME={}\0", desk.home.path().display());
    let status = loop {
        for process in fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()) {
            let (Ok(environment), Ok(arguments)) =
                (fs::read(process.join("environ")), fs::read(process.join("cmdline")))
            else {
                continue;
            };
            if !environment.windows(home.len()).any(|window| window == home.as_bytes()) {
                continue;
            }
            for text in [&arguments, &environment] {
                if gives_away(text) {
                    seen.given_away.insert(String::from_utf8_lossy(text).into_owned());
                }
            }
            seen.arguments.insert(String::from_utf8_lossy(&arguments).replace('\0', " "));
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(status.success(), "{said}");
    seen
}

fn work(desk: &Desk, url: &str) -> [Seen; 2] {
    let cloned = watch(desk, desk.git(&["clone", url, "app"]));
    desk.good(&["-C", "app", "commit", "-q", "--allow-empty", "-m", "Empty"]);
    let pushed = watch(desk, desk.git(&["-C", "app", "push", "origin", "HEAD"]));
    [cloned, pushed]
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

#[test]
fn no_process_and_no_file_holds_the_login() {
    for (name, helper) in
        [("codecommit::ap-northeast-1://b@app", "--login"), ("", "git-credential-codecommit --profile b get")]
    {
        let desk = slow().with_helper("--profile b");
        let url = if name.is_empty() { desk.sandbox.repository_url("app") } else { name.to_owned() };
        for seen in work(&desk, &url) {
            assert!(seen.given_away.is_empty(), "{:?}", seen.given_away);
            for part in ["remote-https", helper] {
                assert!(
                    seen.arguments.iter().any(|line| line.contains(part)),
                    "{part} was not seen: {:?}",
                    seen.arguments
                );
            }
        }
        let mut found = Vec::new();
        files(desk.home.path(), &mut found);
        assert!(found.iter().any(|file| file.ends_with("app/.git/config")));
        for file in found {
            assert!(!gives_away(&fs::read(&file).unwrap()), "{}", file.display());
        }
    }
}

/// What the watch would see if there were something: the Python program's login is in the arguments of git's helper.
#[test]
fn the_watch_sees_what_there_is_to_see() {
    let Some(judges) = judges() else { return };
    let desk = slow().configure("");
    let path = std::env::var("PATH").unwrap();
    let mut command = desk.git(&["clone", "codecommit::ap-northeast-1://b@app", "app"]);
    command
        .env("PATH", format!("{}:{path}", judges.display()))
        .env("CODE_COMMIT_ENDPOINT", desk.sandbox.codecommit_endpoint().trim_start_matches("https://"));
    assert!(!watch(&desk, command).given_away.is_empty());
}

#[test]
fn no_trace_holds_the_login() {
    let desk = slow().with_helper("--profile b");
    for (number, url) in ["codecommit::ap-northeast-1://b@app", &desk.sandbox.repository_url("app")].iter().enumerate()
    {
        let mut command = desk.git(&["clone", "-v", url, &format!("app-{number}")]);
        for name in
            ["GIT_TRACE", "GIT_CURL_VERBOSE", "GIT_TRACE_CURL", "GIT_TRACE_SETUP", "GIT_TRACE2", "GIT_TRACE_PACKET"]
        {
            command.env(name, "1");
        }
        let output = command.env("RUST_LOG", "trace").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.to_lowercase().contains("authorization: basic <redacted>"), "{said}");
        let lines: Vec<_> = said.lines().filter(|line| gives_away(line.as_bytes())).collect();
        assert!(lines.is_empty(), "{lines:#?}");
        assert!(!said.contains(desk.sandbox.external_id()), "an external ID is a secret of sorts");
    }
}
