//! The parameters of an action, `application/x-www-form-urlencoded`.

use percent_encoding::percent_decode_str;

#[derive(Debug, Default)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        Self { pairs }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values `NAME.member.1`, `NAME.member.2` and so on, until one is missing; `field` is what follows the number.
    pub(crate) fn list(&self, name: &str, field: &str) -> Vec<&str> {
        (1..).map_while(|n| self.get(&format!("{name}.member.{n}{field}"))).collect()
    }

    /// All parameters that may be shown.
    pub(crate) fn into_public(self) -> Vec<(String, String)> {
        self.pairs.into_iter().filter(|(name, _)| name != "TokenCode" && name != "WebIdentityToken").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn parameters_are_decoded_and_codes_not_shown() {
        let form = Form::parse(b"Action=AssumeRole&ExternalId=a%2Fb+c&TokenCode=123456&L.member.1.K=x&L.member.2.K=&");
        assert_eq!(form.get("ExternalId"), Some("a/b c"));
        assert_eq!(form.list("L", ".K"), ["x", ""]);
        assert_eq!(form.get("Missing"), None);
        assert!(form.into_public().iter().all(|(_, value)| value != "123456"));
    }
}
