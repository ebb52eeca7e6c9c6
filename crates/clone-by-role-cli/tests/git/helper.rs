//! `git-credential-codecommit` by itself: what it answers, where it is silent, and what it refuses.

use std::fs;

use codecommit_sandbox::Step;

use crate::support::{Desk, HOST, value};

fn desk() -> Desk {
    Desk::new(|sandbox| sandbox)
}

#[test]
fn a_login_comes_with_its_end() {
    let desk = desk();
    let output = desk.ask(&["--profile", "b", "get"], desk.request("app").as_bytes());
    let answer = String::from_utf8(output.stdout).unwrap();
    let keys: Vec<_> = answer.lines().map(|line| line.split('=').next().unwrap()).collect();
    assert_eq!(keys, ["username", "password", "password_expiry_utc"]);
    assert!(value(&answer, "username").unwrap().starts_with("ASIA"));
    let end: u64 = value(&answer, "password_expiry_utc").unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((now + 890..=now + 900).contains(&end), "{end} - {now}");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));

    // git 2.46 and later takes a header; attributes that later ones may have are ignored.
    let more = format!("capability[]=authtype\ncapability[]=state\nnew[]=x\n{}", desk.request("app"));
    let answer = String::from_utf8(desk.ask(&["--profile", "b", "get"], more.as_bytes()).stdout).unwrap();
    let keys: Vec<_> = answer.lines().map(|line| line.split('=').next().unwrap()).collect();
    assert_eq!(keys, ["capability[]", "authtype", "credential", "ephemeral", "password_expiry_utc"]);
    assert_eq!(value(&answer, "authtype"), Some("Basic"));
}

#[test]
fn who_is_said_by_flags_the_environment_or_the_instance() {
    let desk = desk();
    let (role, id) = (desk.sandbox.role_arn("RoleB"), desk.sandbox.external_id().to_owned());
    let request = desk.request("app");
    for flags in [
        &["--profile", "b", "get"][..],
        &["--role-arn", &role, "--external-id", &id, "--session-name", "deploy", "get"],
        &["--quit", "--profile", "b", "get"],
    ] {
        desk.sandbox.clear_requests();
        let output = desk.ask(flags, request.as_bytes());
        assert!(output.stdout.starts_with(b"username=ASIA"), "{flags:?}: {output:?}");
        assert_eq!(desk.sandbox.count(Step::AssumeRole), 1, "{flags:?}");
    }
    desk.sandbox.clear_requests();
    let mut command = desk.command(crate::support::HELPER);
    command.arg("get").env("AWS_PROFILE", "b");
    assert!(crate::support::feed(command, request.as_bytes()).stdout.starts_with(b"username="));
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
    assert!(desk.ask(&["get"], request.as_bytes()).stdout.starts_with(b"username="));
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1, "the instance's own role");
}

#[test]
fn sessions_are_kept_on_disk_where_that_is_asked() {
    let desk = desk();
    let request = desk.request("app");
    for _ in 0..3 {
        let output = desk.ask(&["--cache", "--profile", "b", "get"], request.as_bytes());
        assert!(output.stdout.starts_with(b"username="), "{output:?}");
    }
    assert_eq!(desk.sandbox.count(Step::AssumeRole), 1);
    assert!(desk.path(".cache/role-chain").exists());
}

#[test]
fn it_is_silent_about_everything_else() {
    let desk = desk();
    let endpoint = desk.sandbox.codecommit_endpoint();
    let port = endpoint.rsplit(':').next().unwrap();
    let hosts = [
        "github.com",
        "",
        &format!("{HOST}.evil.test"),
        &format!("evil-{HOST}"),
        &format!("{HOST}."),
        &format!("user@{HOST}"),
        &format!("{HOST}@evil.test"),
        &format!("{HOST}:443@evil.test"),
        &format!("{HOST}:"),
        &format!("{HOST}:99999"),
        &format!("{HOST}%2eevil.test"),
        &format!("{HOST}/x"),
        &format!("{HOST}.cn"),
        "git-codecommit.ap-northeast-1.\u{430}mazonaws.com",
        "git-codecommit\u{3002}ap-northeast-1.amazonaws.com",
        &format!("127.0.0.1.evil.test:{port}"),
        &format!("localhost:{port}"),
        "127.0.0.1",
        "127.0.0.1:1",
    ];
    for host in hosts {
        for path in ["path=v1/repos/app\n", ""] {
            let request = format!("protocol=https\nhost={host}\n{path}\n");
            let output = desk.ask(&["--quit", "--profile", "b", "get"], request.as_bytes());
            assert_eq!(output.status.code(), Some(0), "{host:?}");
            assert_eq!((&output.stdout[..], &output.stderr[..]), (&b""[..], &b""[..]), "{host:?}");
        }
    }
    let own = desk.request("app");
    for request in
        [&own.replace("https", "http")[..], &own.replace("https", "ssh"), &own.replace("v1/repos/", ""), "\n", ""]
    {
        let output = desk.ask(&["--quit", "--profile", "b", "get"], request.as_bytes());
        assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0), "{request:?}");
    }
    let store = own.replace("\n\n", "\nusername=u\npassword=p\n\n");
    for operation in ["store", "erase", "capability", "something-new"] {
        let output = desk.ask(&["--profile", "b", operation], store.as_bytes());
        assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0), "{operation}");
    }
    assert!(desk.sandbox.requests().is_empty());
}

#[test]
fn a_field_that_breaks_out_of_its_line_gets_no_login() {
    let desk = desk();
    let own = desk.request("app");
    let mut requests = Vec::new();
    for key in ["protocol", "host", "path", "username", "password", "wwwauth[]", "unknown"] {
        for bad in ["\r", "\0", "\rx", "x\0y"] {
            requests.push(format!("{key}=a{bad}\n{own}"));
            requests.push(own.replace("\n\n", &format!("{bad}\n\n")));
        }
    }
    // What a newline in one field makes: a second of another.
    for key in ["protocol", "host", "path", "username"] {
        requests.push(format!("{key}=evil.test\n{key}=evil.test\n{own}"));
        requests.push(own.replace("\n\n", &format!("\n{key}=evil.test\n{key}=evil.test\n\n")));
    }
    for request in requests {
        let output = desk.ask(&["--profile", "b", "get"], request.as_bytes());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{request:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.starts_with("error: a request for a login is refused: ") && !said.contains(['\r', '\0']),
            "{said}"
        );
    }
    assert!(desk.sandbox.requests().is_empty());
}

#[test]
fn a_missing_path_names_its_remedy_and_git_asks_on() {
    let desk = desk();
    let request = desk.request("app").replace("path=v1/repos/app\n", "");
    let own = format!("protocol=https\nhost={HOST}\n\n");
    for request in [request, own] {
        let output = desk.ask(&["--profile", "b", "get"], request.as_bytes());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert!(said.contains("git config --global credential.useHttpPath true"), "{said}");
        assert_eq!(desk.ask(&["--quit", "--profile", "b", "get"], request.as_bytes()).stdout, b"quit=1\n");
    }
    let endpoint = desk.sandbox.codecommit_endpoint();
    let desk = desk.configure(&format!("[credential \"{endpoint}\"]\n\thelper = codecommit --profile b\n"));
    let said = desk.bad(&["ls-remote", &desk.sandbox.repository_url("app")]);
    assert!(said.contains("credential.useHttpPath") && said.contains("terminal prompts disabled"), "{said}");
}

#[test]
fn a_failure_names_the_hop_and_leaves_git_to_ask_others_unless_told() {
    let desk = desk();
    let role = desk.sandbox.role_arn("RoleB");
    let hop = ["--role-arn", &role, "--external-id", "wrong-one"];
    let output = desk.ask(&[&hop[..], &["get"]].concat(), desk.request("app").as_bytes());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(said.contains("hop 1 of 1") && said.contains("external ID") && !said.contains("wrong-one"), "{said}");

    let next = desk.path("next");
    fs::write(&next, "#!/bin/sh\necho username=next\necho password=next\n").unwrap();
    for (quit, asked_on) in [("", true), ("--quit", false)] {
        let endpoint = desk.sandbox.codecommit_endpoint();
        let settings = format!(
            "[credential \"{endpoint}\"]\n\thelper = codecommit {quit} --profile none\n\thelper = !sh {}\n\tuseHttpPath = true\n",
            next.display()
        );
        fs::write(desk.path(".gitconfig"), settings).unwrap();
        let said = desk.bad(&["ls-remote", &desk.sandbox.repository_url("app")]);
        assert!(said.contains("profile \"none\": there is no such profile"), "{said}");
        assert_eq!(said.contains("told us to quit"), !asked_on, "{said}");
    }
}

#[test]
fn wrong_usage_is_told() {
    let desk = desk();
    let request = desk.request("app");
    for (arguments, said) in [
        (&[][..], "OPERATION"),
        (&["--external-id", "x", "get"], "--role-arn"),
        (&["--role-arn", "RoleB", "get"], "role ARN"),
        (&["--endpoint", "http://127.0.0.1:8080", "get"], "https"),
        (&["--region", "Tokyo", "get"], "region"),
        (&["--frobnicate", "get"], "--frobnicate"),
    ] {
        let output = desk.ask(arguments, request.as_bytes());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
    assert!(desk.sandbox.requests().is_empty());
}
