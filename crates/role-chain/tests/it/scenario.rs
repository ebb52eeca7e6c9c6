//! The walk from the instance's role to another account's, and what is remembered of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use codecommit_sandbox::{Sandbox, Step};
use role_chain::{Error, ErrorKind, ProvideCredentials as _, RoleChain};

use crate::support::{asked, from_instance, hop_b, hop_c, world};

#[tokio::test]
async fn an_instance_becomes_a_role_of_another_account() {
    let sandbox = Sandbox::scenario().start().unwrap();
    let chain = from_instance(&sandbox).hop(hop_b()).build().unwrap();

    let credentials = chain.provide_credentials().await.unwrap();

    assert!(credentials.access_key_id().starts_with("ASIA"), "{}", credentials.access_key_id());
    assert!(credentials.session_token().is_some());
    let life = credentials.expiry().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(life > Duration::from_secs(3_590) && life <= Duration::from_secs(3_600), "{life:?}");
    assert_eq!(
        asked(&sandbox),
        ["ImdsToken", "ImdsRole", "ImdsCredentials", "IMDS /latest/meta-data/instance-id", "AssumeRole RoleB"]
    );
    let call = sandbox.requests().pop().unwrap();
    assert!(call.is_tls());
    assert!(call.caller().unwrap().starts_with("arn:aws:sts::111111111111:assumed-role/RoleA/i-"));
    // The name that CloudTrail will show: the program and the instance.
    let name = call.parameter("RoleSessionName").unwrap();
    assert!(name.ends_with("@i-0123456789abcdef0") && name.starts_with("it"), "{name}");
}

#[tokio::test]
async fn a_profile_is_taken_as_it_stands() {
    let sandbox = Sandbox::scenario().start().unwrap();
    let chain = RoleChain::from_profile("b").environment(sandbox.env()).build().unwrap();
    assert_eq!(chain.region().map(AsRef::as_ref), Some("ap-northeast-1"));
    chain.credentials().await.unwrap();
    assert_eq!(sandbox.count(Step::AssumeRole), 1);

    // AWS_PROFILE chooses it for a chain that starts where the environment says.
    let environment = sandbox.env().into_iter().chain([("AWS_PROFILE".to_owned(), "b".to_owned())]);
    let chain = RoleChain::from_env().environment(environment).build().unwrap();
    chain.credentials().await.unwrap();
    assert_eq!(chain.hops()[0].role().name(), "RoleB");

    // Without it, it is the instance's role.
    let chain = RoleChain::from_env().environment(sandbox.env()).build().unwrap();
    assert!(chain.hops().is_empty());
    chain.credentials().await.unwrap();
}

#[tokio::test]
async fn a_walk_shows_each_step_and_spares_the_calls() {
    let sandbox = world().start().unwrap();
    let chain = from_instance(&sandbox).hop(hop_b()).hop(hop_c().session_name("walker")).build().unwrap();

    let mut shown = Vec::new();
    let steps = chain.walk_with(|step| shown.push(step.label().to_owned())).await;

    assert_eq!(shown, ["IMDS", "hop 1 of 2", "hop 2 of 2"]);
    assert!(steps.iter().all(|step| step.is_ok() && step.expiry().is_some() && step.elapsed() > Duration::ZERO));
    let principal = |index: usize| steps[index].principal().unwrap();
    assert_eq!(principal(0), "arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0");
    assert!(principal(1).starts_with("arn:aws:sts::222222222222:assumed-role/RoleB/"));
    assert_eq!(principal(2), "arn:aws:sts::222222222222:assumed-role/RoleC/walker");
    assert_eq!(steps[0].target(), None);
    assert_eq!(steps[2].target(), Some("arn:aws:iam::222222222222:role/deploy/RoleC"));

    sandbox.clear_requests();
    chain.credentials().await.unwrap();
    chain.walk().await;
    assert_eq!(asked(&sandbox), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_make_one_call_a_hop() {
    let sandbox = world().start().unwrap();
    let chain = Arc::new(from_instance(&sandbox).hop(hop_b()).hop(hop_c()).build().unwrap());
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let chain = RoleChain::clone(&chain);
            tokio::spawn(async move { chain.credentials().await.unwrap().access_key_id().to_owned() })
        })
        .collect();
    let mut keys = Vec::new();
    for task in tasks {
        keys.push(task.await.unwrap());
    }
    keys.dedup();
    assert_eq!(keys.len(), 1);
    assert_eq!(sandbox.count(Step::ImdsCredentials), 1);
    assert_eq!(sandbox.count(Step::AssumeRole), 2);
}

#[tokio::test]
async fn a_refused_hop_is_named_with_who_asked_and_what_to_look_at() {
    let sandbox = world().start().unwrap();
    let chain = from_instance(&sandbox).hop(hop_b().external_id("not-the-one")).hop(hop_c()).build().unwrap();

    let error = chain.provide_credentials().await.unwrap_err();

    let error = Error::find(&error).expect("this crate's error");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.step(), Some("hop 1 of 2"));
    assert_eq!(error.code(), Some("AccessDenied"));
    assert_eq!(error.target(), Some("arn:aws:iam::222222222222:role/RoleB"));
    assert_eq!(error.principal(), Some("arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0"));
    assert_eq!(
        error.to_string(),
        "hop 1 of 2: STS does not let arn:aws:sts::111111111111:assumed-role/RoleA/i-0123456789abcdef0 assume \
         arn:aws:iam::222222222222:role/RoleB (AccessDenied)"
    );
    for part in ["arn:aws:iam::111111111111:role/RoleA", "external ID", "sts:AssumeRole", "account 222222222222"] {
        assert!(error.help().contains(part), "{part}: {}", error.help());
    }
    assert!(!error.is_retryable());
}
