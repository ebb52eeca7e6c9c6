//! The course of credentials, on manual time: replaced ahead, kept while replacing fails, and never served once they have expired.

use std::time::Duration;

use codecommit_sandbox::{Effect, Fault, Sandbox, Step};
use role_chain::{ErrorKind, ProvideCredentials as _, RoleChain};

use crate::support::{
    Time, asked, from_instance, from_instance_without_retries, from_user, hop_b, hop_c, key, until, world,
};

fn chain_to_b(sandbox: &Sandbox) -> (Time, RoleChain) {
    let time = Time::new();
    let chain = time.set(from_instance_without_retries(sandbox)).hop(hop_b()).build().unwrap();
    (time, chain)
}

/// The counts of the last hop.
fn counts(chain: &RoleChain) -> role_chain::Counters {
    chain.counters().pop().unwrap()
}

#[tokio::test]
async fn credentials_are_replaced_in_the_background_in_the_last_quarter_of_their_life() {
    let sandbox = world().start().unwrap();
    let (time, chain) = chain_to_b(&sandbox);
    let first = key(&chain).await;

    time.go_to(&sandbox, 2_690);
    assert_eq!(key(&chain).await, first);
    assert_eq!(sandbox.count(Step::AssumeRole), 1);

    sandbox.clear_requests();
    time.go_to(&sandbox, 2_890);
    // A thousand who ask meanwhile all get what is there, and cause one call.
    for _ in 0..1_000 {
        assert_eq!(key(&chain).await, first);
    }
    until(|| counts(&chain).calls == 2 && sandbox.count(Step::AssumeRole) == 1).await;
    until(|| futures_now(&chain) != first).await;
    // The step before is not touched: its credentials are good for hours.
    assert_eq!(asked(&sandbox), ["AssumeRole RoleB"]);
    let counts = counts(&chain);
    assert_eq!((counts.calls, counts.ahead, counts.failures, counts.served_after_failure), (2, 1, 0, 0));
}

#[tokio::test]
async fn the_spread_of_refreshes_is_as_the_caller_draws_it() {
    for (drawn, due) in [(0.0, 2_700), (0.5, 2_790), (1.0, 2_880)] {
        let sandbox = world().start().unwrap();
        let time = Time::new();
        let chain = time.set(from_instance_without_retries(&sandbox)).jitter(move || drawn).hop(hop_b());
        let chain = chain.build().unwrap();
        key(&chain).await;
        // The sandbox gives whole seconds.
        time.go_to(&sandbox, due - 2);
        key(&chain).await;
        assert_eq!(counts(&chain).ahead, 0, "{drawn}");
        time.go_to(&sandbox, due + 1);
        key(&chain).await;
        assert_eq!(counts(&chain).ahead, 1, "{drawn}");
    }
}

/// The key that is served now; the future of a chain with something to serve never waits.
fn futures_now(chain: &RoleChain) -> String {
    let mut future = std::pin::pin!(chain.credentials());
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(context) {
        std::task::Poll::Ready(credentials) => credentials.unwrap().access_key_id().to_owned(),
        std::task::Poll::Pending => panic!("had to wait"),
    }
}

#[tokio::test]
async fn what_is_valid_is_served_while_sts_fails_and_what_expired_is_not() {
    let sandbox = world().start().unwrap();
    let (time, chain) = chain_to_b(&sandbox);
    let first = key(&chain).await;
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle));

    time.go_to(&sandbox, 3_000);
    assert_eq!(key(&chain).await, first);
    until(|| counts(&chain).failures == 1).await;
    // Within the pause nobody is asked again.
    for _ in 0..10 {
        assert_eq!(key(&chain).await, first);
    }
    assert_eq!(counts(&chain).calls, 2);
    assert_eq!(counts(&chain).served_after_failure, 10);

    // After it, once more; pauses grow.
    time.go_to(&sandbox, 3_003);
    assert_eq!(key(&chain).await, first);
    until(|| counts(&chain).failures == 2).await;
    time.go_to(&sandbox, 3_004);
    assert_eq!(key(&chain).await, first);
    assert_eq!(counts(&chain).calls, 3);

    // In the last minute callers wait for new ones, and still get the old where there are none.
    time.go_to(&sandbox, 3_590);
    assert_eq!(key(&chain).await, first);
    assert_eq!(counts(&chain).failures, 3);

    time.go_to(&sandbox, 3_630);
    let error = chain.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(error.is_retryable());
    assert!(chain.fallback_on_interrupt().is_none());

    sandbox.clear_faults();
    assert_ne!(key(&chain).await, first);
}

#[tokio::test]
async fn valid_credentials_outlive_the_metadata_service() {
    let sandbox = world().instance_session(Duration::from_secs(1_800)).start().unwrap();
    let (time, chain) = chain_to_b(&sandbox);
    let first = key(&chain).await;
    sandbox.set_imds_enabled(false);
    // The instance's credentials have expired, the hop's are due: replacing them fails at the base.
    time.go_to(&sandbox, 3_000);
    assert_eq!(key(&chain).await, first);
    until(|| counts(&chain).failures == 1).await;
    time.go_to(&sandbox, 3_599);
    assert_eq!(key(&chain).await, first);
    time.go_to(&sandbox, 3_630);
    let error = chain.credentials().await.unwrap_err();
    assert_eq!((error.kind(), error.step()), (ErrorKind::ImdsDisabled, Some("IMDS")));
}

#[tokio::test]
async fn a_later_hops_refresh_leaves_earlier_ones_alone_while_they_are_valid() {
    let sandbox = world().start().unwrap();
    let time = Time::new();
    let chain = time.set(from_instance(&sandbox)).hop(hop_b()).hop(hop_c().duration(Duration::from_secs(900)));
    let chain = chain.build().unwrap();
    key(&chain).await;
    for round in 1..4 {
        sandbox.clear_requests();
        time.go_to(&sandbox, round * 895);
        key(&chain).await;
        assert_eq!(asked(&sandbox), ["AssumeRole RoleC"], "round {round}");
    }
    // Hop 1 is about to expire now, and only now it is taken again; the instance's credentials are still good.
    sandbox.clear_requests();
    time.go_to(&sandbox, 3_580);
    key(&chain).await;
    assert_eq!(asked(&sandbox), ["AssumeRole RoleB", "AssumeRole RoleC"]);
}

#[tokio::test]
async fn a_caller_may_ask_for_a_life_and_gets_it_or_an_error() {
    let sandbox = world().start().unwrap();
    let (time, chain) = chain_to_b(&sandbox);
    let first = key(&chain).await;

    time.go_to(&sandbox, 1_000);
    let life = |seconds| chain.credentials_lasting(Duration::from_secs(seconds));
    assert_eq!(life(2_500).await.unwrap().access_key_id(), first);
    let renewed = life(3_000).await.unwrap();
    assert_ne!(renewed.access_key_id(), first);
    assert_eq!(sandbox.count(Step::AssumeRole), 2);

    // What no session of this hop can give is refused without a call.
    let error = life(3_700).await.unwrap_err();
    assert_eq!((error.kind(), error.step()), (ErrorKind::TooShort, Some("hop 1 of 1")));
    assert_eq!(
        error.to_string(),
        "hop 1 of 1: credentials that last more than 3700 seconds were asked for, and they last 3600"
    );
    assert_eq!(sandbox.count(Step::AssumeRole), 2);
    // Nor does a failure to renew make short ones long.
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle));
    time.go_to(&sandbox, 2_000);
    assert_eq!(life(3_000).await.unwrap_err().kind(), ErrorKind::Throttled);
    assert!(life(2_000).await.is_ok());
}

#[tokio::test]
async fn sessions_shorter_than_asked_for_are_found_too_short() {
    let sandbox = world().longest_sessions(Duration::from_secs(100)).start().unwrap();
    let (_, chain) = chain_to_b(&sandbox);
    let error = chain.credentials_lasting(Duration::from_secs(200)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooShort);
    assert!(error.to_string().contains("more than 200 seconds were asked for, and they last "), "{error}");
}

#[tokio::test]
async fn a_host_whose_clock_is_off_goes_by_the_services_clock() {
    for offset in [-7 * 3_600, -3_600, 3_600, 7 * 3_600] {
        let sandbox = world().clock_offset(offset).start().unwrap();
        let time = Time::new();
        let chain = time.set(from_instance(&sandbox)).hop(hop_b()).build().unwrap();
        let first = key(&chain).await;
        time.go_to(&sandbox, 2_600);
        assert_eq!(key(&chain).await, first, "{offset}: still fresh");
        assert_eq!(sandbox.requests().iter().filter(|r| r.status() == Some(200)).count(), 5, "{offset}");
        time.go_to(&sandbox, 3_630);
        assert_ne!(key(&chain).await, first, "{offset}: expired");
        let service = chain.service_time().unwrap();
        let ahead = service
            .duration_since(time.now())
            .map_or_else(|e| -(e.duration().as_secs() as i64), |d| d.as_secs() as i64);
        assert!((ahead - offset).abs() <= 20, "{offset}: {ahead}");
    }
}

#[tokio::test]
async fn a_wrong_date_header_does_no_harm() {
    let steps = [Step::AssumeRole, Step::ImdsCredentials];
    for (off, step) in [-86_400, 86_400].into_iter().flat_map(|off| steps.map(|step| (off, step))) {
        let sandbox = world().start().unwrap();
        let time = Time::new();
        let chain = time.set(from_instance(&sandbox)).hop(hop_b()).build().unwrap();
        sandbox.set_fault(Fault::new(step, Effect::DateOff(off)).times(1));
        let first = key(&chain).await;
        assert_eq!(key(&chain).await, first);
        time.go_to(&sandbox, 3_630);
        assert_ne!(key(&chain).await, first);
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_call_for_others() {
    let sandbox = world().start().unwrap();
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Delay(Duration::from_millis(150))).times(1));
    let chain = from_instance(&sandbox).hop(hop_b()).build().unwrap();
    let impatient = tokio::time::timeout(Duration::from_millis(50), chain.credentials()).await;
    assert!(impatient.is_err());
    key(&chain).await;
    assert_eq!(sandbox.count(Step::AssumeRole), 1);
}

#[test]
fn a_call_whose_runtime_ended_is_made_again_by_who_waits_for_it() {
    let sandbox = world().start().unwrap();
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Stall).times(1));
    let chain = from_instance(&sandbox).hop(hop_b()).build().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let gone = tokio::time::timeout(Duration::from_millis(100), chain.credentials()).await;
        assert!(gone.is_err());
    });
    drop(first);
    runtime().block_on(key(&chain));
    assert_eq!(counts(&chain).calls, 2);
}

#[test]
fn without_a_runtime_keys_at_hand_still_work_and_the_rest_says_so() {
    let sandbox = world().start().unwrap();
    let mut environment = sandbox.env();
    environment.push(("AWS_ACCESS_KEY_ID".into(), "AKIAEXAMPLE".into()));
    environment.push(("AWS_SECRET_ACCESS_KEY".into(), "secret".into()));
    let chain = RoleChain::from_environment_keys().environment(environment).build().unwrap();
    assert_eq!(futures_now(&chain), "AKIAEXAMPLE");

    let chain = from_instance(&sandbox).build().unwrap();
    let mut future = std::pin::pin!(chain.credentials());
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(error)) = future.as_mut().poll(context) else { panic!("waited, or worked") };
    assert_eq!(error.kind(), ErrorKind::NoRuntime);
}

#[tokio::test]
async fn mfa_is_asked_for_when_there_is_nothing_left_to_serve_and_not_before() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let sandbox = world().start().unwrap();
    let time = Time::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let hop = hop_b().mfa(crate::support::MFA, move |serial| {
        assert_eq!(serial, crate::support::MFA);
        count.fetch_add(1, Ordering::SeqCst);
        Ok("970418\n".into())
    });
    let chain = time.set(from_user(&sandbox)).hop(hop).build().unwrap();
    let first = key(&chain).await;
    for second in [2_900, 3_595] {
        time.go_to(&sandbox, second);
        assert_eq!(key(&chain).await, first);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    time.go_to(&sandbox, 3_630);
    assert_ne!(key(&chain).await, first);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_cache_on_top_is_told_when_to_come_back() {
    let sandbox = world().start().unwrap();
    let (time, chain) = chain_to_b(&sandbox);
    let seconds = |credentials: role_chain::Credentials| {
        credentials.expiry().unwrap().duration_since(time.start()).unwrap().as_secs()
    };

    assert!(seconds(chain.provide_credentials().await.unwrap()).abs_diff(3_600) <= 5);
    let early = seconds(chain.early().provide_credentials().await.unwrap());
    assert!((2_695..=2_890).contains(&early), "{early}");
    // While they are being replaced it is told to come back soon.
    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle));
    time.go_to(&sandbox, 3_000);
    assert_eq!(seconds(chain.early().provide_credentials().await.unwrap()), 3_030);
    time.go_to(&sandbox, 3_590);
    assert!(seconds(chain.early().provide_credentials().await.unwrap()).abs_diff(3_600) <= 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_tasks_make_one_call_a_hop_in_each_lifetime() {
    let sandbox = world().start().unwrap();
    let time = Time::new();
    let chain = time.set(from_instance(&sandbox)).hop(hop_b()).hop(hop_c()).build().unwrap();
    let mut before = String::new();
    // At the start, when all is due, and when all has expired.
    for (lifetime, second) in [0, 3_000, 6_700].into_iter().enumerate() {
        time.go_to(&sandbox, second);
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let chain = chain.clone();
                tokio::spawn(async move { key(&chain).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        until(|| counts(&chain).calls == lifetime as u64 + 1).await;
        // Where it is in the background, it lands a little later.
        until(|| futures_now(&chain) != before).await;
        before = futures_now(&chain);
    }
    let calls: Vec<_> = chain.counters().iter().map(|step| step.calls).collect();
    // The first hop was good for the second lifetime of the last, and had expired for the third.
    assert_eq!(calls, [1, 2, 3]);
    assert_eq!(sandbox.count(Step::AssumeRole), 5);
}
