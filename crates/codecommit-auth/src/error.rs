use std::fmt;

/// What went wrong, in one sentence, with what kind of thing it is and what mends it.
///
/// The sentence never holds a secret: a login, a key, a token and whatever stood before an `@` in an HTTPS URL are left out, and text that came from outside is shortened and has its control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: Box<str>,
    help: &'static str,
}

/// Who must act, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A region, repository, account, profile, ARN, URL or endpoint breaks the rule for its form. Whoever wrote the name must mend it; trying again cannot help.
    Malformed,
    /// The name is well formed but of a transport that carries no signed login: `ssh`, or HTTP without TLS. Use the HTTPS form that the message shows.
    Transport,
    /// The host is not one of CodeCommit's and is not the endpoint that the caller vouches for. Mend the URL, or vouch for the host as the endpoint.
    ForeignHost,
    /// No region is known: neither the name nor the endpoint holds one, and no default was given. Name a region, or configure one.
    MissingRegion,
    /// Two parts of what was given name different places: a region against an endpoint, a partition against a region. One of them must be mended.
    Conflict,
    /// git asked for a login without naming the repository, which the signature needs. Whoever configures git sets `credential.useHttpPath`.
    MissingPath,
    /// A request of git's credential protocol, or an answer to one, breaks the protocol's rules in a way that attacks have used. It gets no answer; look at the URLs of the repository and its submodules.
    CredentialRequest,
    /// The credentials had expired at the time for which a login was asked. Get new ones; then the same call succeeds.
    ExpiredCredentials,
    /// The credentials cannot be part of a login: an empty key, or a character that a login cannot carry. Whoever provides them must mend it.
    UnusableCredentials,
    /// The time cannot be signed: it is before 1970 or after 9999. Set the host's clock.
    UnusableTime,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Box<str>>, help: &'static str) -> Self {
        Self { kind, message: message.into(), help }
    }

    pub(crate) fn malformed(message: impl Into<Box<str>>, help: &'static str) -> Self {
        Self::new(ErrorKind::Malformed, message, help)
    }

    /// What kind of error this is; its documentation says who must act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What mends it, as one sentence for whoever reads the message.
    #[must_use]
    pub fn help(&self) -> &str {
        self.help
    }

    /// Whether the fault is in a name that the caller wrote: wrong usage, found before anything was asked of anyone.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self.kind {
            ErrorKind::Malformed
            | ErrorKind::Transport
            | ErrorKind::ForeignHost
            | ErrorKind::MissingRegion
            | ErrorKind::Conflict
            | ErrorKind::MissingPath
            | ErrorKind::CredentialRequest => true,
            ErrorKind::ExpiredCredentials | ErrorKind::UnusableCredentials | ErrorKind::UnusableTime => false,
        }
    }

    /// Whether the same call can succeed with fresh credentials and nothing else changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::ExpiredCredentials
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Text from outside as a message may show it: quoted, control characters escaped, cut after 80 characters.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        f.write_str("`")?;
        for c in self.0.chars().take(LONGEST) {
            match c {
                // Format characters such as U+202E reorder what a terminal shows.
                c if c.is_control() || is_format(c) => write!(f, "{}", c.escape_unicode())?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        if self.0.chars().nth(LONGEST).is_some() {
            f.write_str("…")?;
        }
        f.write_str("`")
    }
}

fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_a_terminal_or_a_log() {
        assert_eq!(Shown("a\nb\r\u{1b}[2J\u{202e}").to_string(), "`a\\u{a}b\\u{d}\\u{1b}[2J\\u{202e}`");
        assert_eq!(Shown(&"x".repeat(81)).to_string(), format!("`{}…`", "x".repeat(80)));
        assert_eq!(Shown(&"é".repeat(80)).to_string(), format!("`{}`", "é".repeat(80)));
    }

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() <= 40, "{}", size_of::<Error>());
    }
}
