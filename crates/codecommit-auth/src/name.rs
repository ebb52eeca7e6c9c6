use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;
use crate::error::Shown;

/// The name of a repository: 1 to 100 of letters, digits, `.`, `_` and `-`, case-sensitive, not ending in `.git`.
///
/// The rule is [CodeCommit's](https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The name as CodeCommit writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        const HELP: &str =
            "copy the repository's name from the CodeCommit console or `aws codecommit list-repositories`";
        let rule = if name.is_empty() {
            "it is empty"
        } else if name.get(name.len().saturating_sub(4)..).is_some_and(|end| end.eq_ignore_ascii_case(".git")) {
            return Err(Error::malformed(
                format!(
                    "{} is not a repository: its name does not end in .git, and a clone of such a URL fails",
                    Shown(name)
                ),
                "leave the .git at the end out",
            ));
        } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            "a name has letters, digits, `.`, `_` and `-` only"
        } else if name.len() > 100 {
            "a name has at most 100 characters"
        } else if matches!(name, "." | "..") {
            "in a URL it would name another place"
        } else {
            return Ok(Self(name.into()));
        };
        Err(Error::malformed(format!("{} is not a repository: {rule}", Shown(name)), HELP))
    }
}

/// The number of an AWS account: twelve digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// The twelve digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self, Error> {
        if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(id.into()));
        }
        Err(Error::malformed(
            format!("{} is not an account: an AWS account is twelve digits", Shown(id)),
            "write the account's number without hyphens, such as 222222222222",
        ))
    }
}

macro_rules! text {
    ($name:ident) => {
        impl TryFrom<&str> for $name {
            type Error = Error;

            fn try_from(text: &str) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

text!(RepositoryName);
text!(AccountId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_by_form() {
        for good in ["a", "app", "App.2_x-y", "-", "_", "...", ".gitignore", "git", "x.git.y", &"n".repeat(100)] {
            assert_eq!(good.parse::<RepositoryName>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            "app.git",
            ".git",
            "app.GIT",
            "a b",
            "a/b",
            "a\nb",
            "a%20b",
            "ápp",
            "app\0",
            "é.git",
            &"n".repeat(101),
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
        let error = "app.git".parse::<RepositoryName>().unwrap_err();
        assert!(error.to_string().contains(".git"));
        assert!(error.help().contains(".git"));
    }

    #[test]
    fn accounts_by_form() {
        assert_eq!("012345678901".parse::<AccountId>().unwrap().as_str(), "012345678901");
        for bad in ["", "12345678901", "0123456789012", "1234-5678-90", "12345678901a", "12345678901\n", "١٢٣٤٥٦"]
        {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
        }
    }
}
