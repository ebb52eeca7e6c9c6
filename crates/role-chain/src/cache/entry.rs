//! A session as this crate's own folder keeps it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::limits;
use crate::slot::Lease;
use crate::time;

const VERSION: u64 = 1;

/// A session that was read back.
pub(crate) struct Kept {
    pub(crate) credentials: Credentials,
    pub(crate) principal: Option<String>,
    pub(crate) obtained: SystemTime,
}

impl Kept {
    pub(crate) fn expiry(&self) -> SystemTime {
        // Entries without an expiry are not read back.
        self.credentials.expiry().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

pub(super) fn format(key: &str, lease: &Lease, obtained: SystemTime) -> Option<String> {
    let entry = json!({
        "Version": VERSION,
        "Key": key,
        "Principal": lease.principal.get(),
        "Obtained": time::stamp(obtained),
        "Credentials": credentials(lease)?,
    });
    Some(entry.to_string())
}

/// Reads an entry. `None` for one that is broken in any way, or of another key.
pub(super) fn parse(text: &[u8], key: &str) -> Option<Kept> {
    let entry: Value = serde_json::from_slice(text).ok()?;
    if entry.get("Version")?.as_u64()? != VERSION || entry.get("Key")?.as_str()? != key {
        return None;
    }
    let obtained = time::parse(entry.get("Obtained")?.as_str()?)?;
    let credentials = read_credentials(entry.get("Credentials")?)?;
    let expiry = credentials.expiry()?;
    // No session lasts longer; times may be off by the clocks' difference, not by more.
    if expiry.duration_since(obtained).ok()? > limits::DURATION_MAX + Duration::from_secs(900) {
        return None;
    }
    let principal = entry.get("Principal").and_then(Value::as_str).map(str::to_owned);
    Some(Kept { credentials, principal, obtained })
}

/// The object that both kinds of entry have at their heart.
pub(super) fn credentials(lease: &Lease) -> Option<Value> {
    let credentials = &lease.credentials;
    Some(json!({
        "AccessKeyId": credentials.access_key_id(),
        "SecretAccessKey": credentials.secret_access_key(),
        "SessionToken": credentials.session_token()?,
        "Expiration": time::stamp(credentials.expiry()?),
    }))
}

pub(super) fn read_credentials(object: &Value) -> Option<Credentials> {
    let field = |name: &str| object.get(name)?.as_str().filter(|value| !value.is_empty());
    Some(
        Credentials::builder()
            .access_key_id(field("AccessKeyId")?)
            .secret_access_key(field("SecretAccessKey")?)
            .session_token(field("SessionToken")?)
            .expiry(time::parse(field("Expiration")?)?)
            .provider_name("role-chain disk cache")
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    proptest! {
        #[test]
        fn an_entry_is_read_as_it_was_written(
            key in "[0-9a-f]{64}",
            parts in proptest::array::uniform3(".{1,40}"),
            principal in proptest::option::of(".{1,40}"),
            obtained in 1_000_000_000..4_000_000_000_u64,
            life in 1..43_200_u64,
        ) {
            let [id, secret, token] = parts;
            let credentials = Credentials::new(id, secret, Some(token), Some(at(obtained + life)), "test");
            let lease = Lease::new(credentials.clone(), principal.clone(), at(obtained), 0.0);
            let written = format(&key, &lease, at(obtained)).unwrap();
            let kept = parse(written.as_bytes(), &key).unwrap();
            prop_assert_eq!(kept.credentials.access_key_id(), credentials.access_key_id());
            prop_assert_eq!(kept.credentials.secret_access_key(), credentials.secret_access_key());
            prop_assert_eq!(kept.credentials.session_token(), credentials.session_token());
            prop_assert_eq!((kept.expiry(), kept.obtained), (at(obtained + life), at(obtained)));
            prop_assert_eq!(kept.principal, principal);
            // Under another name it is none, nor is any part of it.
            prop_assert!(parse(written.as_bytes(), &key[1..]).is_none());
            let cut = written.len() * (obtained % 97) as usize / 97;
            prop_assert!(parse(&written.as_bytes()[..cut], &key).is_none());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&bytes, "key").is_none());
        }
    }

    #[test]
    fn what_does_not_expire_or_has_no_token_is_not_kept() {
        let of = |token: Option<&str>, expiry| {
            let credentials = Credentials::new("A", "s", token.map(str::to_owned), expiry, "test");
            format("key", &Lease::new(credentials, None, at(0), 0.0), at(0))
        };
        assert!(of(Some("t"), Some(at(900))).is_some());
        assert!(of(None, Some(at(900))).is_none());
        assert!(of(Some("t"), None).is_none());
    }
}
