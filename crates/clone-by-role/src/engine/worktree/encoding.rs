//! `working-tree-encoding`: content is UTF-8 in the repository and something else in the worktree.

/// An encoding of files in the worktree. UTF-8 is none: nothing is to be done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Encoding {
    Utf16 { mark: bool, big: bool },
    Utf32 { mark: bool, big: bool },
    Latin1,
    Table(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// The encoding of this name, if it is one and another than UTF-8. Case does not matter.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        let upper = label.to_ascii_uppercase();
        // Without a byte order in its name, an encoding has a mark and this host's order, as iconv of glibc has it.
        let big = cfg!(target_endian = "big");
        Some(match upper.as_str() {
            "UTF-8" | "UTF8" => return None,
            "UTF-16" | "UTF16" => Self::Utf16 { mark: true, big },
            "UTF-16LE" | "UTF16LE" => Self::Utf16 { mark: false, big: false },
            "UTF-16BE" | "UTF16BE" => Self::Utf16 { mark: false, big: true },
            "UTF-16LE-BOM" => Self::Utf16 { mark: true, big: false },
            "UTF-16BE-BOM" => Self::Utf16 { mark: true, big: true },
            "UTF-32" | "UTF32" => Self::Utf32 { mark: true, big },
            "UTF-32LE" | "UTF32LE" => Self::Utf32 { mark: false, big: false },
            "UTF-32BE" | "UTF32BE" => Self::Utf32 { mark: false, big: true },
            // The tables follow browsers, which take these two for Windows-1252.
            "ISO-8859-1" | "ISO8859-1" | "LATIN-1" | "LATIN1" => Self::Latin1,
            _ => Self::Table(encoding_rs::Encoding::for_label(label.as_bytes())?),
        })
    }

    /// The content in this encoding; `None` where it cannot be expressed, and stays what it is, as with stock git.
    pub(super) fn apply(self, content: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(content).ok()?;
        match self {
            Self::Utf16 { mark, big } => {
                let marked = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
                Some(marked.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect())
            }
            Self::Utf32 { mark, big } => {
                let marked = mark.then_some(0xfeff).into_iter().chain(text.chars().map(u32::from));
                Some(marked.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect())
            }
            Self::Latin1 => text.chars().map(|char| u8::try_from(char).ok()).collect(),
            Self::Table(table) => {
                let (encoded, _, replaced) = table.encode(text);
                (!replaced).then(|| encoded.into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(label: &str, text: &str) -> Option<Vec<u8>> {
        Encoding::of_label(label).and_then(|encoding| encoding.apply(text.as_bytes()))
    }

    /// The expected bytes are those of `iconv -f UTF-8 -t …` of glibc on a little-endian host.
    #[test]
    fn encodings_are_those_of_iconv() {
        assert_eq!(encode("UTF-16LE", "hé").unwrap(), b"h\0\xe9\0");
        assert_eq!(encode("utf-16be", "hé").unwrap(), b"\0h\0\xe9");
        assert_eq!(encode("UTF-16LE-BOM", "h").unwrap(), b"\xff\xfeh\0");
        assert_eq!(encode("UTF-16BE-BOM", "h").unwrap(), b"\xfe\xff\0h");
        assert_eq!(encode("UTF-32BE", "😀").unwrap(), b"\0\x01\xf6\0");
        assert_eq!(encode("ISO-8859-1", "h\u{85}é").unwrap(), b"h\x85\xe9");
        assert_eq!(encode("SHIFT-JIS", "日本").unwrap(), b"\x93\xfa\x96\x7b");
        assert_eq!(encode("windows-1252", "€").unwrap(), b"\x80");
        #[cfg(target_endian = "little")]
        assert_eq!(encode("UTF-16", "h").unwrap(), b"\xff\xfeh\0");
    }

    #[test]
    fn what_cannot_be_encoded_stays() {
        assert_eq!(Encoding::of_label("UTF-8"), None);
        assert_eq!(Encoding::of_label("no-such-encoding"), None);
        assert_eq!(encode("ISO-8859-1", "日本"), None);
        assert_eq!(Encoding::of_label("UTF-16LE").unwrap().apply(b"\xff"), None);
    }
}
