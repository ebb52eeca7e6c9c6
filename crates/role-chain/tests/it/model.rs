//! The limits, as botocore's model of STS has them: the judge gives the numbers and the patterns, and each is tried just inside and just outside.

use std::time::Duration;

use codecommit_sandbox::Sandbox;
use role_chain::{Credentials, Hop, RoleArn, RoleChain};
use serde_json::Value;

use crate::judges::{judge, judges};
use crate::support::{ROLE_B, role};

/// Prints the members of `AssumeRole`'s input, each with its limits, and those of the lists in it.
const PROGRAM: &str = r#"
import json, botocore.session
model = botocore.session.get_session().get_service_model("sts")
def limits(shape):
    found = {key: shape.metadata.get(key) for key in ("min", "max", "pattern")}
    if shape.type_name == "list":
        found["member"] = limits(shape.member)
    if shape.type_name == "structure":
        found["members"] = {name: limits(member) for name, member in shape.members.items()}
    return found
print(json.dumps(limits(model.operation_model("AssumeRole").input_shape)["members"]))
"#;

fn model() -> Option<Value> {
    let folder = judges()?;
    let (sandbox, home) = (Sandbox::builder().start().unwrap(), tempfile::tempdir().unwrap());
    let output = judge(folder, "python3", &sandbox, home.path()).args(["-c", PROGRAM]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn hop() -> Hop {
    Hop::new(role(ROLE_B))
}

/// Long-lived keys, with which a session may last as long as the model says.
fn is_taken(hop: Hop) -> bool {
    let keys = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    RoleChain::from_provider(keys).environment([("", ""); 0]).hop(hop).build().is_ok()
}

/// Tries a limit of the model just inside and just outside of both ends. `make` makes a hop of a length or number.
fn try_limits(what: &str, limits: &Value, make: impl Fn(u64) -> Hop) {
    let (least, most) = (limits["min"].as_u64().unwrap(), limits["max"].as_u64().unwrap());
    assert!(is_taken(make(least)), "{what}: {least} is inside");
    assert!(is_taken(make(most)), "{what}: {most} is inside");
    assert!(least == 0 || !is_taken(make(least - 1)), "{what}: {} is outside", least - 1);
    assert!(!is_taken(make(most + 1)), "{what}: {} is outside", most + 1);
}

fn letters(count: u64) -> String {
    "a".repeat(count as usize)
}

#[test]
fn lengths_and_numbers_are_those_of_the_model() {
    let Some(model) = model() else { return };
    try_limits("RoleSessionName", &model["RoleSessionName"], |n| hop().session_name(letters(n)));
    try_limits("SourceIdentity", &model["SourceIdentity"], |n| hop().source_identity(letters(n)));
    try_limits("ExternalId", &model["ExternalId"], |n| hop().external_id(letters(n)));
    try_limits("SerialNumber", &model["SerialNumber"], |n| hop().mfa(letters(n), |_| Ok(String::new())));
    try_limits("DurationSeconds", &model["DurationSeconds"], |n| hop().duration(Duration::from_secs(n)));
    let tag = &model["Tags"]["member"]["members"];
    try_limits("Key", &tag["Key"], |n| hop().tag(letters(n), "v"));
    try_limits("Value", &tag["Value"], |n| hop().tag("k", letters(n)));
    let most = model["Tags"]["max"].as_u64().unwrap();
    for (count, taken) in [(most, true), (most + 1, false)] {
        assert_eq!(is_taken((0..count).fold(hop(), |hop, i| hop.tag(format!("k{i}"), "v"))), taken, "{count} tags");
    }
    // The model counts an ARN's characters; IAM's own rule for a name ends earlier than that.
    let arn = &model["RoleArn"];
    assert_eq!((arn["min"].as_u64(), arn["max"].as_u64()), (Some(20), Some(2_048)));
    assert!(RoleArn::parse("arn:aws:iam::222222222222:role/R").is_ok());
    let policy_arn = &model["PolicyArns"]["member"]["members"]["arn"];
    let policy = |n: u64| format!("arn:aws:iam::aws:policy/{}", letters(n - 24));
    for (length, taken) in
        [(policy_arn["max"].as_u64().unwrap(), true), (policy_arn["max"].as_u64().unwrap() + 1, false)]
    {
        assert_eq!(is_taken(hop().policy_arn(policy(length))), taken, "a policy's ARN of {length}");
    }
}

/// The ASCII characters that a pattern of the model, one class repeated, allows. (Its `\w` is ASCII for STS.)
fn class(pattern: &str) -> Vec<char> {
    let inner = pattern.trim_start_matches('[').split_once(']').unwrap().0;
    let listed = inner.replace("\\w", "_").replace('\\', "");
    (' '..='~').filter(|c| c.is_ascii_alphanumeric() || listed.contains(*c)).collect()
}

#[test]
fn alphabets_are_those_of_the_model() {
    let Some(model) = model() else { return };
    type Make = fn(String) -> Hop;
    let fields: [(&str, Make); 4] = [
        ("RoleSessionName", |text| hop().session_name(text)),
        ("SourceIdentity", |text| hop().source_identity(text)),
        ("ExternalId", |text| hop().external_id(text)),
        ("SerialNumber", |text| hop().mfa(text, |_| Ok(String::new()))),
    ];
    for (field, make) in fields {
        let pattern = model[field]["pattern"].as_str().unwrap();
        let allowed = class(pattern);
        assert!(allowed.contains(&'+') && !allowed.contains(&' '), "{pattern}");
        for c in ' '..='~' {
            let taken = is_taken(make(format!("aaaaa{c}aaaaa")));
            assert_eq!(taken, allowed.contains(&c), "{field}: {c:?}, and the pattern is {pattern}");
        }
    }
}
