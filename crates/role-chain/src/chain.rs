use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_types::region::Region;

use crate::cache::Caches;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::error::Error;
use crate::hop::Hop;
use crate::plan::Plan;
use crate::schedule::Chance;
use crate::serve::{Core, For};
use crate::time::stamp;

/// Credentials of the last role of a chain: a base identity, then any number of `AssumeRole` hops.
///
/// Each step keeps its own credentials. However many tasks ask at once, each hop is assumed once per lifetime, and refreshing a later one touches no
/// earlier one that is still valid. A refresh starts in the background before credentials expire (in the last quarter of their life, at most 15 minutes);
/// while it fails, those that are still valid are served, with pauses between the tries, and expired ones never.
///
/// Clones share everything. Nothing is asked of anyone before the first call.
///
/// # In an SDK client
/// An SDK client has an identity cache of its own on top of its provider, which asks again only ten seconds before the expiry that it was told. That works:
/// so short before expiry the chain waits for new credentials, and falls back on the old. To have them replaced in the background instead, pass
/// [`early`](Self::early), which reports the time of replacement as the expiry; or give the client's cache a `buffer_time` of 15 minutes.
#[derive(Clone)]
pub struct RoleChain {
    pub(crate) core: Arc<Core>,
}

impl RoleChain {
    pub(crate) fn new(plan: Plan, clock: Clock, chance: Chance, caches: Caches) -> Self {
        Self { core: Arc::new(Core::new(plan, clock, chance, caches)) }
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
    /// [`TooShort`](crate::ErrorKind::TooShort) where no session of that role can last so long; else as for [`credentials`](Self::credentials).
    pub async fn credentials_lasting(&self, life: Duration) -> Result<Credentials, Error> {
        let lease = self.core.lease(self.last(), life, For::Caller).await?;
        Ok(lease.credentials.clone())
    }

    /// The credentials as the JSON that AWS programs expect of a `credential_process`: one line, which holds the secrets.
    ///
    /// ```ini
    /// [profile deploy]
    /// credential_process = a-program-that-prints-this
    /// ```
    ///
    /// # Errors
    /// As for [`credentials`](Self::credentials).
    pub async fn credential_process(&self) -> Result<String, Error> {
        let credentials = self.credentials().await?;
        let mut document = serde_json::json!({
            "Version": 1,
            "AccessKeyId": credentials.access_key_id(),
            "SecretAccessKey": credentials.secret_access_key(),
        });
        if let Some(token) = credentials.session_token() {
            document["SessionToken"] = token.into();
        }
        if let Some(expiry) = credentials.expiry() {
            document["Expiration"] = stamp(expiry).into();
        }
        Ok(document.to_string())
    }

    /// The same chain for a cache on top, as an SDK client has one: it reports as expiry the time at which credentials are to be replaced.
    pub fn early(&self) -> EarlyExpiry {
        EarlyExpiry { chain: self.clone() }
    }

    /// The region that the caller, the environment or the profile names, in this order.
    pub fn region(&self) -> Option<&Region> {
        self.core.plan.region.as_ref()
    }

    /// The hops, in the order in which they are taken, those of the profile first.
    pub fn hops(&self) -> &[Hop] {
        &self.core.plan.hops
    }

    /// What each step has done so far: the base first, then the hops.
    pub fn counters(&self) -> Vec<Counters> {
        let slots = self.core.slots.iter().enumerate();
        slots.map(|(level, slot)| slot.counts.read(self.core.plan.step(level))).collect()
    }

    /// The time by the services' clock, once one of them has answered. Whoever signs by a host's clock that is off may sign by this.
    pub fn service_time(&self) -> Option<SystemTime> {
        self.core.clock.of_service()
    }

    fn last(&self) -> usize {
        self.core.plan.hops.len()
    }
}

impl ProvideCredentials for RoleChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.credentials().await.map_err(CredentialsError::provider_error) })
    }

    /// What an SDK client takes when it will not wait any longer: credentials that are at hand and valid.
    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let lease = self.core.slots[self.last()].lease()?;
        lease.schedule.lasts(self.core.clock.now(), Duration::ZERO).then(|| lease.credentials.clone())
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

/// A [`RoleChain`] for a cache on top. Made by [`RoleChain::early`].
///
/// The expiry that it reports is the time at which the credentials are to be replaced, so that the cache comes back in time for that to happen in the
/// background. They are good for longer than it says.
#[derive(Clone, Debug)]
pub struct EarlyExpiry {
    chain: RoleChain,
}

impl ProvideCredentials for EarlyExpiry {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let core = &self.chain.core;
            let lease = core.lease(self.chain.last(), Duration::ZERO, For::Caller).await;
            let lease = lease.map_err(CredentialsError::provider_error)?;
            let mut credentials = lease.credentials.clone();
            *credentials.expiry_mut() = lease.schedule.early_expiry(core.clock.now());
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.chain.fallback_on_interrupt()
    }
}
