//! Keys that the sandbox gave out, and whom each stands for.

use std::{collections::HashMap, sync::Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::ring;

use crate::{Error, Policy, clock::Timestamp};

/// One access key, with all that is known of its holder.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// `None` for a user's long-term key.
    pub(crate) token: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) account: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, or a user's ARN.
    pub(crate) arn: String,
    /// `AROA…:SESSION`, or `AIDA…`.
    pub(crate) user_id: String,
    /// The ARN of the role behind a session; a user's own ARN.
    pub(crate) principal: String,
    /// What narrows them: at least one of these must allow too, where there are any.
    pub(crate) session_policies: Option<Vec<Policy>>,
    pub(crate) transitive_tags: Vec<(String, String)>,
    pub(crate) source_identity: Option<String>,
}

impl Session {
    /// A key for `arn`, with nothing granted yet.
    pub(crate) fn new(account: &str, arn: String, user_id: String, principal: String) -> Self {
        Self {
            access_key_id: format!("ASIA{}", random_key_id()),
            secret_access_key: STANDARD.encode(random::<30>()),
            token: None,
            expires: None,
            account: account.to_owned(),
            arn,
            user_id,
            principal,
            session_policies: None,
            transitive_tags: Vec::new(),
            source_identity: None,
        }
    }

    /// Makes the key temporary: with a token, as long and as full of `/`, `+` and `=` as real ones, and an end.
    pub(crate) fn temporary(mut self, expires: Timestamp) -> Self {
        self.token = Some(format!("IQoJb3JpZ2luX2Vj{}", STANDARD.encode(random::<400>())));
        self.expires = Some(expires);
        self
    }

    /// Makes the key a long-term one of a user.
    pub(crate) fn long_term(mut self) -> Self {
        self.access_key_id.replace_range(..4, "AKIA");
        self
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// True for the session of a role: to assume another from it is to chain.
    pub(crate) fn is_role(&self) -> bool {
        self.token.is_some()
    }
}

/// All keys, by their ID.
#[derive(Default)]
pub(crate) struct Sessions {
    by_key: Mutex<HashMap<String, Session>>,
}

impl Sessions {
    pub(crate) fn add(&self, session: Session) {
        self.lock().insert(session.access_key_id.clone(), session);
    }

    pub(crate) fn find(&self, access_key_id: &str) -> Option<Session> {
        self.lock().get(access_key_id).cloned()
    }

    /// The long-term key of a user, by the user's ARN.
    pub(crate) fn find_long_term(&self, arn: &str) -> Option<Session> {
        self.lock().values().find(|session| session.token.is_none() && session.arn == arn).cloned()
    }

    /// Ends every temporary key that `which` picks.
    pub(crate) fn expire(&self, now: Timestamp, which: impl Fn(&Session) -> bool) {
        for session in self.lock().values_mut() {
            if session.expires.is_some_and(|end| end > now) && which(session) {
                session.expires = Some(now);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.by_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The unique ID that IAM gives a role (`AROA`), a user (`AIDA`) or an instance profile (`AIPA`): the same for the same ARN.
pub(crate) fn unique_id(prefix: &str, arn: &str) -> String {
    let digest = Sha256::digest(arn);
    prefix.chars().chain(digest.iter().take(17).map(|byte| key_character(*byte))).collect()
}

fn random_key_id() -> String {
    random::<16>().into_iter().map(key_character).collect()
}

fn key_character(byte: u8) -> char {
    char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)])
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // ring fails here only where the operating system has no random numbers at all, and then TLS had failed at the start.
    let _ = ring::default_provider().secure_random.fill(&mut bytes);
    bytes
}

/// A request ID as AWS writes them.
pub(crate) fn request_id() -> String {
    let hex = hex::encode(random::<16>());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Fails where the operating system gives no random numbers.
pub(crate) fn check_random() -> Result<(), Error> {
    let mut byte = [0];
    let source = ring::default_provider().secure_random;
    source.fill(&mut byte).map_err(|_| Error::new(crate::ErrorKind::Io, "the system gives no random numbers"))
}
