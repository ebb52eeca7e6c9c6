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

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn nothing_of_a_secret_is_left(
            secret in "[A-Za-z0-9/+=]{20,40}",
            token in "[A-Za-z0-9/+=]{20,60}",
            id in "[a-z0-9-]{12,20}",
            order in proptest::collection::vec(0..4_usize, 0..12),
        ) {
            let credentials = Credentials::new("AKIAEXAMPLE", secret.as_str(), Some(token.clone()), None, "test");
            let parts = [secret.as_str(), token.as_str(), id.as_str(), " a word of the service's "];
            let text: String = order.iter().map(|part| parts[*part]).collect();
            let redacted = Secrets::of(Some(&credentials), &[Some(&id), None]).redact(&text);
            for secret in &parts[..3] {
                proptest::prop_assert!(!redacted.contains(secret), "{} is in {}", secret, redacted);
            }
            proptest::prop_assert_eq!(redacted.contains("a word"), order.contains(&3));
        }
    }
}
