//! Everything that `AssumeRole` takes, as STS gets it.

use std::process::Command;
use std::time::{Duration, SystemTime};

use codecommit_auth::{Endpoint, Remote, sign};
use codecommit_sandbox::scenario::EXTERNAL_ID;
use codecommit_sandbox::{Sandbox, Step};
use role_chain::{Credentials, ErrorKind};

use crate::support::{MFA, ROLE_B, from_instance, from_user, hop_b, key, world};

/// The parameters of the last `AssumeRole`, but for the protocol's own.
fn parameters(sandbox: &Sandbox, names: &[&str]) -> Vec<Option<String>> {
    let requests = sandbox.requests();
    let call = requests.iter().rfind(|request| request.step() == Step::AssumeRole).unwrap();
    names.iter().map(|name| call.parameter(name).map(str::to_owned)).collect()
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_sent() {
    let sandbox = world().start().unwrap();
    key(&from_instance(&sandbox).hop(hop_b().session_name("web-1")).build().unwrap()).await;
    let names = ["RoleArn", "ExternalId", "RoleSessionName", "DurationSeconds", "Policy", "SourceIdentity"];
    let expected = [Some(ROLE_B), Some(EXTERNAL_ID), Some("web-1"), None, None, None];
    assert_eq!(parameters(&sandbox, &names), expected.map(|value| value.map(str::to_owned)));
    let names = ["PolicyArns.member.1.arn", "Tags.member.1.Key", "TransitiveTagKeys.member.1", "SerialNumber"];
    assert_eq!(parameters(&sandbox, &names), [None, None, None, None]);
}

#[tokio::test]
async fn everything_that_is_asked_for_is_sent() {
    let sandbox = world().start().unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"codecommit:*","Resource":"*"}}"#;
    let hop = hop_b()
        .session_name("dana@laptop")
        .duration(Duration::from_secs(43_200))
        .policy(policy)
        .policy_arn("arn:aws:iam::aws:policy/AWSCodeCommitReadOnly")
        .policy_arn("arn:aws:iam::aws:policy/AWSCodeCommitPowerUser")
        .tag("team", "Straße 7")
        .transitive_tag("cost-center", "42")
        .source_identity("dana")
        .mfa(MFA, |_| Ok("970418".into()));
    let chain = from_user(&sandbox).hop(hop).build().unwrap();
    let credentials = chain.credentials().await.unwrap();
    let life = credentials.expiry().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(life > Duration::from_secs(43_190) && life <= Duration::from_secs(43_200), "{life:?}");
    let expected = [
        ("RoleSessionName", "dana@laptop"),
        ("DurationSeconds", "43200"),
        ("Policy", policy),
        ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AWSCodeCommitReadOnly"),
        ("PolicyArns.member.2.arn", "arn:aws:iam::aws:policy/AWSCodeCommitPowerUser"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "Straße 7"),
        ("Tags.member.2.Key", "cost-center"),
        ("Tags.member.2.Value", "42"),
        ("TransitiveTagKeys.member.1", "cost-center"),
        ("SourceIdentity", "dana"),
        ("SerialNumber", MFA),
        ("ExternalId", EXTERNAL_ID),
    ];
    for (name, value) in expected {
        assert_eq!(parameters(&sandbox, &[name]), [Some(value.to_owned())], "{name}");
    }
    assert_eq!(parameters(&sandbox, &["TransitiveTagKeys.member.2"]), [None]);
}

#[tokio::test]
async fn a_hop_that_is_refused_names_the_actions_of_all_that_it_asks() {
    let sandbox = world().start().unwrap();
    let hop = hop_b().external_id("another").tag("team", "a").source_identity("dana");
    let error = from_instance(&sandbox).hop(hop).build().unwrap().credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    for statement in error.statements() {
        let statement: serde_json::Value = serde_json::from_str(&statement.json).unwrap();
        let actions = serde_json::json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
        assert_eq!(statement["Action"], actions);
    }
    for action in ["sts:TagSession", "sts:SetSourceIdentity"] {
        assert!(error.help().contains(action), "{}", error.help());
    }
}

#[tokio::test]
async fn one_line_narrows_a_session_to_pulling_one_repository() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("git").args(["init", "--quiet", "--bare"]).arg(folder.path()).status().unwrap();
    assert!(made.success());
    let sandbox = world()
        .repository("app", folder.path())
        .repository("other", folder.path())
        .grant_pull("RoleB", "*")
        .start()
        .unwrap();
    let narrow = || hop_b().allow_only("codecommit:GitPull", "arn:aws:codecommit:ap-northeast-1:222222222222:app");
    let whole = from_instance(&sandbox).hop(hop_b()).build().unwrap().credentials().await.unwrap();
    let narrowed = from_instance(&sandbox).hop(narrow()).build().unwrap().credentials().await.unwrap();
    let may = |credentials: &Credentials| ["app", "other"].map(|name| may_pull(&sandbox, credentials, name));
    assert_eq!((may(&whole), may(&narrowed)), ([true, true], [true, false]));
}

/// Whether stock git lists a repository's refs with a login of these credentials.
fn may_pull(sandbox: &Sandbox, credentials: &Credentials, name: &str) -> bool {
    let endpoint = Endpoint::vouched(&sandbox.codecommit_endpoint()).unwrap();
    let remote = Remote::parse(&format!("codecommit::ap-northeast-1://{name}")).unwrap();
    let repository = remote.locate(None, Some(&endpoint)).unwrap();
    let login = sign(&repository, credentials, SystemTime::now()).unwrap();
    let status = Command::new("git")
        .args(["ls-remote", "--quiet", &sandbox.repository_url(name)])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_TERMINAL_PROMPT", "0")])
        .env("GIT_SSL_CAINFO", sandbox.ca_bundle())
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "http.extraHeader")])
        .env("GIT_CONFIG_VALUE_0", format!("Authorization: {}", *login.authorization()))
        .stderr(std::process::Stdio::null())
        .status();
    status.unwrap().success()
}
