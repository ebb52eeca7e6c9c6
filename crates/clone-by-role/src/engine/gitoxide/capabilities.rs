//! What a server says it can do.

use super::errors;
use crate::{Error, ErrorKind, Result, Step};

/// A version of git's protocol, as the server chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V0,
    V1,
    V2,
}

impl Version {
    /// The value of the `Git-Protocol` header for the requests that follow. A server of version 0 is told nothing.
    pub(super) fn header(self) -> Option<&'static str> {
        match self {
            Self::V0 => None,
            Self::V1 => Some("version=1"),
            Self::V2 => Some("version=2"),
        }
    }
}

/// The words of a server's first answer: after the first ref in versions 0 and 1, one in each line in version 2.
#[derive(Clone, Debug)]
pub(super) struct Capabilities {
    pub(super) version: Version,
    words: Vec<String>,
}

impl Capabilities {
    pub(super) fn new(version: Version) -> Self {
        Self { version, words: Vec::new() }
    }

    /// Of the text behind the first ref's NUL byte.
    pub(super) fn of_first_ref(version: Version, text: &[u8]) -> Self {
        let words = String::from_utf8_lossy(text).split_ascii_whitespace().map(str::to_owned).collect();
        Self { version, words }
    }

    /// Adds a line of version 2.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.words.push(String::from_utf8_lossy(line).trim().to_owned());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The values of a name that may stand several times; empty where it stands without a value.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.words.iter().filter_map(move |word| match word.split_once('=') {
            Some((found, value)) => (found == name).then_some(value),
            None => (word == name).then_some(""),
        })
    }

    /// Whether a command of version 2 has a feature, such as `shallow` of `fetch`.
    pub(super) fn command_has(&self, command: &str, feature: &str) -> bool {
        self.values(command).any(|value| value.split_ascii_whitespace().any(|found| found == feature))
    }

    /// Refuses a server whose objects have other names than SHA-1 ones.
    pub(super) fn check_object_format(&self) -> Result<()> {
        match self.values("object-format").next() {
            None | Some("sha1") => Ok(()),
            Some(format) => {
                let format: String = format.chars().filter(|c| c.is_ascii_alphanumeric()).take(20).collect();
                Err(Error::new(
                    ErrorKind::Unsupported,
                    Step::Connect,
                    format!("the repository's objects are named by {format}, and only sha1 is supported"),
                ))
            }
        }
    }

    /// Refuses a server of version 2 that lacks what a clone takes.
    pub(super) fn check_commands(&self) -> Result<()> {
        for command in ["ls-refs", "fetch"] {
            if !self.has(command) {
                return Err(errors::protocol(Step::Connect, format!("it does not offer {command}")));
            }
        }
        Ok(())
    }

    /// Whether the history can be cut.
    pub(super) fn can_cut_history(&self) -> bool {
        match self.version {
            Version::V0 | Version::V1 => self.has("shallow"),
            Version::V2 => self.command_has("fetch", "shallow"),
        }
    }

    /// Whether a commit can be asked for that no ref names.
    pub(super) fn gives_any_commit(&self) -> bool {
        match self.version {
            Version::V0 | Version::V1 => self.has("allow-tip-sha1-in-want") || self.has("allow-reachable-sha1-in-want"),
            Version::V2 => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_matched_whole() {
        let capabilities = Capabilities::of_first_ref(
            Version::V0,
            b" multi_ack_detailed side-band-64k symref=HEAD:refs/heads/a symref=X:refs/heads/b agent=git/2",
        );
        assert!(capabilities.has("side-band-64k"));
        assert!(!capabilities.has("side-band"));
        assert_eq!(capabilities.values("symref").collect::<Vec<_>>(), ["HEAD:refs/heads/a", "X:refs/heads/b"]);
        assert!(!capabilities.can_cut_history());
    }

    #[test]
    fn features_of_version_2_stand_behind_their_command() {
        let mut capabilities = Capabilities::new(Version::V2);
        capabilities.push(b"ls-refs=unborn");
        assert_eq!(capabilities.check_commands().unwrap_err().kind(), ErrorKind::Protocol);
        capabilities.push(b"fetch=shallow wait-for-done");
        capabilities.check_commands().unwrap();
        assert!(capabilities.can_cut_history());
        assert!(!capabilities.command_has("fetch", "filter"));
    }

    #[test]
    fn only_sha1_names_are_understood() {
        let mut capabilities = Capabilities::new(Version::V2);
        capabilities.check_object_format().unwrap();
        capabilities.push(b"object-format=sha256");
        let error = capabilities.check_object_format().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("sha256"));
    }
}
