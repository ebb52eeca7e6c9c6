//! Who is served from memory, who waits, and who starts a call.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::sync::{OnceCell, watch};
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use crate::cache::Caches;
use crate::clock::Clock;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::imds::Imds;
use crate::limits;
use crate::plan::{Base, Plan};
use crate::schedule::{Chance, Standing};
use crate::slot::{Flight, Lease, Outcome, Slot};
use crate::sts::{self, Sts};

/// How long a caller waits for new credentials while the old ones are good for minutes.
const FOREGROUND_WAIT: Duration = Duration::from_secs(3);

/// What all clones of a chain share.
pub(crate) struct Core {
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
    pub(crate) caches: Caches,
    /// One for the base, then one for each hop.
    pub(crate) slots: Vec<Slot>,
    // Made when they are first needed: a chain that is served from disk needs none of them.
    pub(crate) imds: OnceLock<Imds>,
    pub(crate) sts: OnceCell<Sts>,
    /// What session names end with where none is set.
    pub(crate) host: OnceCell<String>,
}

/// What credentials are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A caller, who will come again: they are replaced ahead of time.
    Caller,
    /// The hop after this one, which needs them once: they are left alone as long as they are good.
    NextHop,
}

impl Core {
    pub(crate) fn new(plan: Plan, clock: Clock, chance: Chance, caches: Caches) -> Self {
        let slots = (0..=plan.hops.len()).map(|_| Slot::default()).collect();
        Self { plan, clock, chance, caches, slots, imds: OnceLock::new(), sts: OnceCell::new(), host: OnceCell::new() }
    }

    /// Credentials of the step at `level` that are good for more than `life` from now.
    pub(crate) async fn lease(self: &Arc<Self>, level: usize, life: Duration, whom: For) -> Outcome {
        let slot = &self.slots[level];
        slot.restore_once(|| self.restore(level));
        let now = self.clock.now();
        let Some(lease) = slot.lease().filter(|lease| lease.schedule.lasts(now, life)) else {
            return self.renew(level, life).await;
        };
        match lease.schedule.standing(now) {
            Standing::Fresh => (),
            // Nobody is asked for digits while there is something to serve.
            Standing::Due | Standing::Urgent if self.is_interactive(level) => (),
            Standing::Due if whom == For::NextHop => (),
            Standing::Due if self.plan.foreground && !slot.calls().is_pausing(now) => {
                return self.refresh_in_foreground(level, life, lease).await;
            }
            Standing::Due => self.refresh_in_background(level, now),
            Standing::Urgent if slot.calls().is_pausing(now) => self.note_served_after_failure(level),
            Standing::Urgent => return self.renew_or_keep(level, life, lease).await,
            Standing::Expired => return self.renew(level, life).await,
        }
        slot.counts.served.add();
        tracing::trace!(step = %StepName(&self.plan, level), "served credentials from memory");
        Ok(lease)
    }

    fn note_served_after_failure(&self, level: usize) {
        self.slots[level].counts.served_after_failure.add();
        tracing::debug!(step = %StepName(&self.plan, level), "served credentials that could not be replaced");
    }

    fn is_interactive(&self, level: usize) -> bool {
        level > 0 && self.plan.hops[level - 1].mfa.is_some()
    }

    /// Waits a while for new credentials, and falls back on those that are there.
    async fn refresh_in_foreground(self: &Arc<Self>, level: usize, life: Duration, lease: Arc<Lease>) -> Outcome {
        if tokio::runtime::Handle::try_current().is_err() {
            return Ok(lease);
        }
        match tokio::time::timeout(FOREGROUND_WAIT, self.renew_or_keep(level, life, lease.clone())).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.slots[level].counts.served_after_failure.add();
                tracing::warn!(step = %StepName(&self.plan, level), "served credentials that are still valid: new ones take long");
                Ok(lease)
            }
        }
    }

    /// Waits for new credentials, and falls back on those that are about to expire.
    async fn renew_or_keep(self: &Arc<Self>, level: usize, life: Duration, lease: Arc<Lease>) -> Outcome {
        match self.renew(level, life).await {
            Ok(renewed) => Ok(renewed),
            // Unless the wait outlasted them.
            Err(error) if !lease.schedule.lasts(self.clock.now(), life) => Err(error),
            Err(error) => {
                self.slots[level].counts.served_after_failure.add();
                tracing::warn!(step = %StepName(&self.plan, level), %error, "served credentials that are still valid");
                Ok(lease)
            }
        }
    }

    /// Waits for new credentials, and sees that they last.
    async fn renew(self: &Arc<Self>, level: usize, life: Duration) -> Outcome {
        self.check_attainable(level, life)?;
        let mut lease = self.fly(level, life).await?;
        if !lease.schedule.lasts(self.clock.now(), life) {
            // The call that was joined may have been for somebody who asked for less.
            lease = self.fly(level, life).await?;
        }
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
    async fn fly(self: &Arc<Self>, level: usize, life: Duration) -> Outcome {
        // Whoever flew may have ended with its runtime; one more try is one's own.
        for _ in 0..2 {
            let mut flight = self.start(level, life);
            if let Ok(outcome) = flight.wait_for(Option::is_some).await
                && let Some(outcome) = outcome.clone()
            {
                return outcome;
            }
        }
        Err(Error::new(ErrorKind::Interrupted, "the call was cut short")
            .at(self.plan.step(level))
            .with_help("The runtime that it ran on ended, or panicked: ask again."))
    }

    fn refresh_in_background(self: &Arc<Self>, level: usize, now: SystemTime) {
        let slot = &self.slots[level];
        {
            let calls = slot.calls();
            if calls.is_pausing(now) {
                drop(calls);
                self.note_served_after_failure(level);
                return;
            }
            if calls.under_way().is_some() {
                return;
            }
        }
        // Without a runtime there is no background: the caller that finds them urgent will wait.
        if tokio::runtime::Handle::try_current().is_ok() {
            slot.counts.ahead.add();
            tracing::debug!(step = %StepName(&self.plan, level), "replacing credentials ahead of their expiry");
            drop(self.start(level, Duration::ZERO));
        }
    }

    /// The flight under way, or a new one. It flies on its own: a caller that gives up does not stop it for the others.
    fn start(self: &Arc<Self>, level: usize, life: Duration) -> Flight {
        let slot = &self.slots[level];
        let mut calls = slot.calls();
        if let Some(flight) = calls.under_way() {
            return flight;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(calls);
            return self.without_runtime(level);
        };
        let (landing, flight) = watch::channel(None);
        calls.flight = Some(flight.clone());
        let core = Arc::clone(self);
        let span = tracing::debug_span!(
            "role_chain.call",
            step = %StepName(&self.plan, level),
            target = level.checked_sub(1).map(|index| self.plan.hops[index].role.as_str()),
        );
        let fly = async move {
            let outcome = core.clone().fetch(level, life).await;
            core.slots[level].land(&outcome, core.clock.now(), &core.chance);
            let _ = landing.send(Some(outcome));
        };
        runtime.spawn(fly.instrument(span).with_current_subscriber());
        flight
    }

    /// The outcome where there is no tokio: keys that are at hand still work.
    fn without_runtime(&self, level: usize) -> Flight {
        let outcome = match (level, &self.plan.base) {
            (0, Base::Environment(credentials) | Base::ProfileKeys { credentials, .. }) => {
                Ok(Arc::new(Lease::new(credentials.clone(), None, self.clock.now(), self.chance.draw())))
            }
            _ => Err(sts::no_runtime().at(self.plan.step(level))),
        };
        self.slots[level].land(&outcome, self.clock.now(), &self.chance);
        watch::channel(Some(outcome)).1
    }

    /// What an earlier process left on disk, if it is still good.
    fn restore(&self, level: usize) -> Option<Arc<Lease>> {
        if level == 0 || self.caches.is_empty() {
            return None;
        }
        let kept = self.caches.read(level - 1, &self.plan, self.clock.now())?;
        self.slots[level].counts.from_disk.add();
        tracing::debug!(step = %StepName(&self.plan, level), principal = kept.principal, "took credentials from disk");
        Some(Arc::new(Lease::new(kept.credentials, kept.principal, kept.obtained, self.chance.draw())))
    }
}

/// Formats a step's name only where somebody listens.
pub(crate) struct StepName<'a>(pub(crate) &'a Plan, pub(crate) usize);

impl std::fmt::Display for StepName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.step(self.1))
    }
}

fn too_short(step: String, wanted: Duration, had: Duration) -> Error {
    Error::new(
        ErrorKind::TooShort,
        format!(
            "credentials that last more than {} seconds were asked for, and they last {}",
            wanted.as_secs(),
            had.as_secs()
        ),
    )
    .at(step)
    .with_help("Ask for less, or set a longer duration on the last hop: at most 3600 seconds for a role that is assumed with temporary credentials.")
}
