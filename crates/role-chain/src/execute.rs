//! What a plan says, done: the base asked, the hops taken.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_types::region::Region;

use crate::base;
use crate::error::{Cause, Error};
use crate::error_kind::ErrorKind;
use crate::hop::{Hop, Mfa};
use crate::imds::{self, Imds};
use crate::limits;
use crate::plan::Base;
use crate::remedy::{self, Scene};
use crate::schedule::Standing;
use crate::serve::{Core, For, StepName};
use crate::slot::{Lease, Outcome};
use crate::sts::{Session, Sts};
use crate::sts_failure::{Failure, What};

impl Core {
    /// Gets new credentials for a step. Boxed, since a hop needs the step before it.
    pub(crate) fn fetch(
        self: Arc<Self>,
        level: usize,
        life: Duration,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'static>> {
        Box::pin(async move {
            match level {
                0 => self.call(0, self.base()).await.map(Arc::new),
                _ => self.hop(level, life).await,
            }
        })
    }

    /// Counts a call, and tells of its outcome.
    async fn call(&self, level: usize, call: impl Future<Output = Result<Session, Error>>) -> Result<Lease, Error> {
        let counts = &self.slots[level].counts;
        let (started, step) = (Instant::now(), StepName(&self.plan, level));
        counts.calls.add();
        let outcome = call.await;
        let elapsed_ms = started.elapsed().as_millis() as u64;
        match outcome {
            Ok(Session { credentials, arn }) => {
                tracing::debug!(%step, elapsed_ms, principal = arn, "obtained credentials");
                Ok(Lease::new(credentials, arn, self.clock.now(), self.chance.draw()))
            }
            Err(error) => {
                counts.failures.add();
                let error = error.at(self.plan.step(level));
                tracing::debug!(%step, elapsed_ms, %error, "obtained no credentials");
                Err(error)
            }
        }
    }

    /// A hop: from disk if another process took it meanwhile, else from STS.
    async fn hop(self: &Arc<Self>, level: usize, life: Duration) -> Outcome {
        let lock = self.caches.lock(level - 1).await;
        if lock.is_some()
            && let Some(lease) = self.taken_by_another(level, life)
        {
            return Ok(lease);
        }
        let lease = self.call(level, self.assume(level)).await?;
        self.caches.write(level - 1, &lease, self.clock.now());
        drop(lock);
        Ok(Arc::new(lease))
    }

    fn taken_by_another(&self, level: usize, life: Duration) -> Option<Arc<Lease>> {
        let slot = &self.slots[level];
        let now = self.clock.now();
        let kept = self.caches.read(level - 1, &self.plan, now)?;
        let known = slot.lease();
        if known.is_some_and(|known| known.credentials.access_key_id() == kept.credentials.access_key_id()) {
            return None;
        }
        let lease = Lease::new(kept.credentials, kept.principal, kept.obtained, self.chance.draw());
        if lease.schedule.standing(now) != Standing::Fresh || !lease.schedule.lasts(now, life) {
            return None;
        }
        slot.counts.from_disk.add();
        tracing::debug!("another process obtained credentials meanwhile");
        Some(Arc::new(lease))
    }

    async fn base(&self) -> Result<Session, Error> {
        let (network, clock) = (&self.plan.network, &self.clock);
        let credentials = match &self.plan.base {
            Base::Instance => self.imds()?.credentials().await?,
            Base::Environment(credentials) => credentials.clone(),
            Base::ProfileKeys { credentials, .. } => credentials.clone(),
            Base::Container(container) => base::of_container(container, network, clock).await?,
            Base::WebIdentity(identity) => {
                let session = self.web_identity(identity).await?;
                return Ok(session);
            }
            Base::Process { command } => base::of_process(command).await?,
            #[cfg(feature = "sso")]
            Base::Sso(sso) => base::of_sso(sso, network, clock).await?,
            Base::Provider(provider) => base::of_provider(provider).await?,
        };
        if let Some(expiry) = credentials.expiry() {
            self.clock.reconcile(expiry, limits::DURATION_MAX);
        }
        match credentials.expiry() {
            Some(expiry) if expiry <= self.clock.now() => {
                Err(Error::new(ErrorKind::ExpiredCredentials, "the credentials had expired when they were handed out")
                    .with_help(
                        "Whoever issues them must renew them; or this host's clock is ahead: compare it with NTP.",
                    ))
            }
            _ => Ok(Session { credentials, arn: None }),
        }
    }

    async fn web_identity(&self, identity: &base::WebIdentity) -> Result<Session, Error> {
        let token = identity.token()?;
        let name = self.session_name(identity.session_name.as_ref()).await;
        let sts = self.sts().await?;
        let outcome = sts.assume_role_with_web_identity(identity, &name, &token).await;
        outcome.map_err(|failure| remedy::of_web_identity(failure, identity, &token, &self.scene(sts)))
    }

    /// Takes a hop; where its source turns out to be expired, once more with a new one; where its signature is refused, once more as well.
    async fn assume(self: &Arc<Self>, level: usize) -> Result<Session, Error> {
        let mut retried = false;
        loop {
            let source = self.lease(level - 1, Duration::ZERO, For::NextHop).await?;
            match self.assume_with(level, &source).await? {
                Ok(session) => {
                    let longest = self.plan.hops[level - 1].duration.unwrap_or(limits::DURATION_DEFAULT);
                    if let Some(expiry) = session.credentials.expiry() {
                        self.clock.reconcile(expiry, longest);
                    }
                    return Ok(session);
                }
                Err(failure) if failure.what == What::Expired && !retried => {
                    retried = true;
                    tracing::debug!("the credentials of the step before have expired: fetching them once more");
                    self.slots[level - 1].discard(&source);
                }
                // An answer before this one may have named a wrong time, which the SDK signed by; the refusal has named the right one.
                Err(failure) if failure.what == What::Signature && !retried && !self.clock.is_skewed() => {
                    retried = true
                }
                Err(failure) => return Err(self.hop_error(level, failure, &source).await),
            }
        }
    }

    async fn assume_with(&self, level: usize, source: &Lease) -> Result<Result<Session, Failure>, Error> {
        let hop = &self.plan.hops[level - 1];
        check_chaining(hop, &source.credentials)?;
        let sts = self.sts().await?;
        let name = self.session_name(hop.session_name.as_ref()).await;
        let code = match &hop.mfa {
            Some(mfa) => Some(mfa_code(mfa).await?),
            None => None,
        };
        Ok(sts.assume_role(hop, &name, code, &source.credentials).await)
    }

    async fn hop_error(&self, level: usize, failure: Failure, source: &Lease) -> Error {
        // Who asked is worth one more call where it decides what to mend, and where STS is answering at all.
        let mut principal = match failure.what {
            What::AccessDenied | What::Refused => self.principal(level - 1, source).await.ok(),
            _ => source.principal.get().cloned(),
        };
        if principal.is_none() {
            principal = self.principal_by_imds(level - 1).await;
        }
        let sts = match self.sts().await {
            Ok(sts) => sts,
            Err(error) => return error,
        };
        let expired = failure.what == What::Expired;
        let error = remedy::of_hop(failure, principal, &self.plan.hops[level - 1], &self.scene(sts));
        match (level, &self.plan.base) {
            // Nobody renews these but whoever put them there.
            (1, Base::Environment(_) | Base::ProfileKeys { .. }) if expired => error
                .with_help("The session token in the environment or the profile has expired: put a new one there, with its keys.")
                .with_retryable(false),
            _ => error,
        }
    }

    fn scene<'a>(&'a self, sts: &'a Sts) -> Scene<'a> {
        Scene { clock: &self.clock, place: &sts.place }
    }

    /// The ARN of whoever holds the credentials of the step at `level`.
    pub(crate) async fn principal(&self, level: usize, lease: &Lease) -> Result<String, Error> {
        if let Some(known) = lease.principal.get() {
            return Ok(known.clone());
        }
        let step = || self.plan.step(level);
        let sts = self.sts().await.map_err(|error| error.at(step()))?;
        let arn = sts.caller(&lease.credentials).await;
        let arn = arn.map_err(|failure| remedy::of_caller(failure, &self.scene(sts)).at(step()))?;
        Ok(lease.principal.get_or_init(|| arn).clone())
    }

    /// The ARN of the instance's session as the metadata service tells it, where STS does not tell.
    pub(crate) async fn principal_by_imds(&self, level: usize) -> Option<String> {
        match (level, &self.plan.base, self.imds()) {
            (0, Base::Instance, Ok(imds)) => imds.principal().await,
            _ => None,
        }
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

    async fn session_name(&self, set: Option<&String>) -> String {
        match set {
            Some(name) => name.clone(),
            None => self.plan.session_name(self.host().await),
        }
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

/// What only the source's credentials decide: whether this is role chaining, and so how long the session may last.
fn check_chaining(hop: &Hop, source: &Credentials) -> Result<(), Error> {
    match hop.duration {
        Some(duration) if source.session_token().is_some() => hop.check_chained(duration),
        _ => Ok(()),
    }
}

/// Asks for an MFA device's digits, on a thread that may block.
async fn mfa_code(mfa: &Mfa) -> Result<String, Error> {
    let refuse = |message: String| {
        Error::new(ErrorKind::MfaToken, message).with_help("Give the six digits that the device shows now.")
    };
    let (source, serial) = (mfa.token.clone(), mfa.serial.clone());
    let code = match tokio::task::spawn_blocking(move || source(&serial)).await {
        Ok(Ok(code)) => code.trim().to_owned(),
        Ok(Err(error)) => {
            let cause = Cause::text(error.to_string());
            return Err(refuse("no MFA code was given".into()).with_source(Some(cause)));
        }
        Err(_) => return Err(refuse("asking for the MFA code failed".into())),
    };
    limits::mfa_code(&code).map_err(|broken| refuse(format!("the MFA code {broken}")))?;
    Ok(code)
}
