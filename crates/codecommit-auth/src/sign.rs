use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::time::Stamp;
use crate::{Error, ErrorKind, Login, Region, Repository};

/// How long CodeCommit takes a login after it was signed.
pub const LOGIN_LIFETIME: Duration = Duration::from_secs(15 * 60);

const SERVICE: &[u8] = b"codecommit";

/// A login for `repository` at `time`, signed with one snapshot of credentials.
///
/// It is the login of `aws codecommit credential-helper`: AWS Signature Version 4 over the method `GIT`, the repository's path and the host without its port. The session token is not signed; it travels in the user name.
///
/// To sign more than once with the same credentials, a [`Signer`] is quicker.
///
/// # Errors
///
/// [`ErrorKind::ExpiredCredentials`] where the credentials have expired at `time`, [`ErrorKind::UnusableCredentials`] where they cannot be part of a login, [`ErrorKind::UnusableTime`] for a time that has no place in a signature.
pub fn sign(repository: &Repository, credentials: &Credentials, time: SystemTime) -> Result<Login, Error> {
    Signer::new(credentials.clone())?.sign(repository, time)
}

/// Signs logins with one snapshot of credentials, keeping the keys that are derived from them for each day and region.
///
/// Key and token come from one snapshot, so that no login mixes what stood before a refresh with what stood after it.
pub struct Signer {
    credentials: Credentials,
    username: Zeroizing<String>,
    /// The latest last. There are few: a day, or two around midnight, for each region in use.
    keys: Vec<DerivedKey>,
}

impl Signer {
    /// How many derived keys are kept. More regions than AWS has in use at once, and still searched in no time.
    const KEYS: usize = 16;

    /// A signer for these credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnusableCredentials`] where a key is empty or holds a character that a login cannot carry.
    pub fn new(credentials: Credentials) -> Result<Self, Error> {
        let username = username(&credentials)?;
        Ok(Self { credentials, username, keys: Vec::new() })
    }

    /// A login for `repository` at `time`.
    ///
    /// # Errors
    ///
    /// As [`sign`].
    pub fn sign(&mut self, repository: &Repository, time: SystemTime) -> Result<Login, Error> {
        let stamp = Stamp::new(time)?;
        let end = self.credentials.expiry();
        if end.is_some_and(|end| end <= time) {
            return Err(Error::new(
                ErrorKind::ExpiredCredentials,
                "the credentials have expired, so no login can be signed with them",
                "get new credentials and sign again",
            ));
        }
        let signature = self.key(stamp.day(), repository.region()).signature(repository, &stamp);
        let mut password = Zeroizing::new(String::with_capacity(80));
        password.push_str(stamp.as_str());
        password.push('Z');
        password.push_str(std::str::from_utf8(&signature).expect("hexadecimal digits"));
        let dies = stamp.time() + LOGIN_LIFETIME;
        Ok(Login::new(
            self.username.clone(),
            password,
            repository.endpoint().clone(),
            end.map_or(dies, |end| end.min(dies)),
        ))
    }

    /// The credentials that sign.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn key(&mut self, day: [u8; 8], region: &Region) -> &DerivedKey {
        let kept = self.keys.iter().rposition(|key| key.day == day && key.region == *region);
        let at = kept.unwrap_or_else(|| {
            if self.keys.len() == Self::KEYS {
                self.keys.remove(0);
            }
            let secret = self.credentials.secret_access_key();
            self.keys.push(DerivedKey::new(secret, day, region.clone()));
            self.keys.len() - 1
        });
        &self.keys[at]
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("expiry", &self.credentials.expiry()).finish_non_exhaustive()
    }
}

/// `ACCESS_KEY_ID[%SESSION_TOKEN]`, where it can stand before the colon of HTTP's Basic scheme and on a line of git's credential protocol.
fn username(credentials: &Credentials) -> Result<Zeroizing<String>, Error> {
    let unusable = |what: &str| {
        Error::new(
            ErrorKind::UnusableCredentials,
            format!("the credentials cannot be part of a login: {what}"),
            "look at where the credentials come from, and copy them whole",
        )
    };
    let key = credentials.access_key_id();
    let token = credentials.session_token().unwrap_or_default();
    let carries = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if key.is_empty() || credentials.secret_access_key().is_empty() {
        return Err(unusable("a key is empty"));
    }
    if !carries(key) || key.contains('%') {
        return Err(unusable("the access key's ID holds a character other than visible ASCII, or a `:` or `%`"));
    }
    if !carries(token) {
        return Err(unusable("the session token holds a character other than visible ASCII, or a `:`"));
    }
    let mut username = Zeroizing::new(String::with_capacity(key.len() + 1 + token.len()));
    username.push_str(key);
    if !token.is_empty() {
        username.push('%');
        username.push_str(token);
    }
    Ok(username)
}

/// The key that signs for one day, region and service, ready to be fed (Signature Version 4, "derive a signing key").
struct DerivedKey {
    day: [u8; 8],
    region: Region,
    mac: Hmac<Sha256>,
}

impl DerivedKey {
    fn new(secret: &str, day: [u8; 8], region: Region) -> Self {
        let mut first = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        first.extend_from_slice(b"AWS4");
        first.extend_from_slice(secret.as_bytes());
        let key = keyed(&first, &day);
        let key = keyed(&*key, region.as_str().as_bytes());
        let key = keyed(&*key, SERVICE);
        let key = keyed(&*key, b"aws4_request");
        Self { day, region, mac: mac(&*key) }
    }

    /// The signature in hexadecimal.
    fn signature(&self, repository: &Repository, stamp: &Stamp) -> [u8; 64] {
        let mut canonical = Sha256::new();
        for part in ["GIT\n", repository.path(), "\n\nhost:", repository.endpoint().signing_host(), "\n\nhost\n"] {
            canonical.update(part);
        }
        let canonical = hex(canonical.finalize().into());
        let mut mac = self.mac.clone();
        for part in [
            b"AWS4-HMAC-SHA256\n",
            stamp.as_str().as_bytes(),
            b"\n",
            &self.day,
            b"/",
            self.region.as_str().as_bytes(),
            b"/codecommit/aws4_request\n",
            &canonical,
        ] {
            mac.update(part);
        }
        hex(mac.finalize().into_bytes().into())
    }
}

fn keyed(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac(key).chain_update(message).finalize().into_bytes().into())
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hex(bytes: [u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}
