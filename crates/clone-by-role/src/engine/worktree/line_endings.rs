//! Line endings, by git's rules (`text`, `eol` and `crlf` in `gitattributes(5)`, `core.autocrlf` and `core.eol` in
//! `git-config(1)`; `convert.c` decides what the manual leaves open).

/// What the attribute `text`, or its older name `crlf`, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Text,
    /// The old `crlf=input`.
    TextAsLf,
    Binary,
    Auto,
}

/// The part of a repository's configuration that bears on line endings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Configuration {
    /// `core.autocrlf`: true, `input` (here false), or off.
    pub(super) auto: Option<bool>,
    /// Whether text ends its lines with CRLF where no attribute says how (`core.eol`).
    pub(super) text: bool,
}

/// What happens to the line endings of one file on their way to the worktree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) enum LineEndings {
    #[default]
    Keep,
    Crlf,
    /// CRLF where the content looks like text and has no CRLF yet.
    CrlfIfText,
}

impl Configuration {
    /// Of the values of `core.autocrlf` and `core.eol` in the repository's own `config`. A fresh clone has neither.
    pub(in crate::engine) fn new(autocrlf: Option<&[u8]>, eol: Option<&[u8]>) -> Self {
        let is_one_of =
            |value: &[u8], names: &[&str]| names.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()));
        let auto = match autocrlf {
            Some(value) if is_one_of(value, &["input"]) => Some(false),
            Some(value) if is_one_of(value, &["true", "yes", "on", "1"]) => Some(true),
            _ => None,
        };
        let text = match eol {
            Some(value) if is_one_of(value, &["crlf"]) => true,
            Some(value) if is_one_of(value, &["lf"]) => false,
            _ => cfg!(windows),
        };
        Self { auto, text }
    }
}

impl LineEndings {
    /// `crlf` is the attribute `eol`: CRLF, LF, or not set.
    pub(super) fn decide(text: Option<Attribute>, crlf: Option<bool>, configuration: Configuration) -> Self {
        let crlf_text = configuration.auto.unwrap_or(configuration.text);
        match (text, crlf) {
            (Some(Attribute::Binary), _) => Self::Keep,
            (Some(Attribute::Auto), Some(true)) => Self::CrlfIfText,
            (Some(Attribute::Auto), None) if crlf_text => Self::CrlfIfText,
            (Some(Attribute::Auto), _) => Self::Keep,
            (_, Some(true)) => Self::Crlf,
            (_, Some(false)) | (Some(Attribute::TextAsLf), None) => Self::Keep,
            (Some(Attribute::Text), None) if crlf_text => Self::Crlf,
            (Some(Attribute::Text), None) => Self::Keep,
            (None, None) if configuration.auto == Some(true) => Self::CrlfIfText,
            (None, None) => Self::Keep,
        }
    }

    /// The content with CRLF, if it is to be changed.
    pub(super) fn apply(self, content: &[u8]) -> Option<Vec<u8>> {
        if self == Self::Keep {
            return None;
        }
        let found = Found::count(content);
        if found.lone_lf == 0 || (self == Self::CrlfIfText && (found.crlf > 0 || found.looks_binary())) {
            return None;
        }
        let mut converted = Vec::with_capacity(content.len() + found.lone_lf);
        let mut previous = 0;
        for &byte in content {
            if byte == b'\n' && previous != b'\r' {
                converted.push(b'\r');
            }
            converted.push(byte);
            previous = byte;
        }
        Some(converted)
    }
}

/// What git looks at to tell text from other content.
#[derive(Default)]
struct Found {
    nul: usize,
    lone_cr: usize,
    lone_lf: usize,
    crlf: usize,
    printable: usize,
    other: usize,
}

impl Found {
    fn count(content: &[u8]) -> Self {
        let mut found = Self::default();
        let mut bytes = content.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.next_if_eq(&b'\n').is_some() => found.crlf += 1,
                b'\r' => found.lone_cr += 1,
                b'\n' => found.lone_lf += 1,
                // Backspace, tab, escape and form feed are at home in text.
                8 | b'\t' | 27 | 12 => found.printable += 1,
                0 => {
                    found.nul += 1;
                    found.other += 1;
                }
                1..32 | 127 => found.other += 1,
                _ => found.printable += 1,
            }
        }
        // The end-of-file mark of old systems counts for nothing at the end.
        if content.last() == Some(&26) {
            found.other -= 1;
        }
        found
    }

    fn looks_binary(&self) -> bool {
        self.lone_cr > 0 || self.nul > 0 || self.printable >> 7 < self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_go_before_configuration() {
        use Attribute::{Auto, Binary, Text, TextAsLf};
        let plain = Configuration::default();
        let crlf = Configuration { auto: Some(true), text: false };
        for (text, eol, configuration, expected) in [
            (None, None, plain, LineEndings::Keep),
            (Some(Text), None, plain, LineEndings::Keep),
            (Some(Text), Some(true), plain, LineEndings::Crlf),
            (None, Some(true), plain, LineEndings::Crlf),
            (Some(Auto), Some(true), plain, LineEndings::CrlfIfText),
            (Some(Auto), None, plain, LineEndings::Keep),
            (Some(Binary), Some(true), crlf, LineEndings::Keep),
            (Some(TextAsLf), None, crlf, LineEndings::Keep),
            (Some(Text), Some(false), crlf, LineEndings::Keep),
            (Some(Text), None, crlf, LineEndings::Crlf),
            (None, None, crlf, LineEndings::CrlfIfText),
            (Some(Auto), None, Configuration { auto: None, text: true }, LineEndings::CrlfIfText),
            (None, None, Configuration { auto: Some(false), text: true }, LineEndings::Keep),
        ] {
            assert_eq!(LineEndings::decide(text, eol, configuration), expected, "{text:?} {eol:?} {configuration:?}");
        }
    }

    #[test]
    fn only_text_without_crlf_is_guessed_to_want_it() {
        let crlf = |content: &[u8]| LineEndings::Crlf.apply(content);
        let guess = |content: &[u8]| LineEndings::CrlfIfText.apply(content);
        assert_eq!(crlf(b"a\nb\r\nc\n").unwrap(), b"a\r\nb\r\nc\r\n");
        assert_eq!(crlf(b"a\r\n"), None);
        assert_eq!(guess(b"a\nb\n").unwrap(), b"a\r\nb\r\n");
        assert_eq!(guess(b"a\nb\r\n"), None);
        assert_eq!(guess(b"a\nb\0"), None);
        assert_eq!(guess(b"a\nb\rc"), None);
        assert_eq!(guess(b"a\n\x01"), None);
        assert_eq!(guess(b"a\n\x1a").unwrap(), b"a\r\n\x1a");
        assert_eq!(LineEndings::Keep.apply(b"a\n"), None);
    }
}
