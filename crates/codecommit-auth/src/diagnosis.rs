use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::error::Shown;
use crate::time::Stamp;
use crate::{AccountId, Repository};

/// Clocks that differ by less are equal: a `Date` has whole seconds and some travel behind it, and CodeCommit takes minutes.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(60);

/// An answer with which the server turned a request down that carried a login.
#[derive(Debug, Clone)]
pub struct Refusal {
    status: u16,
    pub(crate) received: SystemTime,
    date: Option<String>,
    retry_after: Option<String>,
    text: String,
    is_push: bool,
}

impl Refusal {
    /// An answer of this HTTP status that came at `received`, by this host's clock.
    #[must_use]
    pub fn new(status: u16, received: SystemTime) -> Self {
        Self { status, received, date: None, retry_after: None, text: String::new(), is_push: false }
    }

    /// The answer's `Date` header: the server's clock. One that is no date of RFC 9110 is ignored.
    #[must_use]
    pub fn date(mut self, header: impl Into<String>) -> Self {
        self.date = Some(header.into());
        self
    }

    /// The answer's `Retry-After` header: seconds or a date. One that is neither is ignored.
    #[must_use]
    pub fn retry_after(mut self, header: impl Into<String>) -> Self {
        self.retry_after = Some(header.into());
        self
    }

    /// The answer's body or a beginning of it. It is looked at for a word on the cause, and not kept.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.text = body.into();
        self
    }

    /// Whether the request was to push. Else it was to clone or fetch.
    #[must_use]
    pub fn push(mut self, is_push: bool) -> Self {
        self.is_push = is_push;
        self
    }

    /// Whether the login, or who signed it, was turned down.
    pub(crate) fn is_of_login(&self) -> bool {
        matches!(self.status, 401 | 403)
    }

    pub(crate) fn server_time(&self) -> Option<SystemTime> {
        http_date(self.date.as_deref()?)
    }

    fn wait(&self) -> Option<Duration> {
        let header = self.retry_after.as_deref()?.trim();
        if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
            return header.parse().ok().map(Duration::from_secs);
        }
        let from = self.server_time().unwrap_or(self.received);
        Some(http_date(header)?.duration_since(from).unwrap_or_default())
    }

    fn speaks_of_encryption(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        ["encryptionkey", "encryption key", "kms"].iter().any(|word| text.contains(word))
    }
}

fn http_date(header: &str) -> Option<SystemTime> {
    let date = DateTime::from_str(header.trim(), Format::HttpDate).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(date.secs().try_into().ok()?))
}

/// What an authenticator knows that a diagnosis tells.
pub(crate) struct Context {
    pub(crate) repository: Repository,
    pub(crate) owner: Option<AccountId>,
    pub(crate) principal: Option<String>,
    /// The account of the credentials, where they say.
    pub(crate) caller: Option<String>,
}

impl Context {
    pub(crate) fn new(repository: Repository) -> Self {
        Self { repository, owner: None, principal: None, caller: None }
    }
}

/// What may be behind a refusal, in the order in which to look: what is known before what is likely, what is quick to see before what is not.
///
/// CodeCommit's answers hold no more than a status, and most statuses have several causes; no cause is asserted that was not measured. `Display` is one line that says what happened; [`steps`](Self::steps) says where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    status: u16,
    causes: Vec<Cause>,
    repository: Repository,
    owner: Option<AccountId>,
    principal: Option<String>,
}

/// One thing that may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// This host's clock is off, so that the login's time was not the server's. Measured where `server` is known; else the server did not say its time. Whoever runs the host sets its clock by NTP.
    Clock {
        /// This host's clock, or what the authenticator had corrected it to.
        host: SystemTime,
        /// The server's.
        server: Option<SystemTime>,
    },
    /// The login did not arrive: something between here and CodeCommit drops the `Authorization` header, or the endpoint is none of CodeCommit's. Whoever runs the proxy or names the endpoint must act.
    LostLogin,
    /// The role is of another account than the repository; CodeCommit looks for a repository in the account of whoever signed. Known where both accounts are. Whoever configures the chain of roles must act.
    OtherAccount {
        /// The repository's account, as its ARN names it.
        owner: Option<AccountId>,
        /// The signer's account, as the credentials name it.
        caller: Option<String>,
    },
    /// The role has no policy that allows the action on the repository, or one denies it. Whoever manages the repository's account must act.
    Permission {
        /// `codecommit:GitPull` or `codecommit:GitPush`.
        action: &'static str,
    },
    /// The repository is encrypted with a customer's KMS key that the role may not use. Whoever manages the key must act.
    EncryptionKey,
    /// The repository is in another region. Whoever wrote the remote's name must act.
    OtherRegion,
    /// There is no repository of that name; upper and lower case matter. Whoever wrote the remote's name must act.
    NoSuchRepository,
    /// Too many requests at once. Wait, with jitter, and send the request again.
    Throttled {
        /// How long the server asks to wait.
        wait: Option<Duration>,
    },
}

impl Diagnosis {
    /// `now` is when the refusal came, by the corrected clock. `None` for a status that has nothing to do with logins.
    pub(crate) fn new(context: &Context, refusal: &Refusal, now: SystemTime) -> Option<Self> {
        let server = refusal.server_time();
        let is_clock_off = server.is_some_and(|server| difference(server, now) >= TOLERANCE);
        let clock = (is_clock_off || server.is_none()).then_some(Cause::Clock { host: now, server });
        let account = Cause::OtherAccount { owner: context.owner.clone(), caller: context.caller.clone() };
        let is_account_wrong =
            context.owner.as_ref().zip(context.caller.as_ref()).is_some_and(|(owner, caller)| owner.as_str() != caller);
        let action = if refusal.is_push { "codecommit:GitPush" } else { "codecommit:GitPull" };

        let mut causes = match refusal.status {
            401 | 403 => {
                let mut causes = Vec::from_iter(clock);
                if refusal.status == 401 {
                    causes.push(Cause::LostLogin);
                }
                causes.extend([Cause::Permission { action }, account.clone(), Cause::EncryptionKey]);
                causes
            }
            404 => vec![Cause::NoSuchRepository, Cause::OtherRegion, account.clone()],
            429 => vec![Cause::Throttled { wait: refusal.wait() }],
            _ => return None,
        };
        // What is known comes first, and what is known not to be so does not come at all.
        if is_account_wrong && refusal.status != 429 {
            causes.retain(|cause| *cause != account);
            causes.insert(0, account);
        } else if context.owner.is_some() && context.caller.is_some() {
            causes.retain(|cause| *cause != account);
        }
        if refusal.is_of_login() && refusal.speaks_of_encryption() {
            causes.retain(|cause| *cause != Cause::EncryptionKey);
            causes.insert(0, Cause::EncryptionKey);
        }
        Some(Self {
            status: refusal.status,
            causes,
            repository: context.repository.clone(),
            owner: context.owner.clone(),
            principal: context.principal.clone(),
        })
    }

    /// The HTTP status of the refusal.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The causes, in the order in which to look. There is at least one.
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// What to look at and how to mend it, one sentence for each cause, in the same order.
    pub fn steps(&self) -> impl Iterator<Item = String> + '_ {
        self.causes.iter().map(|cause| self.step(cause))
    }

    /// All steps in one line, numbered where there are several.
    #[must_use]
    pub fn help(&self) -> String {
        let mut steps = self.steps();
        if self.causes.len() == 1 {
            return steps.next().unwrap_or_default();
        }
        let numbered: Vec<String> =
            steps.enumerate().map(|(number, step)| format!("({}) {step}", number + 1)).collect();
        format!("look in this order: {}", numbered.join("; "))
    }

    /// Whether the same request can succeed later with nothing mended.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.status == 429
    }

    /// How long the server asks to wait before the request is sent again.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.causes.iter().find_map(|cause| match cause {
            Cause::Throttled { wait } => *wait,
            _ => None,
        })
    }

    fn step(&self, cause: &Cause) -> String {
        let name = self.repository.name();
        let region = self.repository.region();
        let who = match &self.principal {
            Some(arn) => Shown(arn).to_string(),
            None => "the role that signed".to_owned(),
        };
        match cause {
            Cause::Clock { host, server: Some(server) } => format!(
                "this host's clock says {}, the server's {}: set it by NTP (chronyd or systemd-timesyncd)",
                moment(*host),
                moment(*server)
            ),
            Cause::Clock { host, server: None } => {
                format!("this host's clock says {}: if that is wrong, set it by NTP", moment(*host))
            }
            Cause::LostLogin => format!(
                "the login may not have arrived: look whether a proxy drops the Authorization header, and whether {} is CodeCommit's",
                self.repository.endpoint()
            ),
            Cause::OtherAccount { owner: Some(owner), caller: Some(caller) } => format!(
                "{who} is of account {}, the repository of {owner}: assume a role of {owner} as the last hop",
                Shown(caller)
            ),
            Cause::OtherAccount { owner: Some(owner), caller: None } => {
                format!("{who} must be of {owner}, the repository's account: look at the last hop of the chain")
            }
            Cause::OtherAccount { owner: None, .. } => format!(
                "{who} must be of the account that owns the repository, where CodeCommit looks for it: look at the profile and the last hop of the chain"
            ),
            Cause::Permission { action } => format!(
                "{who} needs a policy that allows {action} on arn:{}:codecommit:{region}:{}:{name}",
                region.partition(),
                self.owner.as_ref().map_or("ACCOUNT", AccountId::as_str)
            ),
            Cause::EncryptionKey => format!(
                "if {name} is encrypted with a KMS key of your own, {who} needs kms:Decrypt on that key, in the key's policy and its own"
            ),
            Cause::OtherRegion => format!("the region must be the repository's; {region} was asked"),
            Cause::NoSuchRepository => {
                format!("the name must be the repository's, letter case included; {name} was asked for")
            }
            Cause::Throttled { wait: Some(wait) } => {
                format!("wait {} seconds, then try again; start fewer clones at once", wait.as_secs())
            }
            Cause::Throttled { wait: None } => {
                "wait some seconds, a different number on each host, then try again; start fewer clones at once"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.status {
            404 => "CodeCommit found no repository",
            429 => "CodeCommit is throttling requests for",
            _ => "CodeCommit refused the login for",
        };
        write!(f, "{what} {} in {} (HTTP {})", self.repository.name(), self.repository.region(), self.status)
    }
}

impl std::error::Error for Diagnosis {}

pub(crate) fn difference(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|earlier| earlier.duration())
}

fn moment(time: SystemTime) -> String {
    Stamp::new(time).map_or_else(|_| "a time out of range".to_owned(), |stamp| stamp.readable())
}
