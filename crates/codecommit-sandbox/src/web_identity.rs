//! Tokens of an identity provider, as Kubernetes and CI systems hand them out.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{clock::Timestamp, session::random};

/// How long a token is good for.
const LIFETIME_SECONDS: i64 = 3_600;

/// Whom a token speaks of.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    /// The provider's host and path, such as `oidc.example.com/id`.
    pub(crate) provider: String,
    pub(crate) expires: Timestamp,
}

/// The tokens that were given out.
#[derive(Default)]
pub(crate) struct Identities {
    by_token: Mutex<HashMap<String, Identity>>,
}

impl Identities {
    /// A token in the form of a JWT; its signature is random, for the sandbox knows its own.
    pub(crate) fn issue(&self, provider: &str, subject: &str, now: Timestamp) -> String {
        let expires = now.plus(LIFETIME_SECONDS);
        let claims = json!({
            "iss": format!("https://{provider}"), "sub": subject, "aud": "sts.amazonaws.com", "exp": expires.0, "iat": now.0,
        });
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let head = encode(json!({ "alg": "RS256", "typ": "JWT", "kid": "sandbox" }).to_string().as_bytes());
        let token = format!("{head}.{}.{}", encode(claims.to_string().as_bytes()), encode(&random::<256>()));
        let identity = Identity { subject: subject.to_owned(), provider: provider.to_owned(), expires };
        self.lock().insert(token.clone(), identity);
        token
    }

    pub(crate) fn find(&self, token: &str) -> Option<Identity> {
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Identity>> {
        self.by_token.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
