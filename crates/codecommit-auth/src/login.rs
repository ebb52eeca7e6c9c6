use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Endpoint;

/// A user name and a password that CodeCommit takes for one repository, until they die.
///
/// Both are secret (the user name holds the session token), are wiped from memory on drop, and never appear in `Debug`. They may go to [`endpoint`](Self::endpoint) alone, over TLS, and not along a redirect. They are raw: inside a URL they would have to be percent-encoded, but a URL is no place for them.
#[derive(Clone)]
pub struct Login {
    username: Zeroizing<String>,
    password: Zeroizing<String>,
    endpoint: Endpoint,
    expires_at: SystemTime,
}

impl Login {
    pub(crate) fn new(
        username: Zeroizing<String>,
        password: Zeroizing<String>,
        endpoint: Endpoint,
        expires_at: SystemTime,
    ) -> Self {
        Self { username, password, endpoint, expires_at }
    }

    /// The access key's ID, and after a `%` the session token where there is one.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The time of signing and the signature.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The endpoint that the login was signed for, the only one it may be sent to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// When the login dies: 15 minutes after it was signed, or when the credentials that signed it do, whichever is earlier.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// Whether the login can still be used at `time`.
    #[must_use]
    pub fn is_valid_at(&self, time: SystemTime) -> bool {
        time < self.expires_at
    }

    /// The value of an `Authorization` header (RFC 7617): `Basic` and the login in base64.
    #[must_use]
    pub fn authorization(&self) -> Zeroizing<String> {
        let plain = Zeroizing::new([self.username(), ":", self.password()].concat());
        // Room for all of it at once: a string that grows leaves copies behind.
        let mut header = Zeroizing::new(String::with_capacity(6 + plain.len().div_ceil(3) * 4));
        header.push_str("Basic ");
        STANDARD.encode_string(plain.as_bytes(), &mut header);
        header
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &"** redacted **")
            .field("password", &"** redacted **")
            .field("endpoint", &self.endpoint)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
