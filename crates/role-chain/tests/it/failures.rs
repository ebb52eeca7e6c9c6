//! What goes wrong, caused, and what the error says of it: the kind, the step, who asked for what, and who must act.

use std::error::Error as _;
use std::time::Duration;

use codecommit_sandbox::scenario::{ACCOUNT_A, ACCOUNT_B, EXTERNAL_ID};
use codecommit_sandbox::{Effect, Fault, Role, Sandbox, SandboxBuilder, Service, Step};
use role_chain::{Credentials, Error, ErrorKind, Hop, RoleChain, RoleChainBuilder};

use crate::support::{
    ROLE_B, Time, asked, from_instance, from_instance_without_retries, from_user, hop_b, hop_c, role, without_retries,
    world,
};

const SESSION_A: &str = "arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0";

pub(crate) async fn fails(chain: RoleChainBuilder) -> Error {
    chain.build().expect("a chain that can be planned").credentials().await.expect_err("a failure")
}

#[track_caller]
pub(crate) fn check(error: &Error, kind: ErrorKind, step: &str, retryable: bool, help: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}: {error:?}");
    assert_eq!(error.step(), Some(step), "{error}");
    assert_eq!(error.is_retryable(), retryable, "{error}");
    assert!(!error.is_configuration());
    assert_eq!(error.to_string().lines().count(), 1);
    for part in help {
        assert!(error.help().contains(part), "{part:?} is not in:\n{}", error.help());
    }
}

#[tokio::test]
async fn no_instance_profile() {
    let sandbox = world().no_instance_role().start().unwrap();
    let error = fails(from_instance(&sandbox).hop(hop_b())).await;
    check(&error, ErrorKind::NoInstanceProfile, "IMDS", false, &["associate-iam-instance-profile"]);
    assert!(error.to_string().contains("404"));
}

#[tokio::test]
async fn metadata_service_switched_off() {
    let sandbox = world().imds_disabled().start().unwrap();
    let error = fails(from_instance(&sandbox)).await;
    check(&error, ErrorKind::ImdsDisabled, "IMDS", false, &["--http-endpoint enabled"]);

    let environment = sandbox.env().into_iter().chain([("AWS_EC2_METADATA_DISABLED".into(), "true".into())]);
    let error = fails(RoleChain::from_instance().environment(environment)).await;
    check(&error, ErrorKind::ImdsDisabled, "IMDS", false, &["AWS_EC2_METADATA_DISABLED"]);
}

#[tokio::test]
async fn metadata_service_that_does_not_answer_as_behind_a_hop_limit_of_one() {
    for step in [Step::ImdsToken, Step::ImdsCredentials] {
        let sandbox = world().fault(Fault::new(step, Effect::Stall)).start().unwrap();
        let error = fails(from_instance(&sandbox)).await;
        check(&error, ErrorKind::ImdsUnreachable, "IMDS", true, &["--http-put-response-hop-limit 2"]);
    }
}

#[tokio::test]
async fn metadata_service_that_is_not_there() {
    let sandbox = world().fault(Fault::new(Service::Imds, Effect::RefuseConnections)).start().unwrap();
    let error = fails(from_instance(&sandbox)).await;
    check(&error, ErrorKind::ImdsUnreachable, "IMDS", true, &["Outside EC2 there is no such service"]);
    assert!(error.source().is_some());
}

#[tokio::test]
async fn metadata_service_that_talks_nonsense() {
    let nonsense = [
        (Step::ImdsToken, Effect::Status(418)),
        (Step::ImdsCredentials, Effect::Body("no JSON".into())),
        (Step::ImdsCredentials, Effect::Body("{}".into())),
        (
            Step::ImdsCredentials,
            Effect::Body(r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"soon"}"#.into()),
        ),
    ];
    for (step, effect) in nonsense {
        let sandbox = world().fault(Fault::new(step, effect)).start().unwrap();
        let error = fails(from_instance(&sandbox)).await;
        check(&error, ErrorKind::ImdsAnswer, "IMDS", false, &["AWS_EC2_METADATA_SERVICE_ENDPOINT"]);
    }
}

#[tokio::test]
async fn credentials_that_had_expired_when_they_were_handed_out() {
    let document = r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2001-01-01T00:00:00Z"}"#;
    let sandbox = world().fault(Fault::new(Step::ImdsCredentials, Effect::Body(document.into()))).start().unwrap();
    let error = fails(from_instance(&sandbox)).await;
    check(&error, ErrorKind::ExpiredCredentials, "IMDS", true, &["NTP"]);
}

#[tokio::test]
async fn an_instance_role_that_ec2_may_not_assume() {
    let sandbox = world().start().unwrap();
    sandbox.put_role(Role::new(ACCOUNT_A, "RoleA").trusts("lambda.amazonaws.com")).unwrap();
    let error = fails(from_instance(&sandbox)).await;
    check(&error, ErrorKind::NoInstanceProfile, "IMDS", false, &["ec2.amazonaws.com"]);
    assert!(error.to_string().contains("AssumeRoleUnauthorizedAccess"), "{error}");
}

/// STS answers the same whatever the reason: so all candidates are named, in one order, and none is asserted.
#[tokio::test]
async fn access_denied_for_whatever_reason() {
    let role_b = || Role::new(ACCOUNT_B, "RoleB").external_id(EXTERNAL_ID);
    let worlds: [(SandboxBuilder, Hop, &str); 4] = [
        (world(), Hop::new(role(ROLE_B)), "asks for an external ID, and none was sent"),
        (world(), hop_b().external_id("another"), "another external ID than the one that was sent"),
        (Sandbox::builder().role(role_b().trusts(ACCOUNT_A)), hop_b(), "does not allow sts:AssumeRole on"),
        (Sandbox::builder().role(role_b().trusts("333333333333")), hop_b(), "does not name"),
    ];
    for (mut builder, hop, says) in worlds {
        // RoleA of the last two may not assume anything.
        if !says.contains("external ID") {
            builder = builder.role(Role::new(ACCOUNT_A, "RoleA").trusts("ec2.amazonaws.com")).instance_role("RoleA");
        }
        let sandbox = builder.start().unwrap();
        let error = fails(from_instance(&sandbox).hop(hop).hop(hop_c())).await;
        check(&error, ErrorKind::AccessDenied, "hop 1 of 2", false, &[says, "in this order:\n1. ", "\n4. "]);
        assert_eq!(error.principal(), Some(SESSION_A));
        assert_eq!(error.target(), Some(ROLE_B));
        assert_eq!(error.code(), Some("AccessDenied"));
        assert!(error.request_id().is_some());
        let places: Vec<_> = error.statements().iter().map(|s| (s.account.as_deref(), s.policy.as_str())).collect();
        assert_eq!(
            places,
            [(Some(ACCOUNT_B), "the trust policy of role RoleB"), (Some(ACCOUNT_A), "a policy of role RoleA")]
        );
    }
}

#[tokio::test]
async fn the_statements_that_an_error_names_mend_it() {
    let sandbox = Sandbox::builder()
        .role(Role::new(ACCOUNT_A, "RoleA").trusts("ec2.amazonaws.com"))
        .role(Role::new(ACCOUNT_B, "RoleB"))
        .instance_role("RoleA")
        .start()
        .unwrap();
    let error = fails(from_instance(&sandbox).hop(hop_b())).await;
    let document = |json: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{json}]}}"#);
    let [trust, assume] = error.statements() else { panic!("{:?}", error.statements()) };
    let trust = document(&trust.json).replace("THE-EXTERNAL-ID", EXTERNAL_ID);
    sandbox.put_role(Role::new(ACCOUNT_B, "RoleB").trust_policy(&trust)).unwrap();
    sandbox
        .put_role(Role::new(ACCOUNT_A, "RoleA").trusts("ec2.amazonaws.com").policy(&document(&assume.json)))
        .unwrap();
    from_instance(&sandbox).hop(hop_b()).build().unwrap().credentials().await.unwrap();
}

#[tokio::test]
async fn a_second_hop_that_is_refused_names_the_first_as_who_asked() {
    let sandbox = world().start().unwrap();
    let hop = Hop::new(role("arn:aws:iam::333333333333:role/RoleX"));
    let error = fails(from_instance(&sandbox).hop(hop_b().session_name("web-1")).hop(hop)).await;
    check(&error, ErrorKind::AccessDenied, "hop 2 of 2", false, &["role RoleB in account 222222222222"]);
    assert_eq!(error.principal(), Some("arn:aws:sts::222222222222:assumed-role/RoleB/web-1"));
    assert_eq!(error.target(), Some("arn:aws:iam::333333333333:role/RoleX"));
    // Who it was is known from the hop itself.
    assert_eq!(sandbox.count(Step::GetCallerIdentity), 0);
}

fn sts_error(status: u16, code: &str) -> Effect {
    Effect::AwsError { status, code: code.into(), message: "What STS says of it.".into() }
}

#[tokio::test]
async fn an_expired_source_is_fetched_once_more() {
    let sandbox = world().fault(Fault::new(Step::AssumeRole, sts_error(403, "ExpiredToken")).times(1)).start().unwrap();
    let chain = from_instance(&sandbox).hop(hop_b().session_name("web-1")).build().unwrap();
    chain.credentials().await.unwrap();
    let again = ["ImdsRole", "ImdsCredentials", "AssumeRole RoleB"];
    // The sandbox does not read a request that a fault answers.
    let first = ["ImdsToken", "ImdsRole", "ImdsCredentials", "AssumeRole "];
    assert_eq!(asked(&sandbox), [&first[..], &again[..]].concat());
}

#[tokio::test]
async fn a_source_that_stays_expired_is_reported() {
    let sandbox = world().start().unwrap();
    let time = Time::new();
    let chain = time.set(from_instance(&sandbox)).hop(hop_b()).build().unwrap();
    chain.credentials().await.unwrap();
    time.go_to(&sandbox, 10);
    // The metadata service goes on handing out the session that STS has ended.
    sandbox.expire_sessions("RoleA");
    sandbox.clear_requests();
    let error = chain.credentials_lasting(Duration::from_secs(3_595)).await.unwrap_err();
    check(&error, ErrorKind::ExpiredCredentials, "hop 1 of 1", true, &["fetched once more"]);
    assert_eq!(error.code(), Some("ExpiredToken"));
    assert_eq!(sandbox.count(Step::AssumeRole), 2);
}

#[tokio::test]
async fn sts_that_throttles() {
    let sandbox = world().fault(Fault::new(Step::AssumeRole, Effect::Throttle)).start().unwrap();
    let error = fails(from_instance_without_retries(&sandbox).hop(hop_b())).await;
    check(&error, ErrorKind::Throttled, "hop 1 of 1", true, &["try again later"]);
    assert_eq!(error.code(), Some("Throttling"));
    // The SDK tries again by itself, and that is enough where the throttling ends.
    sandbox.clear_faults();
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle).times(1));
    from_instance(&sandbox).hop(hop_b()).build().unwrap().credentials().await.unwrap();
}

#[tokio::test]
async fn clocks_that_differ() {
    let sandbox = world().clock_offset(7_200).start().unwrap();
    sandbox.set_fault(Fault::new(Step::AssumeRole, sts_error(403, "SignatureDoesNotMatch")));
    let error = fails(from_instance_without_retries(&sandbox).hop(hop_b())).await;
    check(
        &error,
        ErrorKind::ClockSkew,
        "hop 1 of 1",
        false,
        &["NTP", "This host's clock says 20", ", the service's 20"],
    );

    sandbox.clear_faults();
    sandbox.set_fault(Fault::new(Step::AssumeRole, sts_error(403, "RequestTimeTooSkewed")));
    let error = fails(from_instance_without_retries(&sandbox).hop(hop_b())).await;
    assert_eq!(error.kind(), ErrorKind::ClockSkew);
}

#[tokio::test]
async fn a_secret_that_is_not_the_keys() {
    let sandbox = world().start().unwrap();
    let keys = sandbox.user_keys("dana").unwrap();
    let wrong = Credentials::new(keys.access_key_id, "wrong", None, None, "test");
    let chain = RoleChain::from_provider(wrong).environment(without_retries(&sandbox));
    let error = fails(chain.hop(hop_b())).await;
    check(
        &error,
        ErrorKind::SignatureRefused,
        "hop 1 of 1",
        false,
        &["This host's clock says 20", "NTP", "secret key"],
    );
}

#[tokio::test]
async fn a_key_that_sts_does_not_know() {
    let sandbox = world().start().unwrap();
    let unknown = Credentials::new("AKIAUNKNOWN000000000", "secret", None, None, "test");
    let error = fails(RoleChain::from_provider(unknown).environment(sandbox.env()).hop(hop_b())).await;
    check(&error, ErrorKind::InvalidCredentials, "hop 1 of 1", false, &["deleted"]);
}

#[tokio::test]
async fn what_sts_refuses() {
    let sandbox = world().start().unwrap();
    // dana may ask for more than an hour, RoleC's sessions last one.
    let cases = [
        (hop_b().policy("{}"), "MalformedPolicyDocument", "no IAM policy"),
        (hop_b().policy_arn("arn:aws:iam::aws:policy/NoSuchPolicy"), "ValidationError", "STS's own word"),
    ];
    for (hop, code, help) in cases {
        let error = fails(from_user(&sandbox).hop(hop)).await;
        check(&error, ErrorKind::Refused, "hop 1 of 1", false, &[help]);
        assert_eq!(error.code(), Some(code));
        assert_eq!(error.principal(), Some("arn:aws:iam::111111111111:user/dana"));
        assert!(error.source().is_some());
    }
    sandbox.put_role(Role::new(ACCOUNT_B, "RoleB").trusts(ACCOUNT_A)).unwrap();
    let error = fails(from_user(&sandbox).hop(Hop::new(role(ROLE_B)).duration(Duration::from_secs(7_200)))).await;
    check(&error, ErrorKind::Refused, "hop 1 of 1", false, &["maximum session duration"]);

    sandbox.set_fault(Fault::new(Step::AssumeRole, sts_error(403, "RegionDisabledException")));
    let error = fails(from_user(&sandbox).hop(hop_b())).await;
    check(&error, ErrorKind::Refused, "hop 1 of 1", false, &["enabled this region"]);
}

#[tokio::test]
async fn a_report_says_what_holds_and_what_to_mend() {
    let sandbox = world().start().unwrap();
    let chain = from_instance(&sandbox).hop(Hop::new(role(ROLE_B))).hop(hop_c()).build().unwrap();
    let report = chain.diagnose().await;
    assert!(!report.is_ok());
    assert_eq!(report.steps().len(), 2);
    assert_eq!(report.error().map(Error::kind), Some(ErrorKind::AccessDenied));
    let text = report.to_string();
    for part in [
        "ok   IMDS        arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0",
        "FAIL hop 1 of 2  arn:aws:iam::222222222222:role/RoleB",
        "In account 222222222222, the trust policy of role RoleB would say:",
        "\"AWS\": \"arn:aws:iam::111111111111:role/RoleA\"",
        "-    not tried  arn:aws:iam::222222222222:role/deploy/RoleC",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["steps"][0]["principal"], SESSION_A);
    assert_eq!(json["steps"][1]["error"]["kind"], "access_denied");
    assert_eq!(json["steps"][1]["error"]["statements"][1]["statement"]["Resource"], ROLE_B);
    assert_eq!(json["untried"][0], "arn:aws:iam::222222222222:role/deploy/RoleC");

    let report = from_instance(&sandbox).hop(hop_b()).build().unwrap().diagnose().await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.to_string().lines().count(), 2);
}

#[tokio::test]
async fn a_report_tells_of_clocks_that_differ() {
    let sandbox = world().clock_offset(120).start().unwrap();
    let report = from_instance(&sandbox).build().unwrap().diagnose().await;
    assert!(report.is_ok());
    assert!(report.to_string().contains("keep it set by NTP"), "{report}");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert!((json["clock_ahead_seconds"].as_i64().unwrap() + 120).abs() <= 2, "{json}");
}
