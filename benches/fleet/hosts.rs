//! What a host does: get credentials, ask the repository, wait, and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use role_chain::{Credentials, ProvideCredentials, RoleChain, backoff};
use tokio::time::{Instant, sleep};

use crate::service::{Service, Throttled};

/// From one look for a new commit to the next.
const EVERY: Duration = Duration::from_secs(120);
/// A call's way there and back.
const LATENCY: Duration = Duration::from_millis(50);
/// How long a session of a chained role lasts at most.
const SESSION: Duration = Duration::from_secs(3_600);
/// The SDK's standard retries: so many attempts, and before each further one a random part of a second, doubled each time.
const SDK_ATTEMPTS: u32 = 3;
/// What a script without backoff waits before it tries again.
const FIXED_WAIT: Duration = Duration::from_secs(5);
/// Requests of a clone, and of a look at the refs that finds nothing new, as `deploy` has it.
const CLONE: u32 = 2;
const LOOK: u32 = 1;
/// The `RandomizedDelaySec` of the timer.
const TIMER_SPREAD: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The SDK's own provider, asked for each git request; a new clone each time; a fixed wait after a failure.
    Without,
    /// A `RoleChain`, `backoff` after a failure, and a look at the refs before a clone.
    With,
    /// The same, begun by the timer of `examples/instance`.
    WithTimer,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Without => "without cache and backoff",
            Self::With => "deploy",
            Self::WithTimer => "deploy, begun by the timer",
        }
    }
}

#[derive(Clone)]
pub(crate) struct World {
    sts: Arc<Service>,
    codecommit: Arc<Service>,
    start: Instant,
    /// Milliseconds until the last first deployment.
    ready: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new(sts: Arc<Service>, codecommit: Arc<Service>) -> Self {
        Self { sts, codecommit, start: Instant::now(), ready: Arc::default() }
    }

    pub(crate) fn ready(&self) -> Duration {
        Duration::from_millis(self.ready.load(Ordering::Relaxed))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.start.elapsed()
    }

    /// A host's life.
    pub(crate) async fn host(self, way: Way, seed: u64) {
        let dice = Dice::new(seed);
        let role = Role { world: self.clone(), dice: dice.clone() };
        let (clock, jitter) = (self.clone(), dice.clone());
        let chain = RoleChain::from_provider(role.clone())
            .environment([("", ""); 0])
            .clock(move || clock.now())
            .jitter(move || jitter.roll())
            .refresh_in_foreground()
            .build()
            .expect("a chain of a provider alone breaks no rule");
        let mut first = true;
        loop {
            if way == Way::WithTimer {
                sleep(TIMER_SPREAD.mul_f64(dice.roll())).await;
            }
            match way {
                Way::Without => {
                    while self.clone_without(&role).await.is_err() {
                        sleep(FIXED_WAIT).await;
                    }
                }
                Way::With | Way::WithTimer => {
                    let mut failures = 0;
                    while self.ask(&chain, if first { CLONE } else { LOOK }).await.is_err() {
                        failures += 1;
                        sleep(backoff(failures, dice.roll())).await;
                    }
                }
            }
            if first {
                self.ready.fetch_max(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
                first = false;
            }
            sleep(EVERY).await;
        }
    }

    async fn clone_without(&self, role: &Role) -> Result<(), Throttled> {
        for _ in 0..CLONE {
            role.provide_credentials().await.map_err(|_| Throttled)?;
            self.request().await?;
        }
        Ok(())
    }

    async fn ask(&self, chain: &RoleChain, requests: u32) -> Result<(), Throttled> {
        chain.credentials().await.map_err(|error| {
            assert!(error.is_retryable(), "{error}");
            Throttled
        })?;
        for _ in 0..requests {
            self.request().await?;
        }
        Ok(())
    }

    async fn request(&self) -> Result<(), Throttled> {
        sleep(LATENCY).await;
        self.codecommit.call()
    }
}

/// RoleB, as STS gives it out: what `AssumeRole` through the SDK's client does.
#[derive(Clone)]
struct Role {
    world: World,
    dice: Dice,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Role")
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        aws_credential_types::provider::future::ProvideCredentials::new(async {
            for attempt in 0..SDK_ATTEMPTS {
                if attempt > 0 {
                    sleep(Duration::from_secs(1 << (attempt - 1)).mul_f64(self.dice.roll())).await;
                }
                sleep(LATENCY).await;
                if self.world.sts.call().is_ok() {
                    let expiry = self.world.now() + SESSION;
                    return Ok(Credentials::new("ASIAEXAMPLE", "secret", Some("token".into()), Some(expiry), "STS"));
                }
            }
            Err(aws_credential_types::provider::error::CredentialsError::provider_timed_out(LATENCY))
        })
    }
}

/// A host's own random numbers, from 0 up to 1 (SplitMix64).
#[derive(Clone)]
struct Dice(Arc<AtomicU64>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    fn roll(&self) -> f64 {
        let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
