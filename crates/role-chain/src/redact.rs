use aws_credential_types::Credentials;

/// Takes secrets out of a text of others.
///
/// STS repeats what it was sent in some of its messages: the canonical request of a refused signature holds the session token, and a refused parameter its value.
pub(crate) struct Secrets<'a>(Vec<&'a str>);

impl<'a> Secrets<'a> {
    pub(crate) fn of(credentials: Option<&'a Credentials>, more: &[Option<&'a str>]) -> Self {
        let mut secrets: Vec<&str> = more.iter().flatten().copied().collect();
        if let Some(credentials) = credentials {
            secrets.push(credentials.secret_access_key());
            secrets.extend(credentials.session_token());
        }
        secrets.retain(|secret| !secret.is_empty());
        Self(secrets)
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret) {
                text = text.replace(secret, "[redacted]");
            }
        }
        text
    }
}
