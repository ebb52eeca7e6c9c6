//! Which names in a tree are refused: those that stock git refuses to write, on every system by the rules of all of
//! them, so that a clone that succeeds here can be carried anywhere.

/// Why the name of an entry is refused, if it is. `link` says whether the entry is a symlink.
pub(super) fn refusal(name: &[u8], link: bool) -> Option<&'static str> {
    if name.is_empty() {
        return Some("an empty name");
    }
    if name == b"." || name == b".." {
        return Some("a name that leads out of its folder");
    }
    if name.contains(&b'/') {
        return Some("a name with a slash");
    }
    if cfg!(windows) && name.iter().any(|&byte| matches!(byte, b'\\' | b':')) {
        return Some("a name with a separator of this system");
    }
    let stripped = hfs_visible(name);
    // NTFS reads a backslash as a separator, wherever the clone may be carried.
    for part in name.split(|&byte| byte == b'\\').chain([stripped.as_slice()]) {
        if name.contains(&b'\\') && (part == b"." || part == b"..") {
            return Some("a name that leads out of its folder on some systems");
        }
        if is_dot_git(part) {
            return Some("a name that some file system takes for .git");
        }
        if link && is_dot_gitmodules(part) {
            return Some("a symlink in the place of .gitmodules");
        }
    }
    None
}

/// `.git`, or its short name on NTFS, with what Windows ignores at the end.
fn is_dot_git(name: &[u8]) -> bool {
    let Some(name) = before_stream(name) else { return false };
    let name = trim_ignored(name);
    name.eq_ignore_ascii_case(b".git") || name.eq_ignore_ascii_case(b"git~1")
}

/// `.gitmodules`, or one of its short names on NTFS: `gitmod~1` to `~4`, and then `gi7eba~1` and on with shrinking
/// letters, as Windows numbers names that collide.
fn is_dot_gitmodules(name: &[u8]) -> bool {
    let Some(name) = before_stream(name) else { return false };
    let name = trim_ignored(name);
    if name.eq_ignore_ascii_case(b".gitmodules") {
        return true;
    }
    let Some(tilde) = name.iter().position(|&byte| byte == b'~') else { return false };
    let (stem, number) = (&name[..tilde], &name[tilde + 1..]);
    if stem.eq_ignore_ascii_case(b"gitmod") && matches!(number, [b'1'..=b'4']) {
        return true;
    }
    let numbered = matches!(number, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit));
    name.len() == 8 && numbered && stem.len() <= 6 && stem.eq_ignore_ascii_case(&b"gi7eba"[..stem.len()])
}

/// What stands before the name of an NTFS stream.
fn before_stream(name: &[u8]) -> Option<&[u8]> {
    name.split(|&byte| byte == b':').next()
}

/// Windows drops dots and spaces at the end of a name.
fn trim_ignored(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&byte| byte != b'.' && byte != b' ').map_or(0, |at| at + 1);
    &name[..end]
}

/// The name without the characters that HFS+ ignores. It is as it was where there are none, and empty where it is not
/// UTF-8, which HFS+ does not store.
fn hfs_visible(name: &[u8]) -> Vec<u8> {
    let ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    match std::str::from_utf8(name) {
        Ok(name) if !name.is_ascii() => name.chars().filter(|c| !ignored(c)).collect::<String>().into_bytes(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn refuses_git_in_its_disguises() {
        let names: &[&[u8]] = &[
            b".git",
            b".GIT",
            b".gIt",
            b"git~1",
            b"GIT~1",
            b".git ",
            b".git.",
            b".git . .",
            b".git::$INDEX_ALLOCATION",
            b"git~1:x",
            b".git\\config",
            b"a\\.git\\config",
            b"a\\git~1",
            b"..\\a",
            b"a\\..",
            ".g\u{200c}it".as_bytes(),
            "\u{feff}.Git".as_bytes(),
            ".git\u{206f}".as_bytes(),
            b".",
            b"..",
            b"",
            b"a/b",
        ];
        for name in names {
            assert!(refusal(name, false).is_some(), "{:?}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn refuses_gitmodules_only_as_a_link() {
        let names: &[&[u8]] = &[
            b".gitmodules",
            b".GitModules",
            b".gitmodules .",
            b"gitmod~1",
            b"GITMOD~4",
            b"gi7eba~1",
            b"gi7eb~10",
            b"gi7~1234",
            b".gitmodules:x",
            ".gitmod\u{200d}ules".as_bytes(),
        ];
        for name in names {
            assert!(refusal(name, true).is_some(), "{:?}", String::from_utf8_lossy(name));
            assert_eq!(refusal(name, false), None, "{:?}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn accepts_what_only_looks_like_it() {
        let names: &[&[u8]] = &[
            b".gitignore",
            b".gitattributes",
            b"git",
            b"git~2",
            b".gita",
            b"...git",
            b"a.git",
            b"gitmod~5",
            b"gi7eba~0",
            b"gi7ebb~1",
            b"...",
            b"a b",
            b"a\\b",
            b"\xff\xfe",
            "\u{200c}".as_bytes(),
            "na\u{ef}ve".as_bytes(),
        ];
        for name in names {
            assert_eq!(refusal(name, true), None, "{:?}", String::from_utf8_lossy(name));
        }
    }
}
