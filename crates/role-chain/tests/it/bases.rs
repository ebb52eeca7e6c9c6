//! What goes wrong before the first hop is taken, caused one by one: environment, identity providers, processes, providers, MFA.

use std::error::Error as _;
use std::time::Duration;

use codecommit_sandbox::{Effect, Fault, Service, Step};
use role_chain::{ErrorKind, RoleChain};

use crate::failures::{check, fails};
use crate::support::{MFA, PROVIDER, ROLE_B, from_instance, from_user, hop_b, role, without_retries, world};

#[tokio::test]
async fn an_expired_token_of_the_environment_is_renewed_by_nobody_here() {
    let sandbox = world().start().unwrap();
    let base = from_instance(&sandbox).build().unwrap().credentials().await.unwrap();
    sandbox.expire_sessions("RoleA");
    let keys = [
        ("AWS_ACCESS_KEY_ID", base.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", base.secret_access_key()),
        ("AWS_SESSION_TOKEN", base.session_token().unwrap()),
    ];
    let environment = sandbox.env().into_iter().chain(keys.map(|(name, value)| (name.into(), value.into())));
    let error = fails(RoleChain::from_environment_keys().environment(environment).hop(hop_b())).await;
    check(&error, ErrorKind::ExpiredCredentials, "hop 1 of 1", false, &["put a new one there"]);
}

#[tokio::test]
async fn tokens_of_an_identity_provider_that_are_missing_or_of_no_use() {
    let sandbox = world().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let fails = async |arn: &str| {
        let chain = RoleChain::from_web_identity(role(arn), &file).environment(without_retries(&sandbox));
        let error = fails(chain.hop(hop_b())).await;
        assert_eq!(error.step(), Some("web identity"), "{error}");
        error
    };
    let role_w = "arn:aws:iam::111111111111:role/RoleW";

    let error = fails(role_w).await;
    check(&error, ErrorKind::BaseUnavailable, "web identity", false, &["mounted"]);
    std::fs::write(&file, " \n").unwrap();
    assert!(fails(role_w).await.to_string().ends_with("is empty"));
    std::fs::write(&file, "no token").unwrap();
    let error = fails(role_w).await;
    check(&error, ErrorKind::Refused, "web identity", false, &["must renew it"]);
    assert_eq!((error.target(), error.code()), (Some(role_w), Some("InvalidIdentityToken")));

    std::fs::write(&file, sandbox.web_identity_token(PROVIDER, "system:serviceaccount:deploy")).unwrap();
    let error = fails(ROLE_B).await;
    check(&error, ErrorKind::AccessDenied, "web identity", false, &["role RoleB in account 222222222222", "federated"]);
    let [statement] = error.statements() else { panic!("{:?}", error.statements()) };
    assert_eq!(statement.policy, "the trust policy of role RoleB");
    let statement: serde_json::Value = serde_json::from_str(&statement.json).unwrap();
    let expected = serde_json::json!({
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:aws:iam::222222222222:oidc-provider/{PROVIDER}") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": {
            format!("{PROVIDER}:aud"): "sts.amazonaws.com",
            format!("{PROVIDER}:sub"): "system:serviceaccount:deploy",
        } },
    });
    assert_eq!(statement, expected);
    sandbox.advance_clock(Duration::from_secs(3_700));
    let error = fails(role_w).await;
    check(&error, ErrorKind::Refused, "web identity", false, &["expired"]);
    // Whoever issues tokens replaces the file: it is read anew.
    std::fs::write(&file, sandbox.web_identity_token(PROVIDER, "system:serviceaccount:deploy")).unwrap();
    let chain = RoleChain::from_web_identity(role(role_w), &file).environment(sandbox.env()).hop(hop_b());
    chain.build().unwrap().credentials().await.unwrap();
}

#[tokio::test]
async fn a_credential_process_that_fails() {
    let sandbox = world().start().unwrap();
    for command in ["exit 3", "echo {", "echo '{\"Version\": 2}'", "no-such-command-here"] {
        let error = fails(RoleChain::from_credential_process(command).environment(sandbox.env()).hop(hop_b())).await;
        check(&error, ErrorKind::BaseUnavailable, "credential_process", false, &["by hand", "AccessKeyId"]);
        assert!(error.source().is_some(), "{command}");
    }
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_chain_at_the_base_of_a_chain_has_its_own_word() {
    let sandbox = world().no_instance_role().start().unwrap();
    let base = from_instance(&sandbox).build().unwrap();
    let error = fails(RoleChain::from_provider(base).environment(sandbox.env()).hop(hop_b())).await;
    check(&error, ErrorKind::BaseUnavailable, "provider", false, &["associate-iam-instance-profile"]);
    assert!(error.source().unwrap().to_string().starts_with("IMDS: "));
}

#[tokio::test]
async fn mfa_that_is_not_given_or_not_right() {
    let sandbox = world().start().unwrap();
    let with = |code: &'static str| from_user(&sandbox).hop(hop_b().mfa(MFA, move |_| Ok(code.into())));
    let error = fails(with("12345")).await;
    check(&error, ErrorKind::MfaToken, "hop 1 of 1", false, &["six digits"]);
    assert_eq!(error.to_string(), "hop 1 of 1: the MFA code must be six digits");
    let error = fails(with("654321")).await;
    check(&error, ErrorKind::AccessDenied, "hop 1 of 1", false, &["The MFA code was wrong"]);
    let error = fails(from_user(&sandbox).hop(hop_b().mfa(MFA, |_| Err("no terminal".into())))).await;
    check(&error, ErrorKind::MfaToken, "hop 1 of 1", false, &[]);
    assert_eq!(error.source().unwrap().to_string(), "no terminal");
}

#[tokio::test]
async fn a_provider_whose_keys_turn_out_temporary_is_held_to_an_hour_before_the_call() {
    let sandbox = world().start().unwrap();
    let temporary = from_instance(&sandbox).build().unwrap();
    let chain = RoleChain::from_provider(temporary).environment(sandbox.env());
    let error = fails(chain.hop(hop_b().duration(Duration::from_secs(3_601)))).await;
    assert_eq!((error.kind(), error.step()), (ErrorKind::InvalidArgument, Some("hop 1 of 1")));
    assert_eq!(sandbox.count(Step::AssumeRole), 0);
}

#[tokio::test]
async fn a_base_that_may_be_there_later_is_worth_another_try() {
    let sandbox = world().fault(Fault::new(Service::Imds, Effect::RefuseConnections)).start().unwrap();
    let base = from_instance(&sandbox).build().unwrap();
    let error = fails(RoleChain::from_provider(base).environment(sandbox.env()).hop(hop_b())).await;
    check(&error, ErrorKind::BaseUnavailable, "provider", true, &["Outside EC2 there is no such service"]);
}
