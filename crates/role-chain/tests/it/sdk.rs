//! Under an SDK client, which has an identity cache of its own, on manual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::provider::future;
use aws_sdk_sts::config::BehaviorVersion;
use aws_smithy_async::rt::sleep::TokioSleep;
use codecommit_sandbox::{Effect, Fault, Sandbox, Step};
use role_chain::{ProvideCredentials, Region, RoleChain};

use crate::support::{Time, from_instance_without_retries, hop_b, until, world};

/// A provider that counts how often it is asked.
#[derive(Debug, Clone)]
struct Asked<P>(P, Arc<AtomicUsize>);

impl<P: ProvideCredentials> ProvideCredentials for Asked<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.provide_credentials()
    }
}

struct Client {
    client: aws_sdk_sts::Client,
    asked: Arc<AtomicUsize>,
}

impl Client {
    fn new(sandbox: &Sandbox, time: &Time, provider: impl ProvideCredentials + 'static) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-1"))
            .endpoint_url(sandbox.sts_http_endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .sleep_impl(TokioSleep::new())
            .time_source(time.clone())
            .credentials_provider(Asked(provider, asked.clone()));
        Self { client: aws_sdk_sts::Client::from_conf(config.build()), asked }
    }

    /// Any call, made with the chain's credentials.
    async fn call(&self) {
        let identity = self.client.get_caller_identity().send().await.unwrap();
        assert!(identity.arn().unwrap().starts_with("arn:aws:sts::222222222222:assumed-role/RoleB/"));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn set_up() -> (Sandbox, Time, RoleChain) {
    let sandbox = world().start().unwrap();
    let time = Time::new();
    let chain = time.set(from_instance_without_retries(&sandbox)).hop(hop_b()).build().unwrap();
    (sandbox, time, chain)
}

#[tokio::test]
async fn a_client_comes_back_just_before_expiry_and_gets_new_credentials() {
    let (sandbox, time, chain) = set_up();
    let client = Client::new(&sandbox, &time, chain);
    for second in [0, 1_000, 3_500] {
        time.go_to(&sandbox, second);
        client.call().await;
    }
    assert_eq!((client.asked(), sandbox.count(Step::AssumeRole)), (1, 1));
    time.go_to(&sandbox, 3_599);
    client.call().await;
    assert_eq!((client.asked(), sandbox.count(Step::AssumeRole)), (2, 2));
    time.go_to(&sandbox, 7_000);
    client.call().await;
    assert_eq!(client.asked(), 2);
}

#[tokio::test]
async fn told_of_an_early_expiry_it_has_them_replaced_in_the_background() {
    let (sandbox, time, chain) = set_up();
    let client = Client::new(&sandbox, &time, chain.early());
    client.call().await;
    time.go_to(&sandbox, 2_600);
    client.call().await;
    assert_eq!((client.asked(), sandbox.count(Step::AssumeRole)), (1, 1));

    // From the time of replacement on it asks, is served at once, and the replacement comes behind its back.
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle).times(1));
    time.go_to(&sandbox, 2_890);
    client.call().await;
    assert_eq!(client.asked(), 2);
    until(|| chain.counters()[1].failures == 1).await;
    // The first try failed: nobody noticed, and the next succeeds.
    time.go_to(&sandbox, 2_925);
    client.call().await;
    until(|| chain.counters()[1].ahead == 2 && sandbox.count(Step::AssumeRole) == 3).await;
    until(|| chain.counters()[1].calls == 3).await;
    time.go_to(&sandbox, 2_960);
    client.call().await;
    // Long after the first credentials died.
    time.go_to(&sandbox, 5_000);
    client.call().await;
    assert_eq!((sandbox.count(Step::AssumeRole), chain.counters()[1].failures), (3, 1));
}

#[tokio::test]
async fn a_client_goes_on_with_what_is_valid_while_sts_fails() {
    let (sandbox, time, chain) = set_up();
    let client = Client::new(&sandbox, &time, chain.early());
    client.call().await;
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle));
    for second in (2_900..3_599).step_by(100) {
        time.go_to(&sandbox, second);
        client.call().await;
    }
    assert!(chain.counters()[1].failures > 0);
    time.go_to(&sandbox, 3_630);
    let error = client.client.get_caller_identity().send().await.unwrap_err();
    let error = role_chain::Error::find(&error).expect("the chain's own error, within the client's");
    assert_eq!(error.kind(), role_chain::ErrorKind::Throttled);
}
