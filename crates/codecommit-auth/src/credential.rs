//! git's credential protocol: what git writes to a credential helper, and what the helper answers.
//!
//! The rules are those of git's manual pages `git-credential` ("Input/output format") and `gitcredentials` ("Custom helpers"): lines of `KEY=VALUE`, ended by a blank line or the end of input. A helper for CodeCommit reads a [`Request`], asks it for the [repository](Request::repository) that git wants a login for, and [answers](Request::answer); for everything that is not CodeCommit's it writes nothing, so that git asks the next helper.
//!
//! ```
//! use std::time::UNIX_EPOCH;
//!
//! use aws_credential_types::Credentials;
//! use codecommit_auth::credential::Request;
//! use codecommit_auth::sign;
//!
//! let asked = b"protocol=https\nhost=git-codecommit.us-east-1.amazonaws.com\npath=v1/repos/my-repo\n\n";
//! let request = Request::parse(asked)?;
//!
//! let repository = request.repository(None, None)?.expect("one of CodeCommit's hosts");
//! let credentials = Credentials::new("ANOTREAL", "notrealrnrELgWzOk3IfjzDKtFBhDby", None, None, "example");
//! let login = sign(&repository, &credentials, UNIX_EPOCH)?;
//!
//! assert_eq!(
//!     std::str::from_utf8(&request.answer(&login)?).unwrap(),
//!     "username=ANOTREAL\n\
//!      password=19700101T000000Zf840ae3ff903ddb92c450d0e3567fe97ef4aa98bd6636905df48c3beee97d21d\n\
//!      password_expiry_utc=900\n",
//! );
//!
//! let other = Request::parse(b"protocol=https\nhost=github.com\n\n")?;
//! assert_eq!(other.repository(None, None)?, None);
//! # Ok::<(), codecommit_auth::Error>(())
//! ```
//!
//! # What is refused
//!
//! A helper that is tricked about the host hands a login to whoever asked. So a request is an error, and gets no answer, where
//!
//! - a NUL or a carriage return stands anywhere in it: some readers end a line there (the class of CVE-2024-52006);
//! - `protocol`, `host`, `path` or `username` comes twice: the second was smuggled in with a newline (the class of CVE-2020-5260);
//! - a line has no `=`, or is longer than the 65,535 bytes of git's rule.
//!
//! And nothing is written whose key or value holds one of these characters.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::remote::{is_repository_path, repository_at};
use crate::{Endpoint, Error, ErrorKind, Login, Region, Repository};

mod read;
mod write;

pub use read::Reader;
pub use write::Writer;

/// An answer after which git asks no other helper and no person: the operation fails.
///
/// Not part of any answer here. It is for a helper whose user has asked that git never fall back to a prompt.
pub const QUIT: &[u8] = b"quit=1\n";

/// What git wants of a helper; the last argument that it is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Answer with a login, where there is one.
    Get,
    /// Keep the login that worked. There is nothing to keep where each login is signed anew.
    Store,
    /// Forget the login that was refused.
    Erase,
    /// One that a later git may have. It is ignored without a word, as git's manual asks.
    Other,
}

impl Operation {
    /// The operation of that name.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "get" => Self::Get,
            "store" => Self::Store,
            "erase" => Self::Erase,
            _ => Self::Other,
        }
    }
}

/// What git tells a helper about the place that it needs a login for.
///
/// Attributes that this crate has no use for are ignored. A password is not kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    protocol: Option<String>,
    host: Option<String>,
    path: Option<String>,
    username: Option<String>,
    authtype: bool,
}

impl Request {
    /// The request in `bytes`, up to a blank line or the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CredentialRequest`], as the [module](self) says.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new();
        reader.feed(bytes)?;
        reader.finish()
    }

    /// `https`, most likely.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The host, with `:PORT` where the URL had one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The path without its first slash. git leaves it out unless `credential.useHttpPath` is set.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The user name, where the URL or git's configuration has one.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Whether git (2.46 and later) takes a ready `Authorization` header: `capability[]=authtype`.
    #[must_use]
    pub fn takes_authtype(&self) -> bool {
        self.authtype
    }

    /// The repository that git wants a login for; `None` where it is no business of CodeCommit's, which is to be answered with silence.
    ///
    /// That is `https` at one of CodeCommit's hosts, [matched whole](Endpoint::codecommit), or at the endpoint that the caller vouches for; for the latter the region is `default_region`.
    ///
    /// # Errors
    ///
    /// Where the host is right, but no login can be signed for what is asked: [`ErrorKind::MissingPath`] where git sent no path, [`ErrorKind::Malformed`] where the path is no repository's, [`ErrorKind::MissingRegion`] where no region is known.
    pub fn repository(
        &self,
        default_region: Option<&Region>,
        vouched: Option<&Endpoint>,
    ) -> Result<Option<Repository>, Error> {
        let (Some("https"), Some(host)) = (self.protocol(), self.host()) else {
            return Ok(None);
        };
        let own = Endpoint::codecommit(host);
        let is_own = own.is_some();
        let Some(endpoint) = own.or_else(|| vouched.filter(|vouched| vouched.is_at(host)).cloned()) else {
            return Ok(None);
        };
        let Some(path) = self.path().filter(|path| !path.is_empty()) else {
            return Err(Error::new(
                ErrorKind::MissingPath,
                format!("git did not say which repository of {endpoint} it needs a login for"),
                "run `git config --global credential.useHttpPath true`",
            ));
        };
        let path = format!("/{}", path.trim_start_matches('/'));
        // A proxy that the caller vouches for may serve other things as well.
        if !is_own && !is_repository_path(&path) {
            return Ok(None);
        }
        let name = repository_at(&path)?;
        let region = endpoint.region().or(default_region).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingRegion,
                format!("no region is known for the repository {name} at {endpoint}"),
                "set the region with AWS_REGION or in the profile",
            )
        })?;
        Repository::new(endpoint.clone(), region.clone(), name).map(Some)
    }

    /// The answer that gives git `login`, to be written as it is.
    ///
    /// Where git takes a ready `Authorization` header, it gets that, marked as ephemeral so that no other helper keeps it; else a user name and a password. Either way with `password_expiry_utc` (git 2.40 and later), so that nothing keeps it past its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] where the login was signed for another host than git asks about.
    pub fn answer(&self, login: &Login) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.answer_until(login, login.expires_at())
    }

    /// As [`answer`](Self::answer), where `end` is when the login dies by this host's clock, which git goes by: another moment than
    /// [`Login::expires_at`] where the login was signed by a clock that is right on a host whose own is not.
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer).
    pub fn answer_until(&self, login: &Login, end: SystemTime) -> Result<Zeroizing<Vec<u8>>, Error> {
        if !self.host().is_some_and(|host| login.endpoint().is_at(host)) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the login was signed for {} and is not for another host", login.endpoint()),
                "sign a login for the host that git asks about",
            ));
        }
        let expiry = end.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut writer = Writer::new();
        if self.authtype {
            let header = login.authorization();
            let (authtype, credential) = header.split_once(' ').expect("a scheme and a login");
            writer
                .attribute("capability[]", "authtype")?
                .attribute("authtype", authtype)?
                .attribute("credential", credential)?
                .attribute("ephemeral", "1")?;
        } else {
            writer.attribute("username", login.username())?.attribute("password", login.password())?;
        }
        writer.attribute("password_expiry_utc", &expiry.to_string())?;
        Ok(writer.finish())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the user name: after a refused login it holds a session token.
        f.debug_struct("Request")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("authtype", &self.authtype)
            .finish_non_exhaustive()
    }
}
