use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What a web identity token says of itself: nothing that lets anyone in, and what a trust policy must fit.
///
/// The token is a JWT (RFC 7519); its signature is STS's business.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The identity provider as IAM names it: its URL without the scheme.
    pub(crate) provider: String,
    pub(crate) audience: String,
    pub(crate) subject: String,
}

impl Claims {
    /// Reads a token. `None` for one that is no JWT of an OpenID provider.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?.trim_end_matches('=');
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let text = |value: &Value| value.as_str().filter(|text| is_plain(text)).map(str::to_owned);
        let audience = claims.get("aud")?;
        Some(Self {
            provider: text(claims.get("iss")?)?.strip_prefix("https://")?.trim_end_matches('/').to_owned(),
            audience: text(audience).or_else(|| text(audience.get(0)?))?,
            subject: text(claims.get("sub")?)?,
        })
    }
}

/// Fit for a message: a token that STS refused may say anything.
fn is_plain(text: &str) -> bool {
    (1..=500).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_names_its_issuer_audience_and_subject() {
        let expected = Claims {
            provider: "oidc.example.com/id/1".into(),
            audience: "sts.amazonaws.com".into(),
            subject: "system:serviceaccount:a:b".into(),
        };
        for audience in [r#""sts.amazonaws.com""#, r#"["sts.amazonaws.com","other"]"#] {
            let payload = format!(
                r#"{{"iss":"https://oidc.example.com/id/1/","aud":{audience},"sub":"system:serviceaccount:a:b","exp":1}}"#
            );
            assert_eq!(Claims::of(&token(&payload)).as_ref(), Some(&expected));
        }
    }

    #[test]
    fn what_is_no_such_token_names_nothing() {
        let nothing = [
            String::new(),
            "a.b.c".into(),
            token("{}"),
            token(r#"{"iss":"http://plain.example","aud":"a","sub":"s"}"#),
            token(r#"{"iss":"https://a.example","aud":"a","sub":"line\nbreak"}"#),
            token(r#"{"iss":"https://a.example","aud":[],"sub":"s"}"#),
        ];
        for text in nothing {
            assert_eq!(Claims::of(&text), None, "{text}");
        }
    }
}
