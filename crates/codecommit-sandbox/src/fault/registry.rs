//! The faults that are set, and how often each struck.

use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

use crate::{Effect, Fault, Service, Step};

/// The effects that come before any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEffect {
    Reset,
    Close,
    Stall,
    PlainHttp,
    OtherName,
    Untrusted,
    Expired,
}

pub(crate) struct Faults {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    set: Vec<Fault>,
    struck: usize,
}

impl Faults {
    pub(crate) fn new(set: Vec<Fault>) -> Self {
        Self { state: Mutex::new(State { set, struck: 0 }), changed: watch::Sender::new(()) }
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.lock().set.push(fault);
        self.changed.send_replace(());
    }

    pub(crate) fn clear(&self) {
        self.lock().set.clear();
        self.changed.send_replace(());
    }

    /// How often faults struck, all together.
    pub(crate) fn struck(&self) -> usize {
        self.lock().struck
    }

    /// Wakes when faults are set or cleared.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The effect on a request, where one is due.
    pub(crate) fn take(&self, step: Step) -> Option<Effect> {
        self.lock().take(|fault| {
            let early = fault.effect == Effect::RefuseConnections || fault.connection_effect().is_some();
            (!early && fault.target.includes(step)).then(|| fault.effect.clone())
        })
    }

    /// The effect on a new connection, where one is due.
    pub(crate) fn take_connection(&self, service: Service) -> Option<ConnectionEffect> {
        self.lock().take(|fault| fault.connection_effect().filter(|_| fault.target.service() == service))
    }

    /// Whether the service's ports are to be closed.
    pub(crate) fn refuses(&self, service: Service) -> bool {
        let state = self.lock();
        state.set.iter().any(|fault| fault.effect == Effect::RefuseConnections && fault.target.service() == service)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// The first fault that `applies` and has strikes left; those that are to let requests pass count this one.
    fn take<T>(&mut self, applies: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut due = None;
        for fault in &mut self.set {
            if due.is_some() || fault.left == Some(0) {
                continue;
            }
            let Some(effect) = applies(fault) else { continue };
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(left) = &mut fault.left {
                *left -= 1;
            }
            due = Some(effect);
        }
        self.struck += usize::from(due.is_some());
        due
    }
}

impl Fault {
    fn connection_effect(&self) -> Option<ConnectionEffect> {
        match self.effect {
            Effect::ResetConnection => Some(ConnectionEffect::Reset),
            Effect::CloseConnection => Some(ConnectionEffect::Close),
            Effect::StallConnection => Some(ConnectionEffect::Stall),
            Effect::PlainHttp => Some(ConnectionEffect::PlainHttp),
            Effect::CertificateForOtherHost => Some(ConnectionEffect::OtherName),
            Effect::UntrustedCertificate => Some(ConnectionEffect::Untrusted),
            Effect::ExpiredCertificate => Some(ConnectionEffect::Expired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionEffect, Faults};
    use crate::{Effect, Fault, Service, Step};

    #[test]
    fn a_fault_strikes_where_and_as_often_as_it_was_told() {
        let faults = Faults::new(vec![
            Fault::new(Step::Fetch, Effect::Close).after(1).times(2),
            Fault::new(Service::Sts, Effect::Throttle),
        ]);
        let fetches: Vec<_> = (0..4).map(|_| faults.take(Step::Fetch)).collect();
        assert_eq!(fetches, [None, Some(Effect::Close), Some(Effect::Close), None]);
        assert_eq!(faults.take(Step::FetchRefs), None);
        assert_eq!(faults.take(Step::AssumeRole), Some(Effect::Throttle));
        assert_eq!(faults.struck(), 3);
        faults.clear();
        assert_eq!(faults.take(Step::AssumeRole), None);
    }

    #[test]
    fn connections_have_faults_of_their_own() {
        let faults = Faults::new(vec![Fault::new(Step::Fetch, Effect::PlainHttp).times(1)]);
        assert_eq!(faults.take(Step::Fetch), None);
        assert_eq!(faults.take_connection(Service::Sts), None);
        assert_eq!(faults.take_connection(Service::CodeCommit), Some(ConnectionEffect::PlainHttp));
        assert_eq!(faults.take_connection(Service::CodeCommit), None);
        assert!(!faults.refuses(Service::Imds));
        faults.add(Fault::new(Service::Imds, Effect::RefuseConnections));
        assert!(faults.refuses(Service::Imds));
    }
}
