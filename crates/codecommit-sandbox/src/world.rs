//! All that the servers share: who exists, what was given out, what came in.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, RwLock},
    time::Duration,
};

use crate::{
    Policy, Protocol, Role, Service, User,
    clock::{Clock, Timestamp},
    codecommit::{Git, Replay},
    containers::Containers,
    fault::Faults,
    imds::Instance,
    lfs::Links,
    log::Log,
    policy,
    server::Endpoint,
    session::{Session, Sessions, unique_id},
    web_identity::Identities,
};

pub(crate) struct World {
    pub(crate) region: String,
    pub(crate) partition: &'static str,
    pub(crate) clock: Clock,
    pub(crate) roles: RwLock<Vec<Role>>,
    pub(crate) users: Vec<User>,
    pub(crate) managed_policies: Vec<(String, Policy)>,
    pub(crate) instance: Mutex<Instance>,
    pub(crate) containers: Containers,
    pub(crate) identities: Identities,
    /// The bearer token of somebody who is logged in to IAM Identity Center.
    pub(crate) sso_token: String,
    pub(crate) lfs: Links,
    pub(crate) serves_lfs: bool,
    /// `None` where every answer is git's anew.
    pub(crate) replay: Option<Replay>,
    pub(crate) sessions: Sessions,
    pub(crate) longest_sessions: Option<Duration>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) protocol: Protocol,
    pub(crate) login_lifetime: Duration,
    pub(crate) git: Git,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    /// Where the servers are; set once they have their ports.
    pub(crate) endpoints: OnceLock<Vec<Endpoint>>,
}

/// A served repository.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
    pub(crate) git_dir: PathBuf,
    /// The key that it is encrypted with, where that is not AWS's own.
    pub(crate) kms_key: Option<String>,
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn instance(&self) -> MutexGuard<'_, Instance> {
        self.instance.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn roles(&self) -> Vec<Role> {
        self.roles.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<Role> {
        self.roles().into_iter().find(|role| role.arn(self.partition) == arn)
    }

    /// Puts `role` in the place of the role of the same account and name, or adds it.
    pub(crate) fn put_role(&self, role: Role) {
        let mut roles = self.roles.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        roles.retain(|other| (&other.account, &other.name) != (&role.account, &role.name));
        roles.push(role);
    }

    /// Whether a caller's own policies allow an action, narrowed by its session policies. They are looked up anew each
    /// time, as IAM does: what was granted to a role can be taken back under a session of it.
    pub(crate) fn may(&self, session: &Session, action: &str, resource: &str) -> bool {
        let policies = match self.role_by_arn(&session.principal) {
            Some(role) => role.policies,
            None => self.user(&session.principal).map(|user| user.policies.clone()).unwrap_or_default(),
        };
        policy::allowed(&policies, action, resource)
            && session.session_policies.as_ref().is_none_or(|narrowing| policy::allowed(narrowing, action, resource))
    }

    pub(crate) fn user(&self, arn: &str) -> Option<&User> {
        self.users.iter().find(|user| user.arn(self.partition) == arn)
    }

    /// The URL of a service, over TLS where it has that.
    pub(crate) fn endpoint(&self, service: Service) -> String {
        let endpoints = self.endpoints.get().map(Vec::as_slice).unwrap_or_default();
        let of_service = || endpoints.iter().filter(|endpoint| endpoint.service == service);
        let best = of_service().find(|endpoint| endpoint.tls).or_else(|| of_service().next());
        best.map(Endpoint::url).unwrap_or_default()
    }

    /// The sandbox's region, and those of repositories elsewhere.
    pub(crate) fn regions(&self) -> Vec<String> {
        let mut regions = vec![self.region.clone()];
        for repository in &self.repositories {
            if !regions.contains(&repository.region) {
                regions.push(repository.region.clone());
            }
        }
        regions
    }

    /// A new session of `role`, known from now on.
    pub(crate) fn open_session(
        &self,
        role: &Role,
        session_name: &str,
        now: Timestamp,
        duration: Duration,
        narrow: impl FnOnce(&mut Session),
    ) -> Session {
        let role_arn = role.arn(self.partition);
        let arn = format!("arn:{}:sts::{}:assumed-role/{}/{session_name}", self.partition, role.account, role.name);
        let user_id = format!("{}:{session_name}", unique_id("AROA", &role_arn));
        let expires = now.plus(duration.as_secs() as i64);
        let mut session = Session::new(&role.account, arn, user_id, role_arn).temporary(expires);
        narrow(&mut session);
        self.sessions.add(session.clone());
        session
    }
}
