//! Signs logins by the description in AWS's documentation, independently of the crates that are tested.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use codecommit_sandbox::Keys;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::{Authenticate, Login, Refusal, Result, Verdict};

/// Logins of one user for one repository.
#[derive(Clone)]
pub struct Signer {
    /// The user's keys.
    pub keys: Keys,
    /// The region of the repository.
    pub region: String,
    /// The repository's name.
    pub repository: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl Signer {
    /// The password that is good from now on.
    pub fn password(&self) -> String {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs();
        let stamp = stamp(seconds);
        let (date, region) = (&stamp[..8], &self.region);
        let canonical = format!("GIT\n/v1/repos/{}\n\nhost:127.0.0.1\n\nhost\n", self.repository);
        let digest = hex::encode(Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/codecommit/aws4_request\n{digest}");
        let mut key = format!("AWS4{}", self.keys.secret_access_key).into_bytes();
        for part in [date, region, "codecommit", "aws4_request", &to_sign] {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("keys of any length are good");
            mac.update(part.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        format!("{stamp}Z{}", hex::encode(key))
    }
}

impl Authenticate for Signer {
    fn login(&self) -> Result<Option<Login>> {
        Ok(Some(Login::new(self.keys.access_key_id.clone(), self.password())))
    }

    fn refused(&self, _: &Refusal) -> Verdict {
        Verdict::Unexplained
    }
}

/// `YYYYMMDDTHHMMSS`, from seconds since 1970.
fn stamp(seconds: u64) -> String {
    let (mut days, time) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (day, month) = (days + 1, month + 1);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}", time / 3600, time / 60 % 60, time % 60)
}
