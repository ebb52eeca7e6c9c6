//! The world that the tests share, and how they look at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use codecommit_sandbox::scenario::{ACCOUNT_A, ACCOUNT_B, EXTERNAL_ID};
use codecommit_sandbox::{Role, Sandbox, SandboxBuilder, Step, User};
use role_chain::{Credentials, Hop, RoleArn, RoleChain, RoleChainBuilder};

pub(crate) const ROLE_B: &str = "arn:aws:iam::222222222222:role/RoleB";
pub(crate) const ROLE_C: &str = "arn:aws:iam::222222222222:role/deploy/RoleC";
/// An identity provider whose tokens RoleW trusts.
pub(crate) const PROVIDER: &str = "oidc.example.com/id/1";
pub(crate) const MFA: &str = "arn:aws:iam::111111111111:mfa/dana";

/// The scenario, with a third role that RoleB may assume, a role for those with a token, and a user who may assume RoleB. Containers have RoleA as well.
pub(crate) fn world() -> SandboxBuilder {
    let role_a = Role::new(ACCOUNT_A, "RoleA").trusts("ec2.amazonaws.com").allows("sts:AssumeRole", ROLE_B);
    let role_b = Role::new(ACCOUNT_B, "RoleB")
        .trusts(ACCOUNT_A)
        .external_id(EXTERNAL_ID)
        .max_session(Duration::from_secs(12 * 3_600))
        .allows("sts:AssumeRole", ROLE_C);
    let role_c = Role::new(ACCOUNT_B, "RoleC").path("/deploy/").trusts(ROLE_B);
    let role_w = Role::new(ACCOUNT_A, "RoleW")
        .trusts(format!("arn:aws:iam::{ACCOUNT_A}:oidc-provider/{PROVIDER}"))
        .max_session(Duration::from_secs(7_200))
        .allows("sts:AssumeRole", ROLE_B);
    let user = User::new(ACCOUNT_A, "dana").allows("sts:AssumeRole", ROLE_B).mfa_code("970418");
    let builder = Sandbox::builder().role(role_a).role(role_b).role(role_c).role(role_w).user(user);
    builder.instance_role("RoleA").task_role("RoleA")
}

pub(crate) fn hop_b() -> Hop {
    Hop::new(role(ROLE_B)).external_id(EXTERNAL_ID)
}

pub(crate) fn hop_c() -> Hop {
    Hop::new(role(ROLE_C))
}

pub(crate) fn role(arn: &str) -> RoleArn {
    RoleArn::parse(arn).expect("a role's ARN")
}

/// A chain from the instance that sees of the environment only what the sandbox puts there.
pub(crate) fn from_instance(sandbox: &Sandbox) -> RoleChainBuilder {
    RoleChain::from_instance().environment(sandbox.env())
}

/// The same, where a call that fails is not tried again by the SDK.
pub(crate) fn from_instance_without_retries(sandbox: &Sandbox) -> RoleChainBuilder {
    RoleChain::from_instance().environment(without_retries(sandbox))
}

pub(crate) fn without_retries(sandbox: &Sandbox) -> impl Iterator<Item = (String, String)> {
    sandbox.env().into_iter().chain([("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned())])
}

/// A chain from the long-lived keys of the user.
pub(crate) fn from_user(sandbox: &Sandbox) -> RoleChainBuilder {
    let keys = sandbox.user_keys("dana").expect("the user's keys");
    let credentials = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "test");
    RoleChain::from_provider(credentials).environment(without_retries(sandbox))
}

/// What was asked of the sandbox so far, in order; of `AssumeRole` with the name of the role.
pub(crate) fn asked(sandbox: &Sandbox) -> Vec<String> {
    sandbox
        .requests()
        .iter()
        .map(|request| match request.step() {
            Step::AssumeRole => {
                let arn = request.parameter("RoleArn").unwrap_or_default();
                format!("AssumeRole {}", arn.rsplit('/').next().unwrap_or_default())
            }
            Step::ImdsOther => format!("IMDS {}", request.path()),
            step => format!("{step:?}"),
        })
        .collect()
}

/// A clock that stands still until it is moved, together with the sandbox's.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    start: SystemTime,
    passed: Arc<AtomicU64>,
}

impl Time {
    pub(crate) fn new() -> Self {
        Self { start: SystemTime::now(), passed: Arc::default() }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.start + Duration::from_secs(self.passed.load(Ordering::SeqCst))
    }

    pub(crate) fn start(&self) -> SystemTime {
        self.start
    }

    /// Moves to so many seconds after the start.
    pub(crate) fn go_to(&self, sandbox: &Sandbox, second: u64) {
        let before = self.passed.swap(second, Ordering::SeqCst);
        sandbox.advance_clock(Duration::from_secs(second - before));
    }

    pub(crate) fn set(&self, builder: RoleChainBuilder) -> RoleChainBuilder {
        let time = self.clone();
        builder.clock(move || time.now())
    }
}

impl aws_smithy_async::time::TimeSource for Time {
    fn now(&self) -> SystemTime {
        Time::now(self)
    }
}

/// Waits for what a task in the background does.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited for too long");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) async fn key(chain: &RoleChain) -> String {
    chain.credentials().await.expect("credentials").access_key_id().to_owned()
}
