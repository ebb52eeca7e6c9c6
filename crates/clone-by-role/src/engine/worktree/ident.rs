//! The attribute `ident`: a file that shows the name of its own content.

use crate::ObjectId;

/// Puts the object's name into each `$Id$` (`ident` in `gitattributes(5)`), if there is one.
///
/// Where git's two ways of doing that differ, this is the one for files that are not `text=auto`.
pub(super) fn expand(content: &[u8], id: ObjectId) -> Option<Vec<u8>> {
    let mut expanded: Option<Vec<u8>> = None;
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = content[at..].iter().position(|&byte| byte == b'$') {
        let dollar = at + found;
        match after_dollar(&content[dollar + 1..]) {
            Dollar::Keyword(length) => {
                let out = expanded.get_or_insert_default();
                out.extend_from_slice(&content[copied..dollar]);
                out.extend_from_slice(format!("$Id: {id} $").as_bytes());
                at = dollar + 1 + length;
                copied = at;
            }
            Dollar::Other(length) => at = (dollar + 1 + length).min(content.len()),
        }
    }
    if let Some(out) = &mut expanded {
        out.extend_from_slice(&content[copied..]);
    }
    expanded
}

/// What a `$` begins, and how many bytes after it belong to that.
enum Dollar {
    Keyword(usize),
    /// The byte that tells it from a keyword counts as well, even if it is a `$`.
    Other(usize),
}

fn after_dollar(after: &[u8]) -> Dollar {
    match after {
        [b'I', b'd', b'$', ..] => Dollar::Keyword(3),
        [b'I', b'd', b':', rest @ ..] => match rest.iter().position(|&byte| byte == b'$' || byte == b'\n') {
            Some(end) if rest[end] == b'$' && !is_foreign(&rest[..end]) => Dollar::Keyword(3 + end + 1),
            Some(end) => Dollar::Other(3 + end + 1),
            None => Dollar::Other(after.len()),
        },
        [b'I', b'd', ..] => Dollar::Other(3),
        [b'I', ..] => Dollar::Other(2),
        _ => Dollar::Other(1),
    }
}

/// Several words are the mark of another version control system.
fn is_foreign(value: &[u8]) -> bool {
    value.strip_prefix(b" ").is_some_and(|words| {
        words.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r')).is_some_and(|at| at + 1 < words.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(text: &str) -> String {
        let id = ObjectId::from_bytes([0x11; 20]);
        let expanded = expand(text.as_bytes(), id).unwrap_or_else(|| text.into());
        String::from_utf8(expanded).unwrap().replace(&id.to_string(), "*")
    }

    /// The expected texts are what `git checkout` of git 2.47 wrote.
    #[test]
    fn ident_is_expanded_as_git_does() {
        for (text, expected) in [
            ("$Id$", "$Id: * $"),
            ("a $Id$ b $Id$\n", "a $Id: * $ b $Id: * $\n"),
            ("$Id: 0123 $", "$Id: * $"),
            ("$Id:0123$", "$Id: * $"),
            ("$Id: a.c 1.2 me $", "$Id: a.c 1.2 me $"),
            ("$Id: open\n $", "$Id: open\n $"),
            ("$Id", "$Id"),
            ("$$Id$$", "$$Id$$"),
            ("$x$Id$$", "$x$Id: * $$"),
            ("$Id:  x$ $Id: $", "$Id:  x$ $Id: * $"),
            ("$Id:x y$$Id", "$Id: * $$Id"),
            ("$I$Id$ $Id:", "$I$Id$ $Id:"),
            ("$Ident$ $Id$ $", "$Ident$ $Id: * $ $"),
            ("$Id:$", "$Id: * $"),
            ("none", "none"),
        ] {
            assert_eq!(ident(text), expected, "{text:?}");
        }
    }
}
