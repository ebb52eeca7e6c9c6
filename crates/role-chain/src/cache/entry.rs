//! A session as this crate's own folder keeps it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::slot::Lease;
use crate::time;

const VERSION: u64 = 1;
/// No session lasts longer than this; an entry that says so is broken.
const LIFE_MAX: Duration = Duration::from_secs(43_200);

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
    // Times may be off by the clocks' difference, not by more.
    if expiry.duration_since(obtained).ok()? > LIFE_MAX + Duration::from_secs(900) {
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
