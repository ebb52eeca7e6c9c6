//! The scenario by the command, against the sandbox: the profile as it stands, and flags without a profile.

use std::path::Path;
use std::process::{Command, Output};

use codecommit_sandbox::Sandbox;
use serde_json::Value;

/// A world with a repository of two commits.
fn world(home: &Path) -> (Sandbox, String) {
    let source = home.join("source");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "-C"])
            .arg(&source)
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    std::fs::create_dir(&source).unwrap();
    git(&["init", "--quiet", "--initial-branch=main"]);
    for text in ["one", "two"] {
        std::fs::write(source.join("file"), text).unwrap();
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", text]);
    }
    let commit = git(&["rev-parse", "HEAD"]);
    (Sandbox::scenario().repository("app", source.join(".git")).start().unwrap(), commit)
}

fn clone(sandbox: &Sandbox, home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clone-by-role"))
        .arg("clone")
        .args(arguments)
        .env_clear()
        .envs(sandbox.env())
        .current_dir(home)
        .output()
        .unwrap()
}

#[test]
fn a_profile_and_flags_both_clone() {
    let home = tempfile::tempdir().unwrap();
    let (sandbox, commit) = world(home.path());
    let (role, id) = (sandbox.role_arn("RoleB"), sandbox.external_id().to_owned());
    let url = sandbox.repository_url("app");
    let who: [&[&str]; 3] = [
        &["--profile", "b", "codecommit::ap-northeast-1://app"],
        &["codecommit://b@app"],
        &["--role-arn", &role, "--external-id", &id, &url],
    ];
    for backend in ["gitoxide", "libgit2"] {
        for (index, who) in who.iter().enumerate() {
            let destination = format!("{backend}-{index}");
            let arguments = [&["--backend", backend, "--json"], *who, &[destination.as_str()]].concat();
            let output = clone(&sandbox, home.path(), &arguments);
            let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            assert_eq!(printed["commit"], Value::from(commit.as_str()), "{arguments:?}: {output:?}");
            assert_eq!((&printed["branch"], &printed["backend"]), (&Value::from("main"), &Value::from(backend)));
            assert_eq!(std::fs::read_to_string(home.path().join(&destination).join("file")).unwrap(), "two");
        }
    }
}

#[test]
fn a_wrong_external_id_names_the_hop_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (sandbox, _) = world(home.path());
    let role = sandbox.role_arn("RoleB");
    let arguments =
        ["--json", "--role-arn", &role, "--external-id", "mistaken-7f3a", "codecommit::ap-northeast-1://app", "new"];
    let output = clone(&sandbox, home.path(), &arguments);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (&printed["error"]["kind"], &printed["error"]["retryable"]),
        (&Value::from("credentials"), &Value::from(false))
    );
    let words = printed["error"].to_string();
    assert!(words.contains("hop 1") && words.contains(&role) && words.contains("external ID"), "{words}");
    assert!(!words.contains("mistaken-7f3a"), "an external ID is a secret of sorts: {words}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["source"]);
}
