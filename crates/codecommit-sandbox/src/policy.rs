//! IAM policies, as far as cloning and assuming roles needs them.

use serde_json::Value;

use crate::Error;

/// An IAM policy: statements that allow or deny actions on resources.
///
/// `Action`, `NotAction`, `Resource` and `NotResource` with the wildcards `*` and `?` are evaluated as in the
/// [IAM policy reference](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html); a statement
/// with a `Condition` is refused, for ignoring it would grant too much.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
struct Statement {
    allow: bool,
    actions: Patterns,
    resources: Patterns,
}

#[derive(Debug, Clone)]
struct Patterns {
    listed: Vec<String>,
    /// True for `NotAction` and `NotResource`.
    inverted: bool,
}

/// What a set of policies says of an action. A denial outweighs any number of allowances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Deny,
    Silent,
}

impl Policy {
    /// A policy with one statement, which allows `action` (such as `codecommit:GitPull`) on `resource` (an ARN).
    pub fn allow(action: impl Into<String>, resource: impl Into<String>) -> Self {
        let only = |pattern: String| Patterns { listed: vec![pattern], inverted: false };
        Self {
            statements: vec![Statement { allow: true, actions: only(action.into()), resources: only(resource.into()) }],
        }
    }

    /// Reads a policy document.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) where it is no JSON, or lacks or has elements that cannot be
    /// evaluated here.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let document: Value =
            serde_json::from_str(json).map_err(|e| Error::invalid("a policy must be JSON").caused_by(e))?;
        let statements = statements(&document)?.into_iter().map(Statement::parse).collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }

    pub(crate) fn decide(&self, action: &str, resource: &str) -> Decision {
        let matching = || self.statements.iter().filter(|statement| statement.matches(action, resource));
        if matching().any(|statement| !statement.allow) {
            Decision::Deny
        } else if matching().next().is_some() {
            Decision::Allow
        } else {
            Decision::Silent
        }
    }
}

/// True where one of `policies` allows and none denies.
pub(crate) fn allowed<'a>(policies: impl IntoIterator<Item = &'a Policy>, action: &str, resource: &str) -> bool {
    let mut allow = false;
    for policy in policies {
        match policy.decide(action, resource) {
            Decision::Deny => return false,
            Decision::Allow => allow = true,
            Decision::Silent => {}
        }
    }
    allow
}

impl Statement {
    fn parse(value: &Value) -> Result<Self, Error> {
        if value.get("Condition").is_some() {
            return Err(Error::invalid("the sandbox evaluates no Condition in a permission policy"));
        }
        let allow = match value.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(Error::invalid("a policy statement needs an Effect, Allow or Deny")),
        };
        Ok(Self {
            allow,
            actions: Patterns::parse(value, "Action", "NotAction")?,
            resources: Patterns::parse(value, "Resource", "NotResource")?,
        })
    }

    fn matches(&self, action: &str, resource: &str) -> bool {
        self.actions.match_any(&action.to_ascii_lowercase(), str::to_ascii_lowercase)
            && self.resources.match_any(resource, str::to_owned)
    }
}

impl Patterns {
    fn parse(statement: &Value, key: &str, inverted_key: &str) -> Result<Self, Error> {
        let (value, inverted) = match (statement.get(key), statement.get(inverted_key)) {
            (Some(value), None) => (value, false),
            (None, Some(value)) => (value, true),
            _ => return Err(Error::invalid(format!("a policy statement needs one of {key} and {inverted_key}"))),
        };
        let listed = strings(value)
            .ok_or_else(|| Error::invalid(format!("{key} in a policy must be a string or a list of strings")))?;
        Ok(Self { listed, inverted })
    }

    fn match_any(&self, name: &str, fold: impl Fn(&str) -> String) -> bool {
        self.listed.iter().any(|pattern| wildcard(fold(pattern).as_bytes(), name.as_bytes())) != self.inverted
    }
}

/// The statements of a policy document: a list, or one alone.
pub(crate) fn statements(document: &Value) -> Result<Vec<&Value>, Error> {
    match document.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => Ok(list.iter().collect()),
        Some(one @ Value::Object(_)) => Ok(vec![one]),
        _ => Err(Error::invalid("a policy needs a Statement")),
    }
}

/// IAM takes a single string wherever it takes a list of them.
pub(crate) fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Matches `*` (any run) and `?` (any one character) by the usual greedy walk with one point to fall back to.
pub(crate) fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut fallback = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                fallback = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match fallback {
                Some((star, from)) => {
                    fallback = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::{Decision, Policy, allowed, wildcard};

    const APP: &str = "arn:aws:codecommit:ap-northeast-1:222222222222:app";

    #[test]
    fn wildcards_match_as_iam_says() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("arn:aws:codecommit:*:222222222222:*", APP, true),
            ("arn:aws:codecommit:*:111111111111:*", APP, false),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_denial_outweighs() {
        let policy = Policy::parse(
            r#"{"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["codecommit:Git*"], "Resource": "*"},
                {"Effect": "Deny", "NotAction": "codecommit:gitpull", "Resource": "*"}]}"#,
        )
        .unwrap();
        assert_eq!(policy.decide("codecommit:GitPull", APP), Decision::Allow);
        assert_eq!(policy.decide("codecommit:GitPush", APP), Decision::Deny);
        assert!(!allowed([&policy, &Policy::allow("*", "*")], "codecommit:GitPush", APP));
        assert_eq!(Policy::allow("codecommit:GitPull", "x").decide("codecommit:GitPull", APP), Decision::Silent);
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        for (json, part) in [
            ("{", "JSON"),
            ("{}", "Statement"),
            (r#"{"Statement": {"Action": "*", "Resource": "*"}}"#, "Effect"),
            (r#"{"Statement": {"Effect": "Allow", "Resource": "*"}}"#, "Action"),
            (r#"{"Statement": {"Effect": "Allow", "Action": 1, "Resource": "*"}}"#, "Action"),
            (r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}}"#, "Condition"),
        ] {
            let error = Policy::parse(json).unwrap_err();
            assert!(error.to_string().contains(part), "{json}: {error}");
        }
    }
}
