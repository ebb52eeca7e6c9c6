//! The grammar of ref names.

/// Whether `name` is a full ref name by the rules of `git check-ref-format`.
///
/// A server's refs pass through here before any of them becomes a line of a file.
pub(crate) fn is_valid(name: &str) -> bool {
    name.starts_with("refs/")
        && !name.ends_with(['/', '.'])
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
        && !name.bytes().any(|byte| byte <= b' ' || byte == 0x7f || br"~^:?*[\".contains(&byte))
}

/// Whether `name` can be the short name of a branch: `refs/heads/NAME` is valid, and it is no option and not `HEAD`.
pub(crate) fn is_valid_branch(name: &str) -> bool {
    name != "HEAD" && !name.starts_with('-') && is_valid(&format!("refs/heads/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names() {
        for name in [
            "refs/heads/main",
            "refs/heads/a/b",
            "refs/tags/v1.0",
            "refs/heads/ä",
            "refs/heads/@",
            "refs/x",
            "refs/heads/-x",
        ] {
            assert!(is_valid(name), "{name:?} is valid");
        }
        for name in [
            "",
            "HEAD",
            "heads/main",
            "refs/",
            "refs/heads/",
            "refs//x",
            "refs/heads/.x",
            "refs/heads/x.lock",
            "refs/heads/a.lock/b",
            "refs/heads/a..b",
            "refs/heads/x.",
            "refs/heads/a b",
            "refs/heads/a\nb",
            "refs/heads/a\0",
            "refs/heads/a~1",
            "refs/heads/a^{}",
            "refs/heads/a:b",
            "refs/heads/a?",
            "refs/heads/a*",
            "refs/heads/[a",
            "refs/heads/a\\b",
            "refs/heads/a@{1}",
            "refs/heads/\x7f",
            "refs/../x",
        ] {
            assert!(!is_valid(name), "{name:?} is not valid");
        }
    }

    #[test]
    fn branches() {
        assert!(is_valid_branch("feature/x"));
        for name in ["", "HEAD", "-x", "a b", "/x", "x/"] {
            assert!(!is_valid_branch(name), "{name:?} is not a branch");
        }
    }
}
