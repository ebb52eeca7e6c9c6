use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use crate::diagnosis::{Context, Diagnosis, Refusal, TOLERANCE, difference};
use crate::{AccountId, Error, Login, Repository, Signer};

/// A login with less life left than this is signed anew, so that no request starts with one that dies on the way.
const MARGIN: Duration = Duration::from_secs(2 * 60);

/// Gives out logins for one repository: keeps a login for as long as it is good, signs anew before it dies, corrects a skewed clock, and says what a refusal means.
///
/// It does no IO. Whoever drives it brings credentials and the time, sends the login with the request, and tells it of a 401, 403, 404 or 429:
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use aws_credential_types::Credentials;
/// use codecommit_auth::{Authenticator, Refusal, Remote, Verdict};
///
/// let repository = Remote::parse("codecommit::ap-northeast-1://app")?.locate(None, None)?;
/// let mut authenticator = Authenticator::new(repository);
/// let credentials = Credentials::new("AKIDEXAMPLE", "notasecret", None, None, "example");
///
/// // This host's clock is an hour slow.
/// let now = UNIX_EPOCH + Duration::from_secs(1_789_000_000);
/// let slow = authenticator.login(&credentials, now)?.password().to_owned();
///
/// let refusal = Refusal::new(403, now).date("Thu, 10 Sep 2026 01:26:40 GMT");
/// assert!(matches!(authenticator.refused(&refusal), Verdict::SignAnew));
/// let corrected = authenticator.login(&credentials, now)?.password().to_owned();
/// assert!(slow.starts_with("20260910T002640Z") && corrected.starts_with("20260910T012640Z"));
///
/// // It is corrected once. The next refusal has another cause.
/// let Verdict::Denied(diagnosis) = authenticator.refused(&refusal) else { panic!() };
/// assert_eq!(diagnosis.to_string(), "CodeCommit refused the login for app in ap-northeast-1 (HTTP 403)");
/// for step in diagnosis.steps() {
///     println!("{step}");
/// }
/// # Ok::<(), codecommit_auth::Error>(())
/// ```
///
/// A caller that has to do work for credentials asks [`kept`](Self::kept) first.
pub struct Authenticator {
    context: Context,
    signer: Option<Signer>,
    login: Option<Login>,
    clock: Clock,
}

impl Authenticator {
    /// An authenticator for `repository`, with no login yet.
    #[must_use]
    pub fn new(repository: Repository) -> Self {
        Self { context: Context::new(repository), signer: None, login: None, clock: Clock::new() }
    }

    /// The account that owns the repository, where it is known (from an ARN, say), to tell a role of another account by.
    #[must_use]
    pub fn owner(mut self, account: AccountId) -> Self {
        self.context.owner = Some(account);
        self
    }

    /// Who signs, as a diagnosis should name them: the ARN of the role or session.
    #[must_use]
    pub fn principal(mut self, arn: impl Into<String>) -> Self {
        self.context.principal = Some(arn.into());
        self
    }

    /// The repository that logins are for.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.context.repository
    }

    /// The login that was given out last, where it is good for two more minutes at `now` by this host's clock. No credentials are needed for it.
    #[must_use]
    pub fn kept(&self, now: SystemTime) -> Option<&Login> {
        let now = self.clock.corrected(now);
        self.login.as_ref().filter(|login| outlives(login, now))
    }

    /// A login that is good at `now` by this host's clock: the one that was kept, where these credentials signed it and it has two minutes left, else a new one.
    ///
    /// Where the clock has been corrected, the login's times are the server's.
    ///
    /// # Errors
    ///
    /// As [`sign`](crate::sign).
    pub fn login(&mut self, credentials: &Credentials, now: SystemTime) -> Result<&Login, Error> {
        let signer = match self.signer.take() {
            Some(signer) if signer.credentials() == credentials => self.signer.insert(signer),
            _ => {
                self.login = None;
                self.context.caller = credentials.account_id().map(|id| id.as_str().to_owned());
                self.signer.insert(Signer::new(credentials.clone())?)
            }
        };
        let now = self.clock.corrected(now);
        let login = match self.login.take() {
            Some(login) if outlives(&login, now) => login,
            _ => signer.sign(&self.context.repository, now)?,
        };
        Ok(self.login.insert(login))
    }

    /// The server took the login. Tell it so, and a clock that is set later, under a long-lived authenticator, can be corrected once more.
    pub fn accepted(&mut self) {
        self.clock.is_open = true;
    }

    /// What follows from the server's refusal of a request that went out with a login. After a 401 or 403 that login is not given out again.
    ///
    /// At most one refusal is answered with a corrected clock, and one of a login that had died with a new login; so asking again as told ends.
    pub fn refused(&mut self, refusal: &Refusal) -> Verdict {
        if refusal.is_of_login() {
            let login = self.login.take();
            if self.clock.correct(refusal) {
                return Verdict::SignAnew;
            }
            let now = self.clock.corrected(refusal.received);
            if login.is_some_and(|login| !login.is_valid_at(now)) {
                return Verdict::SignAnew;
            }
        }
        let received = self.clock.corrected(refusal.received);
        match Diagnosis::new(&self.context, refusal, received) {
            Some(diagnosis) => Verdict::Denied(diagnosis),
            None => Verdict::Unexplained,
        }
    }
}

/// Whether a request that starts now can end before the login does.
fn outlives(login: &Login, now: SystemTime) -> bool {
    now.checked_add(MARGIN).is_some_and(|then| login.is_valid_at(then))
}

/// What follows from a refusal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Verdict {
    /// Ask for a login again, and send the request once more with it.
    SignAnew,
    /// This is what may be wrong. Sending the request again at once does not help.
    Denied(Diagnosis),
    /// The status is none that has to do with logins.
    Unexplained,
}

/// This host's clock, with what the server has corrected in it.
#[derive(Debug, Clone, Copy)]
struct Clock {
    offset: Offset,
    /// Whether a refusal may still correct it.
    is_open: bool,
}

#[derive(Debug, Clone, Copy)]
enum Offset {
    Slow(Duration),
    Fast(Duration),
}

impl Clock {
    fn new() -> Self {
        Self { offset: Offset::Slow(Duration::ZERO), is_open: true }
    }

    fn corrected(&self, now: SystemTime) -> SystemTime {
        let corrected = match self.offset {
            Offset::Slow(by) => now.checked_add(by),
            Offset::Fast(by) => now.checked_sub(by),
        };
        corrected.unwrap_or(now)
    }

    /// Takes the server's time over where it differs, once; says whether it did.
    fn correct(&mut self, refusal: &Refusal) -> bool {
        let Some(server) = refusal.server_time() else {
            return false;
        };
        if !self.is_open || difference(server, self.corrected(refusal.received)) < TOLERANCE {
            return false;
        }
        self.is_open = false;
        self.offset = match server.duration_since(refusal.received) {
            Ok(slow) => Offset::Slow(slow),
            Err(fast) => Offset::Fast(fast.duration()),
        };
        true
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("repository", &self.context.repository)
            .field("login", &self.login)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
