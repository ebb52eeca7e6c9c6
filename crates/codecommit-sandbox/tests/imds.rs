//! The metadata service, request by request.

mod support;

use std::time::Duration;

use codecommit_sandbox::{ErrorKind, Role, Sandbox, Step};
use serde_json::Value;
use support::{Answer, agent, answer};

const CREDENTIALS: &str = "latest/meta-data/iam/security-credentials/";

fn put_token(sandbox: &Sandbox, ttl: Option<&str>) -> Answer {
    let mut request = agent(sandbox).put(format!("{}/latest/api/token", sandbox.imds_endpoint()));
    if let Some(ttl) = ttl {
        request = request.header("X-aws-ec2-metadata-token-ttl-seconds", ttl);
    }
    answer(request.send_empty().unwrap())
}

fn get(sandbox: &Sandbox, token: &str, path: &str) -> Answer {
    let request = agent(sandbox).get(format!("{}/{path}", sandbox.imds_endpoint()));
    answer(request.header("X-aws-ec2-metadata-token", token).call().unwrap())
}

fn token(sandbox: &Sandbox) -> String {
    let answer = put_token(sandbox, Some("60"));
    assert_eq!((answer.status, answer.header("x-aws-ec2-metadata-token-ttl-seconds")), (200, "60"));
    answer.text()
}

#[test]
fn tokens_have_limits_and_an_end() {
    let sandbox = Sandbox::scenario().start().unwrap();
    for (ttl, status) in [
        (Some("1"), 200),
        (Some("21600"), 200),
        (Some("0"), 400),
        (Some("21601"), 400),
        (Some("soon"), 400),
        (None, 400),
    ] {
        assert_eq!(put_token(&sandbox, ttl).status, status, "{ttl:?}");
    }
    let through_a_proxy = agent(&sandbox)
        .put(format!("{}/latest/api/token", sandbox.imds_endpoint()))
        .header("X-aws-ec2-metadata-token-ttl-seconds", "60")
        .header("X-Forwarded-For", "10.0.0.1")
        .send_empty();
    assert_eq!(answer(through_a_proxy.unwrap()).status, 403);

    let token = token(&sandbox);
    assert_eq!(get(&sandbox, &token, CREDENTIALS).text(), "RoleA");
    assert_eq!(get(&sandbox, "another", CREDENTIALS).status, 401);
    let without = agent(&sandbox).get(format!("{}/{CREDENTIALS}", sandbox.imds_endpoint())).call().unwrap();
    assert_eq!(answer(without).status, 401);
    sandbox.advance_clock(Duration::from_secs(61));
    assert_eq!(get(&sandbox, &token, CREDENTIALS).status, 401);
    assert_eq!(sandbox.requests().last().unwrap().reason(), Some("the token has expired"));
}

#[test]
fn the_instance_is_described() {
    let sandbox = Sandbox::scenario().region("eu-west-1").instance_id("i-0fedcba9876543210").start().unwrap();
    let token = token(&sandbox);
    for (path, expected) in [
        ("latest/meta-data/instance-id", "i-0fedcba9876543210"),
        ("latest/meta-data/placement/region", "eu-west-1"),
        ("latest/meta-data/placement/availability-zone", "eu-west-1a"),
        ("latest/meta-data/services/domain", "amazonaws.com"),
        ("latest/meta-data/iam/", "info\nsecurity-credentials/"),
    ] {
        assert_eq!(get(&sandbox, &token, path).text(), expected, "{path}");
    }
    let document: Value =
        serde_json::from_str(&get(&sandbox, &token, "latest/dynamic/instance-identity/document").text()).unwrap();
    assert_eq!((&document["accountId"], &document["region"]), (&"111111111111".into(), &"eu-west-1".into()));
    assert_eq!(get(&sandbox, &token, "latest/meta-data/nothing").status, 404);
    assert_eq!(get(&sandbox, &token, &format!("{CREDENTIALS}RoleB")).status, 404);
}

#[test]
fn credentials_stay_until_they_are_nearly_over() {
    let sandbox = Sandbox::scenario().start().unwrap();
    let token = put_token(&sandbox, Some("21600")).text();
    let credentials = || -> Value {
        let document = get(&sandbox, &token, &format!("{CREDENTIALS}RoleA")).text();
        serde_json::from_str(&document).unwrap()
    };
    let first = credentials();
    assert_eq!((&first["Code"], &first["Type"]), (&"Success".into(), &"AWS-HMAC".into()));
    assert!(first["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(credentials()["AccessKeyId"], first["AccessKeyId"]);
    sandbox.advance_clock(Duration::from_secs(6 * 3_600 - 400));
    assert_eq!(credentials()["AccessKeyId"], first["AccessKeyId"]);
    sandbox.advance_clock(Duration::from_secs(200));
    let second = credentials();
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert!(second["Expiration"].as_str() > first["Expiration"].as_str());
}

#[test]
fn profiles_come_and_go() {
    let sandbox = Sandbox::scenario().no_instance_role().start().unwrap();
    let token = token(&sandbox);
    assert_eq!(get(&sandbox, &token, CREDENTIALS).status, 404);
    sandbox.set_instance_role(Some("RoleA")).unwrap();
    assert_eq!(get(&sandbox, &token, CREDENTIALS).text(), "RoleA");
    // RoleB does not trust EC2.
    sandbox.set_instance_role(Some("RoleB")).unwrap();
    let document: Value = serde_json::from_str(&get(&sandbox, &token, &format!("{CREDENTIALS}RoleB")).text()).unwrap();
    assert_eq!(document["Code"], "AssumeRoleUnauthorizedAccess");
    assert_eq!(sandbox.set_instance_role(Some("RoleC")).unwrap_err().kind(), ErrorKind::Invalid);
    sandbox.set_imds_enabled(false);
    assert_eq!(put_token(&sandbox, Some("60")).status, 403);
    assert_eq!(get(&sandbox, &token, CREDENTIALS).status, 403);
    assert_eq!(sandbox.count(Step::ImdsRole), 3);
}

#[test]
fn mistakes_in_the_world_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (builder, kind, part) in [
        (Sandbox::scenario().region("Tokyo"), ErrorKind::Invalid, "region"),
        (Sandbox::scenario().instance_role("RoleC"), ErrorKind::Invalid, "RoleC"),
        (Sandbox::scenario().grant_pull("RoleC", "app"), ErrorKind::Invalid, "RoleC"),
        (Sandbox::scenario().role(Role::new("1", "R")), ErrorKind::Invalid, "12 digits"),
        (Sandbox::scenario().role(Role::new("111111111111", "a b")), ErrorKind::Invalid, "name of a role"),
        (Sandbox::scenario().role(Role::new("111111111111", "R").policy("{")), ErrorKind::Invalid, "JSON"),
        (Sandbox::scenario().repository("app.git", path), ErrorKind::Invalid, ".git"),
        (Sandbox::scenario().repository("app", path), ErrorKind::Repository, "no git repository"),
        (Sandbox::scenario().longest_sessions(Duration::ZERO), ErrorKind::Invalid, "one second"),
    ] {
        let error = builder.start().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}
