//! Profiles as data: each folder of `profiles/` has the files that a user would have, and what comes of them.
//!
//! `config` and `credentials` are AWS's; `{key}` and `{secret}` in them are a user's long-lived key, other words in braces what else only the running sandbox
//! knows. `case.json` has the `profile`, the environment (`env`) if there is any, and either the `principal` at the end with all the `requests` on the way, or
//! the `error`. With `process`, the profile is taken by a process of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use codecommit_sandbox::{Request, Sandbox, Step};
use role_chain::{Error, RoleChain, RoleChainBuilder};
use serde_json::Value;
use sha1::Digest as _;

use crate::support::{PROVIDER, world};

#[tokio::test]
async fn every_case_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/profiles");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 35, "only {} cases were found", names.len());
    let mut wrong = Vec::new();
    for case in names {
        if let Err(difference) = run(&case).await {
            wrong.push(format!("{}: {difference}", case.file_name().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn run(case: &Path) -> Result<(), String> {
    let sandbox = world().start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let expected = fill_in(&sandbox, home.path(), &fs::read_to_string(case.join("case.json")).unwrap());
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for name in ["config", "credentials"] {
        if let Ok(text) = fs::read_to_string(case.join(name)) {
            fs::write(home.path().join(name), fill_in(&sandbox, home.path(), &text)).unwrap();
        }
    }
    log_in(&sandbox, home.path());
    let mut environment: Vec<(String, String)> = sandbox.env();
    // The sandbox's region would outweigh that of the profiles.
    environment.retain(|(name, _)| !matches!(name.as_str(), "AWS_REGION" | "AWS_DEFAULT_REGION"));
    let mut set = |name: &str, value: String| {
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value));
    };
    set("HOME", home.path().display().to_string());
    set("AWS_CONFIG_FILE", home.path().join("config").display().to_string());
    set("AWS_SHARED_CREDENTIALS_FILE", home.path().join("credentials").display().to_string());
    for (name, value) in expected["env"].as_object().into_iter().flatten() {
        set(name, value.as_str().unwrap().to_owned());
    }
    let profile = expected["profile"].as_str().unwrap();
    let mut found = match expected["process"].as_bool() {
        Some(true) => outcome_in_a_process(profile, environment),
        _ => outcome(RoleChain::from_profile(profile).environment(environment)).await,
    };
    if found.get("principal").is_some() {
        found["requests"] = requests(&sandbox).into();
    }
    for (key, found) in found.as_object().unwrap() {
        if *found != expected[key] {
            return Err(format!("{key} is\n{found:#}\nnot\n{:#}", expected[key]));
        }
    }
    Ok(())
}

/// Puts in what only the running sandbox knows.
fn fill_in(sandbox: &Sandbox, home: &Path, text: &str) -> String {
    let keys = sandbox.user_keys("dana").unwrap();
    let [(_, container), (_, container_token)] = sandbox.container_credentials();
    let token_file = home.join("web-identity-token");
    if text.contains("{token_file}") {
        fs::write(&token_file, sandbox.web_identity_token(PROVIDER, "system:serviceaccount:deploy")).unwrap();
    }
    text.replace("{key}", &keys.access_key_id)
        .replace("{secret}", &keys.secret_access_key)
        .replace("{container}", &container)
        .replace("{container_token}", &container_token)
        .replace("{token_file}", &token_file.display().to_string())
        .replace("{sso}", &sandbox.sso_endpoint())
}

/// What `aws sso login` leaves: a token for the session `work`, and one for its start URL, as older profiles have it.
fn log_in(sandbox: &Sandbox, home: &Path) {
    let cache = home.join(".aws/sso/cache");
    fs::create_dir_all(&cache).unwrap();
    let url = "https://work.awsapps.example/start";
    let token = serde_json::json!({
        "startUrl": url,
        "region": "ap-northeast-1",
        "accessToken": sandbox.sso_token(),
        "expiresAt": "2090-01-01T00:00:00Z",
    });
    for name in ["work", url] {
        let file = format!("{}.json", hex::encode(sha1::Sha1::digest(name.as_bytes())));
        fs::write(cache.join(file), token.to_string()).unwrap();
    }
}

/// Who a profile makes of its user, or why it cannot be told.
async fn outcome(builder: RoleChainBuilder) -> Value {
    let failure = |error: &Error| {
        let mut found = serde_json::json!({ "kind": format!("{:?}", error.kind()), "message": error.to_string() });
        if error.is_retryable() {
            found["retryable"] = true.into();
        }
        serde_json::json!({ "error": found })
    };
    let chain = match builder.build() {
        Ok(chain) => chain,
        Err(error) => return failure(&error),
    };
    let steps = chain.walk().await;
    let last = steps.last().unwrap();
    match last.error() {
        Some(error) => failure(error),
        None => serde_json::json!({
            "region": chain.region().map(AsRef::as_ref),
            "principal": last.principal().map(without_made_name),
        }),
    }
}

const CHILD: &str = "ROLE_CHAIN_TEST_PROFILE";

/// The same by a process of its own: the SDK looks for containers and for logins of IAM Identity Center in the process's environment.
fn outcome_in_a_process(profile: &str, environment: Vec<(String, String)>) -> Value {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "profiles::a_profile_of_the_environment", "--nocapture"])
        .env_clear()
        .envs(environment)
        .env(CHILD, profile)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("outcome: "));
    serde_json::from_str(line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))).unwrap()
}

/// Does nothing by itself: it is what [`outcome_in_a_process`] starts.
#[tokio::test]
async fn a_profile_of_the_environment() {
    if let Ok(profile) = std::env::var(CHILD) {
        println!("\noutcome: {}", outcome(RoleChain::from_profile(profile)).await);
    }
}

fn requests(sandbox: &Sandbox) -> Vec<String> {
    sandbox.requests().iter().map(line).collect()
}

/// A request as one line, without what differs from run to run.
fn line(request: &Request) -> String {
    if !matches!(request.step(), Step::AssumeRole | Step::AssumeRoleWithWebIdentity) {
        return format!("{:?}", request.step());
    }
    const SHOWN: [&str; 5] = ["RoleArn", "ExternalId", "DurationSeconds", "SerialNumber", "RoleSessionName"];
    let parameters = SHOWN.iter().filter_map(|name| {
        let value = request.parameter(name)?;
        Some(format!(" {name}={}", without_made_name(value)))
    });
    format!("{:?}{}", request.step(), parameters.collect::<String>())
}

/// A session name that was made holds the test program's, which has a hash in it.
fn without_made_name(text: &str) -> String {
    match text.rsplit_once('/') {
        Some((before, name)) if name.contains('@') => format!("{before}/(made)"),
        None if text.contains('@') => "(made)".into(),
        _ => text.into(),
    }
}
