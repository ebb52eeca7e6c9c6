//! STS, as the AWS SDK sees it.

mod support;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use codecommit_sandbox::{Effect, Fault, Role, Sandbox, SandboxBuilder, Service, Step, User};
use support::{credentials, instance_credentials, sts};

const A: &str = "111111111111";
const B: &str = "222222222222";
const ROLE_A: &str = "arn:aws:iam::111111111111:role/RoleA";

fn keys_of(sandbox: &Sandbox, user: &str) -> Credentials {
    let keys = sandbox.user_keys(user).unwrap();
    Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "test")
}

/// `Ok` with the session's ARN, or the code of the error and the reason in the log.
async fn assume(
    sandbox: &Sandbox,
    by: &Credentials,
    role: &str,
    external_id: Option<&str>,
) -> Result<String, (String, String)> {
    let request = sts(sandbox, by).assume_role().role_arn(sandbox.role_arn(role)).role_session_name("test");
    match request.set_external_id(external_id.map(str::to_owned)).send().await {
        Ok(output) => Ok(output.assumed_role_user().unwrap().arn().to_owned()),
        Err(error) => {
            let reason = sandbox.requests().last().unwrap().reason().unwrap().to_owned();
            Err((error.code().unwrap().to_owned(), reason))
        }
    }
}

fn role(name: &str) -> Role {
    Role::new(B, name)
}

fn builder() -> SandboxBuilder {
    Sandbox::scenario()
        .role(Role::new(A, "RoleA").trusts("ec2.amazonaws.com").allows("sts:AssumeRole", "*"))
        .user(User::new(A, "nobody"))
        .user(User::new(A, "somebody").allows("sts:AssumeRole", "arn:aws:iam::222222222222:role/ByAccount"))
        .user(User::new(B, "neighbour"))
        .role(role("ByArn").trusts(ROLE_A))
        .role(role("ByAccount").trusts(A))
        .role(role("ByRoot").trusts("arn:aws:iam::111111111111:root"))
        .role(role("ByNeighbour").trusts("arn:aws:iam::222222222222:user/neighbour"))
        .role(role("ByOwnAccount").trusts(B))
        .role(role("Other").trusts("arn:aws:iam::333333333333:root"))
        .role(role("TwoIds").trusts(ROLE_A).external_id("one").external_id("two"))
        .role(role("Document").trust_policy(
            r#"{"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": ["arn:aws:iam::111111111111:role/RoleA"]},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "from-a-document"}}}]}"#,
        ))
}

#[tokio::test]
async fn both_sides_must_allow() {
    let sandbox = builder().start().unwrap();
    let role_a = instance_credentials(&sandbox).await.unwrap();
    let callers = ["nobody", "somebody", "neighbour"].map(|user| keys_of(&sandbox, user));
    let [nobody, somebody, neighbour] = &callers;
    let (trust, policy) = ("trust policy does not name", "policies do not allow");
    let (no_id, wrong_id) = ("none was given", "not the one");
    let cases = [
        (&role_a, "ByArn", None, None),
        // An external ID that nobody asked for does no harm.
        (&role_a, "ByArn", Some("any"), None),
        (&role_a, "ByAccount", None, None),
        (&role_a, "ByRoot", None, None),
        (&role_a, "Other", None, Some(trust)),
        (&role_a, "ByNeighbour", None, Some(trust)),
        (&role_a, "TwoIds", Some("two"), None),
        (&role_a, "TwoIds", Some("three"), Some(wrong_id)),
        (&role_a, "TwoIds", None, Some(no_id)),
        (&role_a, "Document", Some("from-a-document"), None),
        (&role_a, "Document", None, Some(no_id)),
        (&role_a, "RoleB", Some(sandbox.external_id()), None),
        (&role_a, "Missing", None, Some("no such role")),
        (nobody, "ByAccount", None, Some(policy)),
        (somebody, "ByAccount", None, None),
        (somebody, "ByRoot", None, Some(policy)),
        (somebody, "ByArn", None, Some(trust)),
        // Within an account, to be named by the trust policy is enough; to be of the account is not.
        (neighbour, "ByNeighbour", None, None),
        (neighbour, "ByOwnAccount", None, Some(policy)),
    ];
    for (number, (caller, role, id, refusal)) in cases.into_iter().enumerate() {
        let result = assume(&sandbox, caller, role, id).await;
        match (refusal, result) {
            (None, Ok(arn)) => assert_eq!(arn, format!("arn:aws:sts::{B}:assumed-role/{role}/test")),
            (Some(part), Err((code, reason))) => {
                assert_eq!(code, "AccessDenied", "case {number}");
                assert!(reason.contains(part), "case {number}: {reason}");
            }
            (_, result) => panic!("case {number}, {role} with {id:?}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn durations_are_capped_as_in_aws() {
    let sandbox = Sandbox::scenario()
        .role(role("Long").trusts(A).max_session(Duration::from_secs(7_200)))
        .user(User::new(A, "user").allows("sts:AssumeRole", "*"))
        .role(Role::new(A, "RoleA").trusts("ec2.amazonaws.com").allows("sts:AssumeRole", "*"))
        .start()
        .unwrap();
    let (role_a, user) = (instance_credentials(&sandbox).await.unwrap(), keys_of(&sandbox, "user"));
    for (caller, seconds, refusal) in [
        (&role_a, 900, None),
        (&role_a, 899, Some("greater than or equal to 900")),
        (&role_a, 3_600, None),
        (&role_a, 3_601, Some("1 hour session limit")),
        (&user, 7_200, None),
        (&user, 7_201, Some("exceeds the MaxSessionDuration")),
        (&user, 43_201, Some("less than or equal to 43200")),
    ] {
        let request = sts(&sandbox, caller).assume_role().role_arn(sandbox.role_arn("Long")).role_session_name("test");
        let result = request.duration_seconds(seconds).send().await;
        match refusal {
            None => {
                let end = result.unwrap().credentials().unwrap().expiration().secs();
                let now = aws_smithy_types::DateTime::from(std::time::SystemTime::now()).secs();
                assert!(
                    (i64::from(seconds) - 5..=i64::from(seconds)).contains(&(end - now)),
                    "{seconds}: {}",
                    end - now
                );
            }
            Some(part) => {
                let error = result.unwrap_err();
                assert_eq!(error.code(), Some("ValidationError"));
                assert!(error.message().unwrap().contains(part), "{:?}", error.message());
            }
        }
    }
}

#[tokio::test]
async fn sessions_end_and_permissions_change_under_them() {
    let sandbox = Sandbox::scenario().longest_sessions(Duration::from_secs(30)).start().unwrap();
    let role_a = instance_credentials(&sandbox).await.unwrap();
    let request = sts(&sandbox, &role_a).assume_role().role_arn(sandbox.role_arn("RoleB")).role_session_name("test");
    let given = request.external_id(sandbox.external_id()).send().await.unwrap();
    let role_b = credentials(given.credentials().unwrap());
    let identity = || async { sts(&sandbox, &role_b).get_caller_identity().send().await };
    assert_eq!(identity().await.unwrap().account(), Some(B));
    sandbox.advance_clock(Duration::from_secs(31));
    assert_eq!(identity().await.unwrap_err().code(), Some("ExpiredToken"));

    sandbox.put_role(Role::new(A, "RoleA").trusts("ec2.amazonaws.com")).unwrap();
    let refused = assume(&sandbox, &role_a, "RoleB", Some(sandbox.external_id())).await.unwrap_err();
    assert!(refused.1.contains("policies do not allow"), "{refused:?}");
}

#[tokio::test]
async fn every_request_is_counted_and_none_keeps_a_secret() {
    let sandbox = Sandbox::scenario().start().unwrap();
    let role_b = support::role_b(&sandbox).await;
    sts(&sandbox, &role_b).get_caller_identity().send().await.unwrap();
    assert_eq!((sandbox.count(Step::AssumeRole), sandbox.count(Step::GetCallerIdentity)), (1, 1));
    let requests = sandbox.requests();
    let assume = requests.iter().find(|request| request.step() == Step::AssumeRole).unwrap();
    assert_eq!(assume.service(), Service::Sts);
    assert_eq!((assume.method(), assume.path(), assume.is_tls()), ("POST", "/", true));
    assert_eq!(assume.parameter("RoleSessionName"), Some("deploy"));
    assert_eq!(assume.caller(), Some("arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0"));
    let host = sandbox.sts_endpoint().trim_start_matches("https://").to_owned();
    assert_eq!(sandbox.hosts_with_authorization().into_iter().collect::<Vec<_>>(), [host]);
    let shown = format!("{requests:?}{sandbox:?}");
    for secret in [role_b.access_key_id(), role_b.secret_access_key(), role_b.session_token().unwrap()] {
        assert!(!shown.contains(secret));
    }
    sandbox.clear_requests();
    assert!(sandbox.requests().is_empty());
}

#[test]
fn without_a_signature_there_is_no_answer_over_either_protocol() {
    let sandbox = Sandbox::scenario().start().unwrap();
    for (endpoint, tls) in [(sandbox.sts_endpoint(), true), (sandbox.sts_http_endpoint(), false)] {
        let ask = |authorization: &str, body: &str| {
            let mut request = support::agent(&sandbox).post(&endpoint).header("X-Amz-Date", "20150830T123600Z");
            if !authorization.is_empty() {
                request = request.header("Authorization", authorization);
            }
            let answer = support::answer(request.send(body).unwrap());
            assert_eq!(answer.header("content-type"), "text/xml");
            (answer.status, answer.text().split("<Code>").nth(1).unwrap().split('<').next().unwrap().to_owned())
        };
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        assert_eq!(ask("", body), (403, "MissingAuthenticationToken".into()));
        assert_eq!(ask("AWS4-HMAC-SHA256 nonsense", body), (400, "IncompleteSignature".into()));
        let old =
            "AWS4-HMAC-SHA256 Credential=AKIAX/20150830/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(ask(old, body), (403, "SignatureDoesNotMatch".into()));
        assert_eq!(sandbox.requests().last().unwrap().is_tls(), tls);
    }
}

#[tokio::test]
async fn identity_center_gives_the_credentials_of_a_role() {
    let sandbox = Sandbox::scenario().start().unwrap();
    let ask = |role: &str, token: &str| {
        let url = format!("{}/federation/credentials?account_id={B}&role_name={role}", sandbox.sso_endpoint());
        support::answer(support::agent(&sandbox).get(url).header("x-amz-sso_bearer_token", token).call().unwrap())
    };
    assert_eq!(ask("RoleB", "expired").header("x-amzn-errortype"), "UnauthorizedException");
    assert_eq!(ask("RoleC", sandbox.sso_token()).header("x-amzn-errortype"), "ForbiddenException");
    let given: serde_json::Value = serde_json::from_slice(&ask("RoleB", sandbox.sso_token()).body).unwrap();
    let text = |key: &str| given["roleCredentials"][key].as_str().unwrap().to_owned();
    let token = Some(text("sessionToken"));
    let keys = Credentials::new(text("accessKeyId"), text("secretAccessKey"), token, None, "test");
    let identity = sts(&sandbox, &keys).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::222222222222:assumed-role/RoleB/sso-user"));
}

#[tokio::test]
async fn throttling_and_errors_are_those_of_aws() {
    let sandbox = Sandbox::scenario()
        .fault(Fault::new(Step::GetCallerIdentity, Effect::Throttle).times(1))
        .fault(
            Fault::new(
                Step::GetCallerIdentity,
                Effect::AwsError { status: 500, code: "InternalFailure".into(), message: "<oops>".into() },
            )
            .times(1),
        )
        .start()
        .unwrap();
    let client = sts(&sandbox, &instance_credentials(&sandbox).await.unwrap());
    let error = client.get_caller_identity().send().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("Throttling"), Some("Rate exceeded")));
    let error = client.get_caller_identity().send().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("InternalFailure"), Some("<oops>")));
    assert_eq!(client.get_caller_identity().send().await.unwrap().account(), Some(A));
    assert_eq!(sandbox.faults_struck(), 2);
}
