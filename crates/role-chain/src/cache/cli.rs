//! The AWS CLI's own cache of assumed roles, `~/.aws/cli/cache`, as botocore's `AssumeRoleCredentialFetcher` names and writes it.
//!
//! An entry's name is the SHA-1 of what is asked of STS, and holds neither the source's credentials nor the endpoint: two sources can share an entry. That is
//! the AWS CLI's choice; whoever opts in shares it.

use std::time::SystemTime;

use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use super::entry::{self, Kept};
use crate::hop::Hop;
use crate::limits;
use crate::slot::Lease;

/// The name of a hop's entry; `None` for a hop with parts that the AWS CLI's profiles do not have.
pub(super) fn key(hop: &Hop) -> Option<String> {
    if !hop.tags.is_empty() || !hop.policy_arns.is_empty() || hop.source_identity.is_some() {
        return None;
    }
    let mut arguments = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            arguments.insert(name.to_owned(), value);
        }
    };
    let text = |text: &String| Value::String(text.clone());
    add("RoleArn", Some(Value::String(hop.role.to_string())));
    add("RoleSessionName", hop.session_name.as_ref().map(text));
    add("ExternalId", hop.external_id.as_ref().map(text));
    add("SerialNumber", hop.mfa.as_ref().map(|mfa| text(&mfa.serial)));
    add("DurationSeconds", hop.duration.map(|duration| duration.as_secs().into()));
    if let Some(policy) = &hop.policy {
        add("Policy", Some(serde_json::from_str(policy).ok()?));
    }
    let mut canonical = String::new();
    python(&Value::Object(arguments), &mut canonical);
    Some(hex::encode(Sha1::digest(canonical.as_bytes())))
}

/// Reads an entry. The AWS CLI does not write down when it was obtained; the session's duration tells.
pub(super) fn parse(text: &[u8], hop: &Hop) -> Option<Kept> {
    let entry: Value = serde_json::from_slice(text).ok()?;
    let credentials = entry::read_credentials(entry.get("Credentials")?)?;
    let life = hop.duration.unwrap_or(limits::DURATION_DEFAULT);
    let obtained = credentials.expiry()?.checked_sub(life).unwrap_or(SystemTime::UNIX_EPOCH);
    let principal = entry.get("AssumedRoleUser").and_then(|user| user.get("Arn")).and_then(Value::as_str);
    Some(Kept { principal: principal.map(str::to_owned), obtained, credentials })
}

pub(super) fn format(lease: &Lease) -> Option<String> {
    let mut entry = json!({ "Credentials": entry::credentials(lease)? });
    if let Some(arn) = lease.principal.get() {
        entry["AssumedRoleUser"] = json!({ "Arn": arn });
    }
    Some(entry.to_string())
}

/// Writes JSON as Python's `json.dumps(value, sort_keys=True)` does.
fn python(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut pairs: Vec<_> = object.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (position, (key, value)) in pairs.into_iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                python_string(key, out);
                out.push_str(": ");
                python(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                python(item, out);
            }
            out.push(']');
        }
        Value::String(text) => python_string(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn python_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::arn::RoleArn;

    fn hop() -> Hop {
        Hop::new(RoleArn::parse("arn:aws:iam::222222222222:role/RoleB").unwrap())
    }

    /// Expected values are `hashlib.sha1(json.dumps(args, sort_keys=True).encode()).hexdigest()` of Python 3.
    #[test]
    fn names_are_those_of_python() {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Resource":"*","Effect":"Allow","Action":["a:B","ü:😀\u007f\n"],"n":[1,true,null,{}]}]}"#;
        let mfa = "arn:aws:iam::111111111111:mfa/dana";
        let cases = [
            (hop(), "6775655e561d688f10e717383999b2c56028ebdb"),
            (hop().external_id("deploy-7f3c9a52"), "9ec52434cb343e515c3764891fc90f6dd9feecf2"),
            (
                hop().external_id("x/y:z").session_name("web-1").duration(Duration::from_secs(900)),
                "2c8660ac9e7a041fb2423bcdbd4513f994594032",
            ),
            (hop().mfa(mfa, |_| Ok(String::new())), "bca0458f5addcdf20472a86f36946dd4fbedeea5"),
            (hop().policy(policy), "2f4f80d17a434607a9a965d41d4da951a1b14200"),
        ];
        for (hop, expected) in cases {
            assert_eq!(key(&hop).as_deref(), Some(expected), "{hop:?}");
        }
    }

    #[test]
    fn hops_beyond_the_aws_cli_have_no_name() {
        for hop in [hop().tag("a", "b"), hop().source_identity("dana"), hop().policy_arn("arn:aws:iam::aws:policy/X")] {
            assert_eq!(key(&hop), None);
        }
    }

    #[test]
    fn botocore_writes_more_than_one_form_of_time() {
        for time in ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00UTC", "2030-01-01T00:00:00+00:00"] {
            let text = format!(
                r#"{{"Credentials":{{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":"{time}"}}}}"#
            );
            let kept = parse(text.as_bytes(), &hop()).unwrap();
            assert_eq!(kept.expiry(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000), "{time}");
            assert_eq!(kept.obtained, SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000 - 3_600));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_written_in_ascii_and_read_back_by_any_reader_of_json(text in proptest::arbitrary::any::<String>()) {
            let mut written = String::new();
            python_string(&text, &mut written);
            proptest::prop_assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", written);
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
