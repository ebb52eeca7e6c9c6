//! A running sandbox, as its users see it.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, RwLock},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    Error, Fault, Policy, Request, Role, SandboxBuilder, Service, Step,
    builder::Grant,
    clock::Clock,
    codecommit::{Git, Replay},
    containers::Containers,
    environment,
    fault::Faults,
    imds::Instance,
    lfs::Links,
    log::Log,
    region, scenario,
    server::{Endpoint, Listeners},
    session::{Session, Sessions, check_random, random, unique_id},
    tls::Tls,
    web_identity::Identities,
    world::{Repository, World},
};

/// IMDSv2, STS and CodeCommit on ports of 127.0.0.1, until it is dropped.
pub struct Sandbox {
    pub(crate) world: Arc<World>,
    endpoints: Vec<Endpoint>,
    external_id: String,
    ca_pem: String,
    files: Files,
    // The last one to go: it is taken out in `drop`.
    runtime: Option<Runtime>,
}

/// What is written to the disk, in a folder that goes with the sandbox.
struct Files {
    ca_bundle: PathBuf,
    config: PathBuf,
    credentials: PathBuf,
    folder: TempDir,
}

/// A long-term access key. Its `Debug` does not show the secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Keys {
    /// `AKIA…`
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// An empty world, to be filled with roles and repositories.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::new()
    }

    /// The world of the crate's scenario: an instance in account 111111111111 with RoleA, which may assume RoleB of account
    /// 222222222222 with [`EXTERNAL_ID`](crate::scenario::EXTERNAL_ID); RoleB trusts RoleA, gives sessions of up to 12
    /// hours, and may pull the repository `app`; in `ap-northeast-1`, with a profile `b` in the configuration file.
    ///
    /// Further repositories need [`SandboxBuilder::grant_pull`] before RoleB may clone them.
    pub fn scenario() -> SandboxBuilder {
        scenario::scenario()
    }

    pub(crate) fn raise(builder: SandboxBuilder) -> Result<Self, Error> {
        check_random()?;
        let folder = tempfile::Builder::new().prefix("codecommit-sandbox-").tempdir();
        let folder = folder.map_err(|error| Error::io("no temporary folder could be made", error))?;
        let external_id = builder.roles.iter().flat_map(|r| &r.trust).flat_map(|t| t.external_ids.first()).next();
        let external_id = external_id.cloned().unwrap_or_default();
        let profiles = builder.profiles.clone();
        let world = Arc::new(world(builder, folder.path())?);
        let tls = Arc::new(Tls::new(world.now(), &hosts(&world))?);
        let listeners = Listeners::bind(&[
            (Service::Imds, false),
            (Service::Sts, false),
            (Service::Sts, true),
            (Service::CodeCommit, true),
            (Service::CodeCommit, false),
            (Service::Containers, false),
            (Service::Sso, true),
            (Service::Proxy, false),
            (Service::Elsewhere, true),
        ])?;
        let endpoints = listeners.endpoints();
        world.endpoints.get_or_init(|| endpoints.clone());
        let files = Files::write(folder, &tls.ca_pem, &environment::config(&world, &profiles))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("codecommit-sandbox")
            .enable_all()
            .build()
            .map_err(|error| Error::io("no threads could be started", error))?;
        listeners.serve(runtime.handle(), &world, &tls);
        let ca_pem = tls.ca_pem.clone();
        let sandbox = Self { world, endpoints, external_id, ca_pem, files, runtime: Some(runtime) };
        sandbox.wait_for_ports();
        Ok(sandbox)
    }

    /// `http://127.0.0.1:PORT`, for `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
    pub fn imds_endpoint(&self) -> String {
        self.endpoint(Service::Imds, false)
    }

    /// `https://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_STS`.
    pub fn sts_endpoint(&self) -> String {
        self.endpoint(Service::Sts, true)
    }

    /// `http://127.0.0.1:PORT`: the same STS without TLS.
    pub fn sts_http_endpoint(&self) -> String {
        self.endpoint(Service::Sts, false)
    }

    /// `https://127.0.0.1:PORT`, for `CODE_COMMIT_ENDPOINT`.
    pub fn codecommit_endpoint(&self) -> String {
        self.endpoint(Service::CodeCommit, true)
    }

    /// `http://127.0.0.1:PORT`: the same git server without TLS, which the real service does not have. It is here to catch
    /// clients that send a login in the clear.
    pub fn codecommit_http_endpoint(&self) -> String {
        self.endpoint(Service::CodeCommit, false)
    }

    /// `https://127.0.0.1:PORT`, a host that is none of AWS. It answers 404 to everything, and [`requests`](Self::requests)
    /// tells who came.
    pub fn elsewhere_endpoint(&self) -> String {
        self.endpoint(Service::Elsewhere, true)
    }

    /// `http://127.0.0.1:PORT`, for `HTTPS_PROXY`: tunnels to the host names of STS and CodeCommit end at the servers here,
    /// whose certificates bear these names; tunnels to anywhere else end at [`elsewhere_endpoint`](Self::elsewhere_endpoint).
    /// So clients can be tried with the URLs of the real service. Plain HTTP is refused, and noted.
    pub fn proxy_endpoint(&self) -> String {
        self.endpoint(Service::Proxy, false)
    }

    /// What a container finds in its environment: `AWS_CONTAINER_CREDENTIALS_FULL_URI` and
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`. The credentials are those of [`SandboxBuilder::task_role`].
    pub fn container_credentials(&self) -> [(&'static str, String); 2] {
        [
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{}/v2/credentials", self.endpoint(Service::Containers, false)),
            ),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.world.containers.token.clone()),
        ]
    }

    /// `https://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_SSO`: the portal of IAM Identity Center. It gives the credentials of
    /// any role there is, by account and name, to whoever brings [`sso_token`](Self::sso_token).
    pub fn sso_endpoint(&self) -> String {
        self.endpoint(Service::Sso, true)
    }

    /// The access token of somebody who is logged in to IAM Identity Center: what `aws sso login` leaves in its cache.
    pub fn sso_token(&self) -> &str {
        &self.world.sso_token
    }

    /// A token for `AssumeRoleWithWebIdentity`, good for an hour, of an identity provider (its URL without the scheme). Roles
    /// trust it by `Role::trusts("arn:aws:iam::ACCOUNT:oidc-provider/PROVIDER")`, with the account of the role.
    pub fn web_identity_token(&self, provider: &str, subject: &str) -> String {
        self.world.identities.issue(provider, subject, self.world.now())
    }

    /// A PEM file with the certificate of the authority that issued the servers' certificates.
    pub fn ca_bundle(&self) -> &Path {
        &self.files.ca_bundle
    }

    /// What [`ca_bundle`](Self::ca_bundle) contains.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A folder of the sandbox's own, removed with it.
    pub fn folder(&self) -> &Path {
        self.files.folder.path()
    }

    /// The region that was set.
    pub fn region(&self) -> &str {
        &self.world.region
    }

    /// The ARN of the role with this name. Where no role has it, it is what the role's ARN in account B would be: good for
    /// trying what happens then.
    pub fn role_arn(&self, name: &str) -> String {
        environment::role_arn(&self.world, name)
    }

    /// The external ID of the first role that asks for one; empty where none does.
    pub fn external_id(&self) -> &str {
        &self.external_id
    }

    /// The URL to clone a repository from: `https://127.0.0.1:PORT/v1/repos/NAME`.
    pub fn repository_url(&self, name: &str) -> String {
        format!("{}/v1/repos/{name}", self.codecommit_endpoint())
    }

    /// The long-term access key of a user, by the user's name.
    pub fn user_keys(&self, name: &str) -> Option<Keys> {
        let user = self.world.users.iter().find(|user| user.name == name)?;
        let session = self.world.sessions.find_long_term(&user.arn(self.world.partition))?;
        let Session { access_key_id, secret_access_key, .. } = session;
        Some(Keys { access_key_id, secret_access_key })
    }

    /// The environment that makes AWS programs, git and this workspace's crates use the sandbox and nothing of the user's:
    /// endpoints, region, CA bundle, configuration and credentials files, `NO_PROXY`. For profiles,
    /// [`SandboxBuilder::profile`].
    ///
    /// Variables that speak of other identities are not among them: see [`FOREIGN_VARIABLES`](crate::FOREIGN_VARIABLES).
    pub fn env(&self) -> Vec<(String, String)> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let pairs = [
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.imds_endpoint()),
            ("AWS_ENDPOINT_URL_STS", self.sts_endpoint()),
            ("CODE_COMMIT_ENDPOINT", self.codecommit_endpoint()),
            ("AWS_CA_BUNDLE", path(&self.files.ca_bundle)),
            ("GIT_SSL_CAINFO", path(&self.files.ca_bundle)),
            ("AWS_REGION", self.world.region.clone()),
            ("AWS_DEFAULT_REGION", self.world.region.clone()),
            ("AWS_CONFIG_FILE", path(&self.files.config)),
            ("AWS_SHARED_CREDENTIALS_FILE", path(&self.files.credentials)),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The AWS configuration file that [`env`](Self::env) points to.
    pub fn config_file(&self) -> &Path {
        &self.files.config
    }

    /// All requests so far, in the order in which their answers were ready. A request stands here before its client has
    /// the answer.
    pub fn requests(&self) -> Vec<Request> {
        self.world.log.all()
    }

    /// How many requests were about `step`.
    pub fn count(&self, step: Step) -> usize {
        self.world.log.count(step)
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.world.log.clear();
    }

    /// The hosts (with ports, as in the `Host` header) that got an `Authorization` header.
    pub fn hosts_with_authorization(&self) -> BTreeSet<String> {
        self.world.log.hosts_with_authorization()
    }

    /// Sets a fault, beside those that are set.
    pub fn set_fault(&self, fault: Fault) {
        self.world.faults.add(fault);
        self.wait_for_ports();
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
        self.wait_for_ports();
    }

    /// How often faults struck so far.
    pub fn faults_struck(&self) -> usize {
        self.world.faults.struck()
    }

    /// Moves the servers' clock on: credentials and logins age by as much.
    pub fn advance_clock(&self, time: Duration) {
        self.world.clock.advance(time.as_secs() as i64);
    }

    /// Sets the servers' clock off from the system's by so many seconds: ahead where positive.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.world.clock.set_offset(seconds);
    }

    /// Ends every session of the role with this name; what was signed with their keys is refused as expired.
    pub fn expire_sessions(&self, role: &str) {
        let arn = self.role_arn(role);
        self.world.sessions.expire(self.world.now(), |session| session.principal == arn);
    }

    /// Puts a role in the place of the one of the same account and name, or adds it. Sessions that are open get the new
    /// permissions.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a malformed name or document.
    pub fn put_role(&self, role: Role) -> Result<(), Error> {
        role.check()?;
        let mut role = role;
        role.adopt_partition(self.world.partition);
        self.world.put_role(role);
        Ok(())
    }

    /// Attaches the role with this name to the instance, or takes the instance profile away.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) where there is no such role.
    pub fn set_instance_role(&self, role: Option<&str>) -> Result<(), Error> {
        let arn = role.map(|name| find_role(&self.world, name)).transpose()?;
        self.world.instance().role = arn;
        Ok(())
    }

    /// Turns the metadata service off (it answers 403 then) or on.
    pub fn set_imds_enabled(&self, enabled: bool) {
        self.world.instance().enabled = enabled;
    }

    fn endpoint(&self, service: Service, tls: bool) -> String {
        let found = self.endpoints.iter().find(|endpoint| endpoint.service == service && endpoint.tls == tls);
        found.map(Endpoint::url).unwrap_or_default()
    }

    /// Ports are closed and opened by the servers' threads; callers may rely on it having happened.
    fn wait_for_ports(&self) {
        let start = Instant::now();
        let settled = || self.endpoints.iter().all(|port| port.is_open() != self.world.faults.refuses(port.service));
        while !settled() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // A runtime must not be waited for on a thread of another one, and callers may stand on such a thread.
        let stopping = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)));
        let _ = stopping.join();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Files {
    fn write(folder: TempDir, ca_pem: &str, config: &str) -> Result<Self, Error> {
        let write = |name: &str, content: &str| -> Result<PathBuf, Error> {
            let path = folder.path().join(name);
            fs::write(&path, content).map_err(|error| Error::io(format!("{name} could not be written"), error))?;
            Ok(path)
        };
        Ok(Self {
            ca_bundle: write("ca.pem", ca_pem)?,
            config: write("config", config)?,
            credentials: write("credentials", "")?,
            folder,
        })
    }
}

fn world(builder: SandboxBuilder, home: &Path) -> Result<World, Error> {
    let partition = region::partition(&builder.region);
    let git = Git::new(home)?;
    let mut repositories = Vec::new();
    for source in builder.repositories {
        let kms_key = builder.kms_keys.iter().find(|(name, _)| *name == source.name).map(|(_, key)| key.clone());
        repositories.push(Repository {
            account: source.account.unwrap_or_else(|| builder.repository_account.clone()),
            region: source.region.unwrap_or_else(|| builder.region.clone()),
            name: source.name,
            git_dir: git.find_repository(&source.directory)?,
            kms_key,
        });
    }
    let managed = builder.managed_policies.into_iter().filter_map(|(arn, policy)| Some((arn, policy.ok()?)));
    let mut roles = builder.roles;
    for role in &mut roles {
        role.adopt_partition(partition);
        for Grant { action, repository, .. } in builder.grants.iter().filter(|grant| grant.role == role.name) {
            role.policies.push(Policy::allow(*action, format!("arn:*:codecommit:*:{}:{repository}", role.account)));
        }
    }
    let instance_role = builder.instance_role.as_ref().and_then(|name| roles.iter().find(|role| role.name == *name));
    let arn_of = |name: &String| roles.iter().find(|role| role.name == *name).map(|role| role.arn(partition));
    let task_role = builder.task_role.as_ref().and_then(arn_of);
    let sessions = Sessions::default();
    for user in &builder.users {
        let arn = user.arn(partition);
        sessions.add(Session::new(&user.account, arn.clone(), unique_id("AIDA", &arn), arn).long_term());
    }
    Ok(World {
        instance: Mutex::new(Instance {
            id: builder.instance_id,
            account: instance_role.map_or_else(|| scenario::ACCOUNT_A.to_owned(), |role| role.account.clone()),
            enabled: builder.imds,
            role: instance_role.map(|role| role.arn(partition)),
            session_duration: builder.instance_session,
            session: None,
            tokens: Default::default(),
        }),
        containers: Containers { token: format!("Bearer {}", hex::encode(random::<16>())), role: task_role },
        identities: Identities::default(),
        sso_token: hex::encode(random::<32>()),
        lfs: Links::default(),
        serves_lfs: builder.lfs,
        replay: builder.replay.then(Replay::default),
        region: builder.region,
        partition,
        clock: Clock::with_offset(builder.clock_offset),
        roles: RwLock::new(roles),
        users: builder.users,
        managed_policies: managed.chain(aws_managed_policies(partition)).collect(),
        sessions,
        longest_sessions: builder.longest_sessions,
        repositories,
        protocol: builder.protocol,
        login_lifetime: builder.login_lifetime,
        git,
        faults: Faults::new(builder.faults),
        log: Log::default(),
        endpoints: OnceLock::new(),
    })
}

/// Those of AWS's own policies that bear on git.
fn aws_managed_policies(partition: &str) -> Vec<(String, Policy)> {
    let rows = [
        ("AWSCodeCommitReadOnly", "codecommit:GitPull"),
        ("AWSCodeCommitPowerUser", "codecommit:Git*"),
        ("AWSCodeCommitFullAccess", "codecommit:*"),
    ];
    rows.map(|(name, action)| (format!("arn:{partition}:iam::aws:policy/{name}"), Policy::allow(action, "*"))).into()
}

/// The names of the real servers that certificates are issued for, beside loopback's.
fn hosts(world: &World) -> Vec<String> {
    let mut hosts = Vec::new();
    for region in world.regions() {
        let suffix = region::dns_suffix(&region);
        hosts.push(format!("git-codecommit.{region}.{suffix}"));
        hosts.push(format!("git-codecommit-fips.{region}.{suffix}"));
        hosts.push(format!("*.git-codecommit.{region}.vpce.{suffix}"));
        hosts.push(format!("sts.{region}.{suffix}"));
    }
    hosts.push("sts.amazonaws.com".to_owned());
    hosts
}

fn find_role(world: &World, name: &str) -> Result<String, Error> {
    let role = world.roles().into_iter().find(|role| role.name == name);
    role.map(|role| role.arn(world.partition)).ok_or_else(|| Error::invalid(format!("there is no role {name}")))
}
