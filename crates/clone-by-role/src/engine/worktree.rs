//! What both engines do when they write a worktree: from a commit to files, with no more of a git library than what
//! reads objects. Nothing is written before the whole tree was looked at.

mod attributes;
mod encoding;
mod files;
mod ident;
mod line_endings;
mod listing;
mod objects;
mod paths;

use std::borrow::Cow;
use std::path::Path;

use crate::{ObjectId, Result};
use attributes::Attributes;
pub(super) use attributes::Sources;
use encoding::Encoding;
pub(super) use files::{Stat, write};
pub(super) use line_endings::Configuration;
use line_endings::{Attribute, LineEndings};
pub(crate) use listing::shown;
#[cfg(feature = "libgit2")]
pub(super) use listing::{Entry, hostile};
pub(super) use listing::{Kind, Listing, wrong_kind};
pub(super) use objects::{Kind as ObjectKind, Objects, Store};

/// The attributes that matter here, in the order that [`Rules::new`] takes them in.
const ATTRIBUTES: [&str; 5] = ["text", "crlf", "eol", "ident", "working-tree-encoding"];

/// What `.gitattributes` say of an attribute, if they say something (`gitattributes(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    True,
    False,
    Text(&'a [u8]),
}

/// How one file's bytes become those in the worktree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    line_endings: LineEndings,
    ident: bool,
    encoding: Option<Encoding>,
}

impl Rules {
    fn new(values: [Option<Value<'_>>; ATTRIBUTES.len()], configuration: Configuration) -> Self {
        let [text, crlf, eol, ident, encoding] = values;
        let text = text.or(crlf).and_then(|value| match value {
            Value::True => Some(Attribute::Text),
            Value::False => Some(Attribute::Binary),
            Value::Text(b"input") => Some(Attribute::TextAsLf),
            Value::Text(b"auto") => Some(Attribute::Auto),
            Value::Text(_) => None,
        });
        let crlf = match eol {
            Some(Value::Text(b"crlf")) => Some(true),
            Some(Value::Text(b"lf")) => Some(false),
            _ => None,
        };
        let encoding = match encoding {
            Some(Value::Text(label)) => Encoding::of_label(&String::from_utf8_lossy(label)),
            _ => None,
        };
        let line_endings = LineEndings::decide(text, crlf, configuration);
        Self { line_endings, ident: ident == Some(Value::True), encoding }
    }

    /// Applies the rules to the content of the blob `id`, in git's order.
    pub(super) fn to_worktree<'a>(self, content: &'a [u8], id: ObjectId) -> Cow<'a, [u8]> {
        let mut content = Cow::Borrowed(content);
        if self.ident
            && let Some(expanded) = ident::expand(&content, id)
        {
            content = Cow::Owned(expanded);
        }
        if let Some(converted) = self.line_endings.apply(&content) {
            content = Cow::Owned(converted);
        }
        if let Some(encoded) = self.encoding.and_then(|encoding| encoding.apply(&content)) {
            content = Cow::Owned(encoded);
        }
        content
    }
}

/// A path of a tree as this system has it.
#[cfg(unix)]
pub(super) fn native(path: &[u8]) -> Result<&Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(std::ffi::OsStr::from_bytes(path)))
}

/// A path of a tree as this system has it.
#[cfg(not(unix))]
pub(super) fn native(path: &[u8]) -> Result<&Path> {
    use crate::{Error, ErrorKind, Step};
    std::str::from_utf8(path).map(Path::new).map_err(|_| {
        let message = format!("the path \"{}\" is not UTF-8, which this system needs", path.escape_ascii());
        Error::new(ErrorKind::Unsupported, Step::Checkout, message)
    })
}

#[cfg(test)]
mod tests;
