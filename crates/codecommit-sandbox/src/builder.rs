//! Sets a sandbox up.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Error, Fault, Policy, Role, Sandbox, User, region, role::check_account};

/// How the git server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// As CodeCommit was seen to: protocol v0 whatever the client asks for, and of capabilities exactly
    /// `multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want`: no
    /// `symref`, no `ofs-delta`, no `filter`. A client that asks for more is refused.
    #[default]
    CodeCommit,
    /// As the installed git does: protocol v2 where the client asks for it, `symref`, `ofs-delta`, `filter` and the rest.
    Modern,
}

/// What a [`Sandbox`] is to be like; [`start`](Self::start) raises it.
///
/// Mistakes in what it is given are all reported by `start`, none by a panic.
#[derive(Debug, Clone)]
pub struct SandboxBuilder {
    pub(crate) region: String,
    pub(crate) protocol: Protocol,
    pub(crate) roles: Vec<Role>,
    pub(crate) users: Vec<User>,
    pub(crate) managed_policies: Vec<(String, Result<Policy, String>)>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) instance_role: Option<String>,
    pub(crate) task_role: Option<String>,
    pub(crate) kms_keys: Vec<(String, String)>,
    pub(crate) instance_id: String,
    pub(crate) imds: bool,
    pub(crate) instance_session: Duration,
    pub(crate) longest_sessions: Option<Duration>,
    pub(crate) login_lifetime: Duration,
    pub(crate) clock_offset: i64,
    pub(crate) lfs: bool,
    pub(crate) replay: bool,
    pub(crate) repository_account: String,
    pub(crate) repositories: Vec<RepositorySource>,
    pub(crate) profiles: Vec<(String, Vec<(String, String)>)>,
    pub(crate) faults: Vec<Fault>,
}

#[derive(Debug, Clone)]
pub(crate) struct RepositorySource {
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) action: &'static str,
    pub(crate) repository: String,
}

impl SandboxBuilder {
    /// An empty world in `ap-northeast-1`: no roles, no repositories, no instance profile.
    pub(crate) fn new() -> Self {
        Self {
            region: "ap-northeast-1".to_owned(),
            protocol: Protocol::CodeCommit,
            roles: Vec::new(),
            users: Vec::new(),
            managed_policies: Vec::new(),
            grants: Vec::new(),
            instance_role: None,
            task_role: None,
            kms_keys: Vec::new(),
            instance_id: "i-0123456789abcdef0".to_owned(),
            imds: true,
            instance_session: Duration::from_secs(6 * 3_600),
            longest_sessions: None,
            login_lifetime: Duration::from_secs(15 * 60),
            clock_offset: 0,
            lfs: false,
            replay: false,
            repository_account: "222222222222".to_owned(),
            repositories: Vec::new(),
            profiles: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The region of everything, `ap-northeast-1` unless told otherwise. The partition (`aws-cn`, say) follows from it.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// How the git server speaks.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Adds a role, in the place of one of the same account and name.
    pub fn role(mut self, role: Role) -> Self {
        self.roles.retain(|other| (&other.account, &other.name) != (&role.account, &role.name));
        self.roles.push(role);
        self
    }

    /// Adds a user with a long-term access key; [`Sandbox::user_keys`] tells it.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a managed policy that sessions can be narrowed with, by its ARN.
    /// `arn:aws:iam::aws:policy/AWSCodeCommitReadOnly`, `…PowerUser` and `…FullAccess` are there already.
    pub fn managed_policy(mut self, arn: impl Into<String>, json: &str) -> Self {
        self.managed_policies.push((arn.into(), Policy::parse(json).map_err(|error| error.to_string())));
        self
    }

    /// Allows a role (by its name) `codecommit:GitPull` on a repository (by its name, or `*`) in the role's account.
    pub fn grant_pull(mut self, role: impl Into<String>, repository: impl Into<String>) -> Self {
        self.grants.push(Grant { role: role.into(), action: "codecommit:GitPull", repository: repository.into() });
        self
    }

    /// Allows a role `codecommit:GitPush`, as [`grant_pull`](Self::grant_pull) does.
    pub fn grant_push(mut self, role: impl Into<String>, repository: impl Into<String>) -> Self {
        self.grants.push(Grant { role: role.into(), action: "codecommit:GitPush", repository: repository.into() });
        self
    }

    /// The role (by its name) in the instance profile. Without one, IMDS answers 404 for credentials.
    pub fn instance_role(mut self, role: impl Into<String>) -> Self {
        self.instance_role = Some(role.into());
        self
    }

    /// The role (by its name) of the task that a container runs in: see
    /// [`Sandbox::container_credentials`](crate::Sandbox::container_credentials).
    pub fn task_role(mut self, role: impl Into<String>) -> Self {
        self.task_role = Some(role.into());
        self
    }

    /// Takes the instance profile away.
    pub fn no_instance_role(mut self) -> Self {
        self.instance_role = None;
        self
    }

    /// The instance's ID, `i-0123456789abcdef0` unless told otherwise. It is the session name of the instance role.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = id.into();
        self
    }

    /// Turns the metadata service off: it answers 403 to everything.
    pub fn imds_disabled(mut self) -> Self {
        self.imds = false;
        self
    }

    /// How long the instance role's credentials are good for: 6 hours unless told otherwise. New ones are there when half of
    /// it, but at most 5 minutes, is left.
    pub fn instance_session(mut self, duration: Duration) -> Self {
        self.instance_session = duration;
        self
    }

    /// Makes STS give no session longer than this, whatever was asked for, so that a test need not wait long for its end.
    pub fn longest_sessions(mut self, duration: Duration) -> Self {
        self.longest_sessions = Some(duration);
        self
    }

    /// How long after its stamp a git login is good for: 15 minutes unless told otherwise.
    pub fn login_lifetime(mut self, duration: Duration) -> Self {
        self.login_lifetime = duration;
        self
    }

    /// Sets the servers' clock off by so many seconds: ahead of the client's where positive.
    pub fn clock_offset(mut self, seconds: i64) -> Self {
        self.clock_offset = seconds;
        self
    }

    /// The account that [`repository`](Self::repository) puts repositories into, `222222222222` unless told otherwise.
    pub fn repository_account(mut self, account: impl Into<String>) -> Self {
        self.repository_account = account.into();
        self
    }

    /// Serves a git repository (its folder, bare or with a worktree) under a name. Pushes, where a role may push, change it.
    pub fn repository(mut self, name: impl Into<String>, directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref().to_owned();
        self.repositories.push(RepositorySource { account: None, region: None, name: name.into(), directory });
        self
    }

    /// Serves a git repository in another account and region. All accounts and regions share one endpoint here: who signed
    /// the login, and for which region, tells them apart.
    pub fn repository_in(
        mut self,
        account: impl Into<String>,
        region: impl Into<String>,
        name: impl Into<String>,
        directory: impl AsRef<Path>,
    ) -> Self {
        self.repositories.push(RepositorySource {
            account: Some(account.into()),
            region: Some(region.into()),
            name: name.into(),
            directory: directory.as_ref().to_owned(),
        });
        self
    }

    /// Serves Git LFS: the batch API under each repository's URL, for whoever may pull it, and the objects of its
    /// `lfs/objects` folder by links to [`Sandbox::elsewhere_endpoint`](crate::Sandbox::elsewhere_endpoint), which want the
    /// headers that the batch answer names, and no login.
    pub fn lfs(mut self) -> Self {
        self.lfs = true;
        self
    }

    /// Keeps git's answers to fetches in memory, and gives them again to those who ask for the same: then measurements are
    /// of clients, and not of the server. A change of a repository other than by a push is not noticed.
    pub fn replay_answers(mut self) -> Self {
        self.replay = true;
        self
    }

    /// Encrypts a repository (by its name) with a customer's KMS key (its ARN): who may not `kms:Decrypt` with it gets 403,
    /// whatever else is allowed.
    pub fn kms_key(mut self, repository: impl Into<String>, key: impl Into<String>) -> Self {
        self.kms_keys.push((repository.into(), key.into()));
        self
    }

    /// Adds a profile to the AWS configuration file that [`Sandbox::env`] points to. `{role:NAME}` in a value becomes the
    /// role's ARN, `{region}` the region.
    pub fn profile<K: Into<String>, V: Into<String>>(
        mut self,
        name: impl Into<String>,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let settings = settings.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        self.profiles.push((name.into(), settings));
        self
    }

    /// Sets a fault from the start.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Raises the servers, on ports of 127.0.0.1 that the system chooses, and returns when they can be connected to.
    ///
    /// It may be called from plain and from async code alike: the servers have threads and a runtime of their own.
    ///
    /// # Errors
    /// A name or policy that breaks a rule, a folder that is no repository, git missing, no port or no temporary folder.
    pub fn start(self) -> Result<Sandbox, Error> {
        self.check()?;
        Sandbox::raise(self)
    }

    fn check(&self) -> Result<(), Error> {
        region::check(&self.region)?;
        check_account(&self.repository_account)?;
        self.roles.iter().try_for_each(Role::check)?;
        self.users.iter().try_for_each(User::check)?;
        for name in self.instance_role.iter().chain(&self.task_role).chain(self.grants.iter().map(|grant| &grant.role))
        {
            if !self.roles.iter().any(|role| role.name == *name) {
                return Err(Error::invalid(format!("there is no role {name}")));
            }
        }
        for RepositorySource { account, region, name, .. } in &self.repositories {
            account.iter().try_for_each(|account| check_account(account))?;
            region.iter().try_for_each(|region| region::check(region))?;
            check_repository(name)?;
        }
        for (arn, policy) in &self.managed_policies {
            if let Err(defect) = policy {
                return Err(Error::invalid(format!("policy {arn}: {defect}")));
            }
        }
        if self.instance_session < Duration::from_secs(1) || self.login_lifetime < Duration::from_secs(1) {
            return Err(Error::invalid("sessions and logins last at least one second"));
        }
        if self.longest_sessions.is_some_and(|longest| longest < Duration::from_secs(1)) {
            return Err(Error::invalid("sessions and logins last at least one second"));
        }
        Ok(())
    }
}

/// The rule of CodeCommit: 1 to 100 letters, digits, `.`, `_` and `-`, not ending in `.git`.
fn check_repository(name: &str) -> Result<(), Error> {
    let right = (1..=100).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c))
        && !name.ends_with(".git");
    if right {
        return Ok(());
    }
    let rule = "1 to 100 letters, digits, dots, underscores and hyphens, not ending in .git";
    Err(Error::invalid(format!("the name of a repository must be {rule}, not {name:?}")))
}
