use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_types::region::Region;
use tokio::sync::{OnceCell, watch};
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use crate::clock::Clock;
use crate::error::{Cause, Error, ErrorKind};
use crate::hop::{Hop, Mfa};
use crate::imds::{self, Imds};
use crate::limits;
use crate::plan::{Base, Plan};
use crate::remedy;
use crate::schedule::{self, Schedule, Standing};
use crate::slot::{Flight, Lease, Outcome, Slot};
use crate::sts::{self, Sts};
use crate::sts_failure::{Failure, What};

/// Credentials of the last role of a chain: a base identity, then any number of `AssumeRole` hops.
///
/// Each step keeps its own credentials. However many tasks ask at once, each hop is assumed once per lifetime, and refreshing a later one touches no
/// earlier one that is still valid. A refresh starts in the background before credentials expire; while it fails, those that are still valid are served,
/// and expired ones never.
///
/// Clones share everything. Nothing is asked of anyone before the first call.
#[derive(Clone)]
pub struct RoleChain {
    pub(crate) core: Arc<Core>,
}

pub(crate) struct Core {
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    /// One for the base, then one for each hop.
    slots: Vec<Slot>,
    imds: OnceLock<Imds>,
    sts: OnceCell<Sts>,
    /// What default session names end with.
    host: OnceCell<String>,
}

impl RoleChain {
    pub(crate) fn new(plan: Plan, clock: Clock) -> Self {
        let slots = (0..=plan.hops.len()).map(|_| Slot::default()).collect();
        Self {
            core: Arc::new(Core {
                plan,
                clock,
                slots,
                imds: OnceLock::new(),
                sts: OnceCell::new(),
                host: OnceCell::new(),
            }),
        }
    }

    /// The credentials of the chain's last role, from memory where they are there.
    ///
    /// # Errors
    /// An [`Error`] that names the step at fault.
    pub async fn credentials(&self) -> Result<Credentials, Error> {
        self.credentials_lasting(Duration::ZERO).await
    }

    /// The credentials of the chain's last role, good for more than `life` from now: a long clone wants to know beforehand.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] where no session of that role can last so long; else as for [`credentials`](Self::credentials).
    pub async fn credentials_lasting(&self, life: Duration) -> Result<Credentials, Error> {
        let last = self.core.plan.hops.len();
        let lease = self.core.lease(last, life).await?;
        Ok(lease.credentials.clone())
    }

    /// The region that the caller, the environment or the profile names, in this order.
    pub fn region(&self) -> Option<&Region> {
        self.core.plan.region.as_ref()
    }

    /// The hops, in the order in which they are taken, those of the profile first.
    pub fn hops(&self) -> &[Hop] {
        &self.core.plan.hops
    }
}

impl Core {
    /// Credentials of the step at `level` that are good for more than `life` from now.
    pub(crate) async fn lease(self: &Arc<Self>, level: usize, life: Duration) -> Outcome {
        let slot = &self.slots[level];
        let now = self.clock.now();
        let Some(lease) = slot.lease().filter(|lease| lease.schedule.lasts(now, life)) else {
            return self.renew(level, life).await;
        };
        match lease.schedule.standing(now) {
            // Nobody is asked for digits while there is something to serve.
            Standing::Due | Standing::Urgent if self.is_interactive(level) => Ok(lease),
            Standing::Fresh => Ok(lease),
            Standing::Due => {
                self.refresh_in_background(level);
                Ok(lease)
            }
            Standing::Urgent if slot.calls().is_pausing(now) => Ok(lease),
            Standing::Urgent => match self.renew(level, life).await {
                Ok(renewed) => Ok(renewed),
                // Still better than nothing, unless the wait outlasted it.
                Err(error) if !lease.schedule.lasts(self.clock.now(), life) => Err(error),
                Err(error) => {
                    tracing::warn!(step = %self.plan.step(level), %error, "serving credentials that are still valid");
                    Ok(lease)
                }
            },
            Standing::Expired => self.renew(level, life).await,
        }
    }

    fn is_interactive(&self, level: usize) -> bool {
        level > 0 && self.plan.hops[level - 1].mfa.is_some()
    }

    /// Waits for new credentials, and sees that they last.
    async fn renew(self: &Arc<Self>, level: usize, life: Duration) -> Outcome {
        self.check_attainable(level, life)?;
        let lease = self.fly(level).await?;
        let now = self.clock.now();
        if lease.schedule.lasts(now, life) {
            return Ok(lease);
        }
        let left = lease.schedule.remaining(now).unwrap_or_default();
        Err(too_short(self.plan.step(level), life, left))
    }

    /// Refuses, before any call, a life that the hop's duration rules out.
    fn check_attainable(&self, level: usize, life: Duration) -> Result<(), Error> {
        let Some(hop) = level.checked_sub(1).map(|index| &self.plan.hops[index]) else {
            return Ok(());
        };
        let whole = hop.duration.unwrap_or(limits::DURATION_DEFAULT);
        match life < whole {
            true => Ok(()),
            false => Err(too_short(self.plan.step(level), life, whole).with_target(hop.role.as_str())),
        }
    }

    /// Starts a call, or joins the one that is under way.
    async fn fly(self: &Arc<Self>, level: usize) -> Outcome {
        let mut flight = self.start(level);
        let outcome = match flight.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        outcome.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Interrupted, "the call was cut short")
                .at(self.plan.step(level))
                .with_help("Its runtime ended while others waited for it: ask again."))
        })
    }

    fn refresh_in_background(self: &Arc<Self>, level: usize) {
        let now = self.clock.now();
        {
            let calls = self.slots[level].calls();
            if calls.is_pausing(now) || calls.under_way().is_some() {
                return;
            }
        }
        // Without a runtime there is no background: the caller that finds them urgent will wait.
        if tokio::runtime::Handle::try_current().is_ok() {
            drop(self.start(level));
        }
    }

    /// The flight under way, or a new one. It flies on its own: a caller that gives up does not stop it for the others.
    fn start(self: &Arc<Self>, level: usize) -> Flight {
        let slot = &self.slots[level];
        let mut calls = slot.calls();
        if let Some(flight) = calls.under_way() {
            return flight;
        }
        let (landing, flight) = watch::channel(None);
        let core = Arc::clone(self);
        let fly = async move {
            let outcome = core.clone().fetch(level).await;
            core.slots[level].land(&outcome, core.clock.now());
            let _ = landing.send(Some(outcome));
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                calls.flight = Some(flight.clone());
                let span = tracing::debug_span!("role_chain", step = %self.plan.step(level));
                runtime.spawn(fly.instrument(span).with_current_subscriber());
            }
            // Without a runtime nothing can be asked over the network: this ends at once.
            Err(_) => {
                drop(calls);
                drop(fly);
                return self.without_runtime(level);
            }
        }
        flight
    }

    /// The outcome where there is no tokio: bases that need no network still work.
    fn without_runtime(self: &Arc<Self>, level: usize) -> Flight {
        let outcome = match (level, &self.plan.base) {
            (0, Base::Environment(credentials) | Base::ProfileKeys { credentials, .. }) => {
                Ok(Arc::new(self.lease_of(credentials.clone(), None)))
            }
            _ => Err(sts::require_runtime()
                .err()
                .unwrap_or_else(|| Error::new(ErrorKind::NoRuntime, "there is no tokio runtime"))
                .at(self.plan.step(level))),
        };
        self.slots[level].land(&outcome, self.clock.now());
        watch::channel(Some(outcome)).1
    }

    /// Gets new credentials for a step. Boxed, since a hop needs the step before it.
    fn fetch(self: Arc<Self>, level: usize) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'static>> {
        Box::pin(async move {
            let started = Instant::now();
            let outcome = match level {
                0 => self.base().await.map(|credentials| (credentials, None)),
                _ => self.assume(level).await,
            };
            let step = self.plan.step(level);
            match outcome {
                Ok((credentials, arn)) => {
                    let lease = self.lease_of(credentials, arn);
                    tracing::debug!(
                        step,
                        elapsed_ms = started.elapsed().as_millis() as u64,
                        principal = lease.principal.get().map(String::as_str),
                        "obtained credentials"
                    );
                    Ok(Arc::new(lease))
                }
                Err(error) => {
                    let error = error.at(step.clone());
                    tracing::debug!(step, elapsed_ms = started.elapsed().as_millis() as u64, %error, "obtained no credentials");
                    Err(error)
                }
            }
        })
    }

    fn lease_of(&self, credentials: Credentials, arn: Option<String>) -> Lease {
        let schedule = Schedule::new(self.clock.now(), credentials.expiry(), schedule::chance());
        Lease::new(credentials, arn, schedule)
    }

    async fn base(&self) -> Result<Credentials, Error> {
        let credentials = match &self.plan.base {
            Base::Instance => self.imds()?.credentials().await?,
            Base::Environment(credentials) => credentials.clone(),
            Base::ProfileKeys { credentials, .. } => credentials.clone(),
            Base::Provider(provider) => crate::base::from_provider(provider).await?,
        };
        match credentials.expiry() {
            Some(expiry) if expiry <= self.clock.now() => {
                Err(Error::new(ErrorKind::ExpiredCredentials, "the credentials had expired when they were handed out")
                    .with_help(
                        "Whoever issues them must renew them; or this host's clock is ahead: compare it with NTP.",
                    ))
            }
            _ => Ok(credentials),
        }
    }

    /// Takes a hop; where its source turns out to be expired, once more with a new one.
    async fn assume(self: &Arc<Self>, level: usize) -> Result<(Credentials, Option<String>), Error> {
        let hop = &self.plan.hops[level - 1];
        let source = self.lease(level - 1, Duration::ZERO).await?;
        match self.assume_with(hop, &source).await? {
            Ok(session) => Ok((session.credentials, session.arn)),
            Err(failure) if failure.what == What::Expired => {
                self.slots[level - 1].discard(&source);
                let source = self.lease(level - 1, Duration::ZERO).await?;
                match self.assume_with(hop, &source).await? {
                    Ok(session) => Ok((session.credentials, session.arn)),
                    Err(failure) => Err(self.hop_error(level, failure, &source).await),
                }
            }
            Err(failure) => Err(self.hop_error(level, failure, &source).await),
        }
    }

    async fn assume_with(&self, hop: &Hop, source: &Lease) -> Result<Result<sts::Session, Failure>, Error> {
        if source.credentials.session_token().is_some()
            && let Some(duration) = hop.duration
        {
            hop.check_chained(duration)?;
        }
        let sts = self.sts().await?;
        let name = match &hop.session_name {
            Some(name) => name.clone(),
            None => self.plan.session_name(self.host().await),
        };
        let code = match &hop.mfa {
            Some(mfa) => Some(mfa_code(mfa).await?),
            None => None,
        };
        Ok(sts.assume_role(hop, &name, code, &source.credentials).await)
    }

    async fn hop_error(&self, level: usize, failure: Failure, source: &Lease) -> Error {
        // Who asked is worth one more call where it decides what to mend, and where STS is answering at all.
        let principal = match failure.what {
            What::AccessDenied | What::Refused => self.principal(source).await.ok(),
            _ => source.principal.get().cloned(),
        };
        let hop = &self.plan.hops[level - 1];
        remedy::of_hop(failure, self.plan.step(level), principal, hop, &self.clock)
    }

    /// The ARN of whoever holds these credentials.
    pub(crate) async fn principal(&self, lease: &Lease) -> Result<String, Error> {
        if let Some(known) = lease.principal.get() {
            return Ok(known.clone());
        }
        let arn = self
            .sts()
            .await?
            .caller(&lease.credentials)
            .await
            .map_err(|failure| remedy::of_caller(failure, self.plan.step(0), &self.clock))?;
        Ok(lease.principal.get_or_init(|| arn).clone())
    }

    fn imds(&self) -> Result<&Imds, Error> {
        if let Some(imds) = self.imds.get() {
            return Ok(imds);
        }
        let imds = Imds::new(&self.plan.network, self.clock.clone())?;
        Ok(self.imds.get_or_init(|| imds))
    }

    async fn sts(&self) -> Result<&Sts, Error> {
        self.sts
            .get_or_try_init(|| async {
                let region = match &self.plan.region {
                    Some(region) => region.clone(),
                    None => self.region_of_instance().await,
                };
                Sts::new(&self.plan.network, region, self.clock.clone())
            })
            .await
    }

    async fn region_of_instance(&self) -> Region {
        let told = match (&self.plan.base, self.imds()) {
            (Base::Instance, Ok(imds)) => imds.region().await,
            _ => None,
        };
        told.unwrap_or_else(|| self.plan.region_of_partition())
    }

    async fn host(&self) -> &str {
        self.host
            .get_or_init(|| async {
                let id = match (&self.plan.base, self.imds()) {
                    (Base::Instance, Ok(imds)) => imds.instance_id().await,
                    _ => None,
                };
                id.unwrap_or_else(|| imds::host_name().into_owned())
            })
            .await
    }
}

/// Asks for an MFA device's digits, on a thread that may block.
async fn mfa_code(mfa: &Mfa) -> Result<String, Error> {
    let refuse = |message: String| {
        Error::new(ErrorKind::BaseUnavailable, message).with_help("Give the six digits that the device shows now.")
    };
    let (source, serial) = (mfa.token.clone(), mfa.serial.clone());
    let code = tokio::task::spawn_blocking(move || source(&serial)).await;
    let code = match code {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            return Err(refuse("no MFA code was given".into()).with_source(Some(Cause::text(error.to_string()))));
        }
        Err(_) => return Err(refuse("asking for the MFA code failed".into())),
    };
    let code = code.trim().to_owned();
    limits::mfa_code(&code).map_err(|broken| refuse(format!("the MFA code {broken}")))?;
    Ok(code)
}

fn too_short(step: String, wanted: Duration, had: Duration) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!(
            "credentials that last {} seconds were asked for, and they last {}",
            wanted.as_secs(),
            had.as_secs()
        ),
    )
    .at(step)
    .with_help("Ask for less, or set a longer duration on the last hop: at most 3600 seconds for a role that is assumed with temporary credentials.")
}

impl ProvideCredentials for RoleChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.credentials().await.map_err(CredentialsError::provider_error) })
    }
}

impl fmt::Debug for RoleChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleChain")
            .field("base", &self.core.plan.base.step())
            .field("hops", &self.core.plan.hops)
            .field("region", &self.core.plan.region)
            .finish_non_exhaustive()
    }
}
