//! Profiles as data: each folder of `profiles/` has the files that a user would have, and what comes of them.
//!
//! `config` and `credentials` are AWS's; `{key}` and `{secret}` in them are a user's long-lived key. `case.json` has the `profile`, the environment (`env`)
//! if there is any, and either the `principal` at the end with all the `requests` on the way, or the `error` that `build` gives.

use std::fs;
use std::path::Path;

use codecommit_sandbox::{Request, Sandbox, Step};
use role_chain::RoleChain;
use serde_json::Value;

use crate::support::world;

#[tokio::test]
async fn every_case_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/profiles");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 15, "only {} cases were found", names.len());
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
    let expected: Value = serde_json::from_str(&fs::read_to_string(case.join("case.json")).unwrap()).unwrap();
    let home = tempfile::tempdir().unwrap();
    for name in ["config", "credentials"] {
        if let Ok(text) = fs::read_to_string(case.join(name)) {
            let keys = sandbox.user_keys("dana").unwrap();
            let text = text.replace("{key}", &keys.access_key_id).replace("{secret}", &keys.secret_access_key);
            fs::write(home.path().join(name), text).unwrap();
        }
    }
    let mut environment: Vec<(String, String)> = sandbox.env();
    // The sandbox's region would outweigh that of the profiles.
    environment.retain(|(name, _)| !matches!(name.as_str(), "AWS_REGION" | "AWS_DEFAULT_REGION"));
    let mut set = |name: &str, value: String| {
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value));
    };
    set("AWS_CONFIG_FILE", home.path().join("config").display().to_string());
    set("AWS_SHARED_CREDENTIALS_FILE", home.path().join("credentials").display().to_string());
    for (name, value) in expected["env"].as_object().into_iter().flatten() {
        set(name, value.as_str().unwrap().to_owned());
    }
    let built = RoleChain::from_profile(expected["profile"].as_str().unwrap()).environment(environment).build();
    let found = match built {
        Err(error) => serde_json::json!({
            "error": {
                "kind": format!("{:?}", error.kind()),
                "message": error.to_string(),
            },
        }),
        Ok(chain) => {
            let steps = chain.walk().await;
            let last = steps.last().unwrap();
            if let Some(error) = last.error() {
                return Err(format!("{error}: {error:?}"));
            }
            serde_json::json!({
                "region": chain.region().map(AsRef::as_ref),
                "principal": last.principal().map(without_made_name),
                "requests": requests(&sandbox),
            })
        }
    };
    for (key, found) in found.as_object().unwrap() {
        if *found != expected[key] {
            return Err(format!("{key} is\n{found:#}\nnot\n{:#}", expected[key]));
        }
    }
    Ok(())
}

fn requests(sandbox: &Sandbox) -> Vec<String> {
    sandbox.requests().iter().map(line).collect()
}

/// A request as one line, without what differs from run to run.
fn line(request: &Request) -> String {
    if request.step() != Step::AssumeRole {
        return format!("{:?}", request.step());
    }
    const SHOWN: [&str; 5] = ["RoleArn", "ExternalId", "DurationSeconds", "SerialNumber", "RoleSessionName"];
    let parameters = SHOWN.iter().filter_map(|name| {
        let value = request.parameter(name)?;
        Some(format!(" {name}={}", without_made_name(value)))
    });
    format!("AssumeRole{}", parameters.collect::<String>())
}

/// A session name that was made holds the test program's, which has a hash in it.
fn without_made_name(text: &str) -> String {
    match text.rsplit_once('/') {
        Some((before, name)) if name.contains('@') => format!("{before}/(made)"),
        None if text.contains('@') => "(made)".into(),
        _ => text.into(),
    }
}
