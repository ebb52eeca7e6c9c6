//! git's pkt-lines: <https://git-scm.com/docs/gitprotocol-common#_pkt_line_format>.

/// The longest payload of one line.
pub(crate) const LONGEST: usize = 65_516;

/// The end of a list.
pub(crate) const FLUSH: &[u8] = b"0000";

/// The length of the line, head included, that starts with these four bytes; 0 to 2 are flush, delimiter and end.
/// `None` where they start no line.
pub(crate) fn length(head: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(head.get(..4)?).ok()?;
    let length = digits.bytes().all(|c| c.is_ascii_hexdigit()).then(|| usize::from_str_radix(digits, 16).ok())??;
    (length != 3).then_some(length)
}

/// One line around `payload`, which must not be longer than [`LONGEST`].
pub(crate) fn line(payload: &[u8]) -> Vec<u8> {
    let mut line = format!("{:04x}", payload.len() + 4).into_bytes();
    line.extend_from_slice(payload);
    line
}

/// Splits the first whole line off `buffer`: its bytes, head included. `None` where more is needed.
pub(crate) fn split_first(buffer: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    if buffer.len() < 4 {
        return Ok(None);
    }
    let length = length(buffer).ok_or(Malformed)?.max(4);
    Ok(buffer.get(..length))
}

/// Where a line should be, there is something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

#[cfg(test)]
mod tests {
    use super::{Malformed, length, line, split_first};

    #[test]
    fn lines_read_as_written() {
        assert_eq!(line(b"hi\n"), b"0007hi\n");
        assert_eq!(split_first(b"0007hi\n0000"), Ok(Some(&b"0007hi\n"[..])));
        assert_eq!(split_first(b"0007hi"), Ok(None));
        assert_eq!(split_first(b"00"), Ok(None));
        assert_eq!(split_first(b"0000rest"), Ok(Some(&b"0000"[..])));
        assert_eq!(split_first(b"PACK"), Err(Malformed));
        assert_eq!(length(b"0003"), None);
        assert_eq!(length(b"+00f"), None);
    }
}
