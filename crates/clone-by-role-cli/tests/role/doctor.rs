//! `clone-by-role doctor`: what goes wrong on the way to a repository, caused one by one, and what is said of it.

use crate::support::{Desk, repository};
use codecommit_sandbox::scenario::EXTERNAL_ID;
use codecommit_sandbox::{Effect, Fault, Role, Sandbox, SandboxBuilder, Service, Step};
use serde_json::Value;

const SESSION_A: &str = "arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0";
const ROLE_B: &str = "arn:aws:iam::222222222222:role/RoleB";
const SESSION_B: &str = "arn:aws:sts::222222222222:assumed-role/RoleB/clone-by-role@i-0123456789abcdef0";
const APP: &str = "codecommit::ap-northeast-1://app";

/// A world in which one thing is wrong, and what the doctor is to say of it.
struct Case {
    name: &'static str,
    world: SandboxBuilder,
    step: &'static str,
    kind: &'static str,
    /// Who asked, and for what, where STS was asked.
    hop: bool,
    help: &'static str,
    retryable: bool,
    statements: usize,
}

fn case(name: &'static str, world: SandboxBuilder, step: &'static str, kind: &'static str, help: &'static str) -> Case {
    Case { name, world, step, kind, hop: step.starts_with("hop"), help, retryable: false, statements: 0 }
}

fn fault(step: Step, effect: Effect) -> SandboxBuilder {
    Sandbox::scenario().fault(Fault::new(step, effect))
}

fn sts_says(code: &str) -> SandboxBuilder {
    fault(Step::AssumeRole, Effect::AwsError { status: 403, code: code.into(), message: "What STS says.".into() })
}

fn role_b() -> Role {
    Role::new("222222222222", "RoleB")
}

/// The scenario with another RoleB, and with RoleA's permission or without.
fn denied(role: Role, permission: bool) -> SandboxBuilder {
    let mut role_a = Role::new("111111111111", "RoleA").trusts("ec2.amazonaws.com");
    if permission {
        role_a = role_a.allows("sts:AssumeRole", ROLE_B);
    }
    Sandbox::scenario().role(role_a).role(role)
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "no instance profile",
            Sandbox::scenario().no_instance_role(),
            "IMDS",
            "no_instance_profile",
            "aws ec2 associate-iam-instance-profile",
        ),
        Case {
            retryable: true,
            ..case(
                "a hop limit of 1",
                fault(Step::ImdsToken, Effect::Stall),
                "IMDS",
                "imds_unreachable",
                "--http-put-response-hop-limit 2",
            )
        },
        case(
            "a metadata service that is off",
            Sandbox::scenario().imds_disabled(),
            "IMDS",
            "imds_disabled",
            "--http-endpoint enabled",
        ),
        Case {
            retryable: true,
            ..case("an expired source", sts_says("ExpiredToken"), "hop 1 of 1", "expired_credentials", "once more")
        },
        Case {
            retryable: true,
            ..case(
                "throttling",
                fault(Step::AssumeRole, Effect::Throttle),
                "hop 1 of 1",
                "throttled",
                "try again later",
            )
        },
        case(
            "a signature that does not match",
            sts_says("SignatureDoesNotMatch"),
            "hop 1 of 1",
            "signature_refused",
            "compare with NTP",
        ),
        case(
            "clocks that differ",
            sts_says("RequestTimeTooSkewed").clock_offset(7_200),
            "hop 1 of 1",
            "clock_skew",
            "Set this host's clock, and keep it set by NTP",
        ),
    ];
    let trust =
        "The trust policy of role RoleB in account 222222222222 does not name arn:aws:iam::111111111111:role/RoleA";
    let id = "That trust policy asks for another external ID";
    let permission = "The policy of role RoleA in account 111111111111 does not allow sts:AssumeRole on arn:aws:iam::222222222222:role/RoleB";
    for (name, world, help) in [
        ("a trust policy that names another", denied(role_b().trusts("333333333333"), true), trust),
        ("another external ID", denied(role_b().trusts("111111111111").external_id("other"), true), id),
        ("no permission", denied(role_b().trusts("111111111111"), false), permission),
    ] {
        cases.push(Case { statements: 2, ..case(name, world, "hop 1 of 1", "access_denied", help) });
    }
    cases
}

fn doctor(desk: &Desk, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["doctor", "--profile", "b"], arguments].concat();
    let output = desk.command(&arguments).env("AWS_MAX_ATTEMPTS", "1").output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_goes_wrong_is_told_with_step_principal_target_and_remedy() {
    for Case { name, world, step, kind, hop, help, retryable, statements } in cases() {
        let desk = Desk::new(world.start().unwrap());
        let (status, text) = doctor(&desk, &["--json"]);
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &found["ok"]), (Some(1), &Value::from(false)), "{name}: {text}");
        let last = found["steps"].as_array().unwrap().last().unwrap();
        let error = &last["error"];
        assert_eq!((&last["step"], &error["kind"]), (&Value::from(step), &Value::from(kind)), "{name}: {text}");
        assert_eq!(error["retryable"], retryable, "{name}");
        assert!(error["help"].as_str().unwrap().contains(help), "{name}: {help:?} is not in {error:#}");
        assert_eq!(error["statements"].as_array().unwrap().len(), statements, "{name}");
        if hop {
            assert_eq!(
                (&error["principal"], &error["target"]),
                (&Value::from(SESSION_A), &Value::from(ROLE_B)),
                "{name}"
            );
            assert_eq!(found["steps"][0]["principal"], SESSION_A);
        } else {
            assert_eq!(found["untried"][0], ROLE_B, "{name}");
        }
        // As every command says it.
        assert_eq!(found["error"]["kind"], "credentials");
        assert_eq!(found["error"]["retryable"], retryable);

        let (status, text) = doctor(&desk, &[]);
        assert_eq!(status, Some(1));
        assert!(text.contains(&format!("FAIL {step}")) && text.contains(help), "{name}:\n{text}");
        assert_eq!(text.matches("would say:").count(), statements, "{name}:\n{text}");
        assert_eq!(text.contains("clone-by-role policy"), statements > 0, "{name}:\n{text}");
        assert!(!text.contains(EXTERNAL_ID), "{name}:\n{text}");
    }
}

#[test]
fn the_statements_of_the_doctor_mend_the_chain() {
    let desk = Desk::new(denied(role_b(), false).start().unwrap());
    let (_, text) = doctor(&desk, &["--json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    let statements = found["steps"][1]["error"]["statements"].as_array().unwrap();
    let places: Vec<_> = statements.iter().map(|s| (s["account"].as_str(), s["policy"].as_str())).collect();
    assert_eq!(
        places,
        [
            (Some("222222222222"), Some("the trust policy of role RoleB")),
            (Some("111111111111"), Some("a policy of role RoleA"))
        ]
    );
    let document = |statement: &Value| {
        let text = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement["statement"]] }).to_string();
        text.replace("THE-EXTERNAL-ID", EXTERNAL_ID)
    };
    desk.sandbox.put_role(role_b().trust_policy(&document(&statements[0]))).unwrap();
    let role_a = Role::new("111111111111", "RoleA").trusts("ec2.amazonaws.com").policy(&document(&statements[1]));
    desk.sandbox.put_role(role_a).unwrap();
    let (status, text) = doctor(&desk, &[]);
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn where_all_holds_each_step_is_shown_up_to_the_repository() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(Sandbox::scenario().repository("app", repository(folder.path())).start().unwrap());
    let (status, text) = doctor(&desk, &[APP]);
    assert_eq!(status, Some(0), "{text}");
    let lines: Vec<_> = text.lines().collect();
    let expected = [
        "as   profile \"b\" (by --profile) in ap-northeast-1".to_owned(),
        format!("ok   IMDS        {SESSION_A}  "),
        format!("ok   hop 1 of 1  {SESSION_B}  "),
        "ok   repository  app in ap-northeast-1  ".to_owned(),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, start) in lines.iter().zip(&expected) {
        assert!(line.starts_with(start), "{line}\nshould start with\n{start}");
    }
    assert_eq!((desk.sandbox.count(Step::AssumeRole), desk.sandbox.count(Step::FetchRefs)), (1, 1));
    assert_eq!(desk.sandbox.count(Step::Fetch), 0);

    let (status, text) = doctor(&desk, &["--json", "codecommit://app"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &found["ok"], &found["error"]), (Some(0), &Value::from(true), &Value::Null));
    let steps: Vec<_> = found["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["IMDS", "hop 1 of 1", "repository"]);
    assert_eq!(found["steps"][2]["target"], desk.sandbox.repository_url("app"));
    assert!(found["steps"][1]["expiry"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_repository_that_is_closed_names_the_statement_to_add() {
    let folder = tempfile::tempdir().unwrap();
    let closed = role_b().trusts("111111111111").external_id(EXTERNAL_ID);
    let world = denied(closed, true).repository("app", repository(folder.path()));
    let desk = Desk::new(world.start().unwrap());
    let (status, text) = doctor(&desk, &["--json", APP]);
    let found: Value = serde_json::from_str(&text).unwrap();
    let step = &found["steps"][2];
    assert_eq!((status, &step["error"]["kind"]), (Some(1), &Value::from("denied")), "{text}");
    assert_eq!(step["error"]["principal"], SESSION_B);
    assert_eq!(step["error"]["statements"][0]["policy"], "a policy of role RoleB");
    let expected = serde_json::json!({
        "Effect": "Allow",
        "Action": "codecommit:GitPull",
        "Resource": "arn:aws:codecommit:ap-northeast-1:222222222222:app",
    });
    assert_eq!(step["error"]["statements"][0]["statement"], expected);
    assert_eq!(found["error"]["kind"], "denied");

    let (_, text) = doctor(&desk, &[APP]);
    assert!(text.contains("FAIL repository  app in ap-northeast-1"), "{text}");
    assert!(text.contains("In account 222222222222, a policy of role RoleB would say:"), "{text}");
}

#[test]
fn a_repository_that_is_not_there_or_not_tried() {
    let desk = Desk::new(Sandbox::scenario().grant_pull("RoleB", "*").start().unwrap());
    let (status, text) = doctor(&desk, &["--json", "codecommit::ap-northeast-1://none"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &found["error"]["kind"]), (Some(1), &Value::from("repository_not_found")), "{text}");

    desk.sandbox.set_imds_enabled(false);
    let (status, text) = doctor(&desk, &[APP]);
    assert_eq!(status, Some(1));
    assert!(text.ends_with("-    not tried  repository app in ap-northeast-1\n"), "{text}");
    let (_, text) = doctor(&desk, &["--json", APP]);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["untried"], serde_json::json!([ROLE_B, desk.sandbox.repository_url("app")]));
}

#[test]
fn whoever_said_as_whom_to_act_is_named() {
    let desk = Desk::new(Sandbox::scenario().start().unwrap());
    let role = desk.sandbox.role_arn("RoleB");
    let by = |arguments: &[&str], profile: &str| {
        let mut command = desk.command(&[&["doctor"], arguments].concat());
        let output = command.env("AWS_PROFILE", profile).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().next().unwrap_or_default().to_owned()
    };
    let cases: [(&[&str], &str, &str); 5] = [
        (&[], "", "as   the instance (by default) in ap-northeast-1"),
        (&[], "b", "as   profile \"b\" (by AWS_PROFILE) in ap-northeast-1"),
        (&["codecommit://b@app"], "other", "as   profile \"b\" (by the remote's name) in ap-northeast-1"),
        (&["--profile", "b"], "other", "as   profile \"b\" (by --profile) in ap-northeast-1"),
        (&["--role-arn", &role], "other", "as   the instance (by --role-arn) in ap-northeast-1"),
    ];
    for (arguments, profile, line) in cases {
        assert_eq!(by(arguments, profile), line, "{arguments:?}");
    }
    let output = desk.command(&["doctor", "--json"]).env("AWS_PROFILE", "b").output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({ "profile": "b", "by": "AWS_PROFILE", "region": "ap-northeast-1" });
    assert_eq!(found["who"], expected);
}

#[test]
fn wrong_profiles_and_names_are_wrong_usage() {
    let desk = Desk::new(Sandbox::scenario().start().unwrap());
    for (arguments, said) in [
        (&["doctor", "--json", "--profile", "none"][..], "there is no such profile"),
        (&["doctor", "--json", "--profile", "b", "codecommit::nowhere!://app"], "region"),
        (&["doctor", "--json", "--role-arn", "RoleB"], "role ARN"),
    ] {
        let output = desk.run(arguments);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &found["error"]["kind"]), (Some(2), &Value::from("invalid_request")));
        assert!(found["error"]["message"].as_str().unwrap().contains(said), "{found}");
    }
    assert!(desk.sandbox.requests().is_empty());
}

#[test]
fn no_secret_is_in_what_the_doctor_says_or_logs() {
    let document = r#"{"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"hidden-secret","Token":"hidden-token","Expiration":"2090-01-01T00:00:00Z"}"#;
    let world = fault(Step::ImdsCredentials, Effect::Body(document.into()));
    let desk = Desk::new(world.start().unwrap());
    for arguments in [&["doctor", "--profile", "b"][..], &["doctor", "--profile", "b", "--json"]] {
        let output = desk.command(arguments).env("RUST_LOG", "trace").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("InvalidClientTokenId"), "{said}");
        for secret in ["hidden-secret", "hidden-token", desk.sandbox.external_id()] {
            assert!(!said.contains(secret), "{secret} is in:\n{said}");
        }
    }
    let unreachable = Sandbox::scenario().fault(Fault::new(Service::Sts, Effect::RefuseConnections)).start().unwrap();
    let (status, text) = doctor(&Desk::new(unreachable), &[]);
    assert_eq!(status, Some(1));
    assert!(text.contains("cannot be reached to assume"), "{text}");
}
