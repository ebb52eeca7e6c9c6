//! How a clone proves who it is, without knowing how that is made.

use std::fmt;
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::{Error, Result};

/// A user name and password for HTTP Basic authentication (RFC 7617).
///
/// The text is wiped from memory when the login is dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct Login {
    username: Zeroizing<String>,
    password: Zeroizing<String>,
}

impl Login {
    /// A login of this user name and password, both as they are: neither is percent-encoded.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: Zeroizing::new(username.into()), password: Zeroizing::new(password.into()) }
    }

    pub(crate) fn username(&self) -> &str {
        &self.username
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

/// Where logins come from.
///
/// It is asked before each request, from a thread that may block, and should keep a login for as long as it is good.
/// A login that it gives goes to the host of the request's URL alone, over TLS, and never along a redirect.
pub trait Authenticate: Send + Sync {
    /// The login for the next request; `None` to send it without one.
    fn login(&self) -> Result<Option<Login>>;

    /// The server refused the last login. Says what that means, or asks for one more try with a new login.
    ///
    /// It is asked once a request at the most for a retry; after that, [`Verdict::Retry`] counts as no explanation.
    fn refused(&self, refusal: &Refusal) -> Verdict;
}

/// An answer of the server that has to do with the login: 401, 403, 404 or 429.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The server's clock, from its `Date` header.
    pub date: Option<String>,
    /// When the answer came, by this host's clock.
    pub received: SystemTime,
    /// The beginning of the answer's text.
    pub text: String,
}

/// What follows from a [`Refusal`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Ask for a login again and send the request once more.
    Retry,
    /// This is what is wrong.
    Fail(Error),
    /// Nothing is known beyond the status.
    Unexplained,
}

/// No login at all: for repositories that anyone may read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Anonymous;

impl Authenticate for Anonymous {
    fn login(&self) -> Result<Option<Login>> {
        Ok(None)
    }

    fn refused(&self, _: &Refusal) -> Verdict {
        Verdict::Unexplained
    }
}
