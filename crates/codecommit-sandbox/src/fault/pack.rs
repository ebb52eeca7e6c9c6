//! Changes to what git's server sends, within well-formed pkt-lines.

use bytes::Bytes;

use crate::codecommit::pkt;

/// What to change.
pub(crate) enum Change {
    FlipBit(u64),
    Truncate(u64),
    Replace(Bytes),
    EndlessProgress,
    EndlessRefs,
    ExtraRef { name: String, id: Option<String> },
}

/// Whether anything more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// What the server sends next is wanted.
    More,
    /// The answer is whole.
    End,
    /// [`Rewriter::endless`] is to be sent again and again.
    Endless,
}

/// Applies a [`Change`] to an answer that comes in pieces.
pub(crate) struct Rewriter {
    change: Change,
    buffer: Vec<u8>,
    /// Bytes of the pack that went by.
    passed: u64,
    /// True from the first byte of a pack that comes without side-band.
    raw: bool,
    first_id: Option<String>,
    after_service_line: bool,
}

impl Rewriter {
    pub(crate) fn new(change: Change) -> Self {
        Self { change, buffer: Vec::new(), passed: 0, raw: false, first_id: None, after_service_line: false }
    }

    /// Takes a piece and appends to `out` what is to be sent of it.
    pub(crate) fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Flow {
        self.buffer.extend_from_slice(piece);
        loop {
            if self.raw || self.buffer.starts_with(b"PACK") {
                self.raw = true;
                let mut pack = std::mem::take(&mut self.buffer);
                let flow = self.pack(&mut pack);
                out.extend_from_slice(&pack);
                return flow;
            }
            let line = match pkt::split_first(&self.buffer) {
                Ok(Some(line)) => line.to_vec(),
                Ok(None) => return Flow::More,
                Err(pkt::Malformed) => {
                    out.append(&mut self.buffer);
                    return Flow::More;
                }
            };
            self.buffer.drain(..line.len());
            let flow = self.line(line, out);
            if flow != Flow::More {
                return flow;
            }
        }
    }

    /// What comes for ever, once [`Flow::Endless`] was told.
    pub(crate) fn endless(&self, round: u64) -> Vec<u8> {
        match &self.change {
            Change::EndlessRefs => {
                let id = self.first_id.as_deref().unwrap_or("0123456789012345678901234567890123456789");
                pkt::line(format!("{id} refs/heads/endless-{round:012}\n").as_bytes())
            }
            _ => pkt::line(format!("\x02Counting objects: {round}\r").as_bytes()),
        }
    }

    fn line(&mut self, mut line: Vec<u8>, out: &mut Vec<u8>) -> Flow {
        match (&self.change, line.get(4)) {
            (Change::EndlessRefs | Change::ExtraRef { .. }, _) => self.reference(&line, out),
            (Change::EndlessProgress, Some(1..=3)) => Flow::Endless,
            (Change::Replace(pack), Some(1..=3)) => {
                // From the first packet of any band on: where the server has nothing to send, a pack
                // comes all the same. The packet without content holds the place of an empty one.
                out.extend(pkt::line(&[1]));
                for piece in pack.chunks(pkt::LONGEST - 1) {
                    out.extend(pkt::line(&[&[1], piece].concat()));
                }
                out.extend_from_slice(pkt::FLUSH);
                Flow::End
            }
            (_, Some(1)) => {
                let mut pack = line.split_off(5);
                let flow = self.pack(&mut pack);
                if !pack.is_empty() {
                    out.extend(pkt::line(&[&[1], &pack[..]].concat()));
                }
                if flow == Flow::End {
                    out.extend_from_slice(pkt::FLUSH);
                }
                flow
            }
            _ => {
                out.extend(line);
                Flow::More
            }
        }
    }

    /// Changes the next bytes of the pack in place.
    fn pack(&mut self, bytes: &mut Vec<u8>) -> Flow {
        let from = self.passed;
        self.passed += bytes.len() as u64;
        match &self.change {
            Change::FlipBit(at) if (from..self.passed).contains(at) => bytes[(at - from) as usize] ^= 1,
            Change::Truncate(length) if *length <= self.passed => {
                bytes.truncate(length.saturating_sub(from) as usize);
                return Flow::End;
            }
            Change::Replace(pack) => {
                *bytes = pack.to_vec();
                return Flow::End;
            }
            _ => {}
        }
        Flow::More
    }

    /// Passes the list of refs, and adds to it before the flush that ends it.
    fn reference(&mut self, line: &[u8], out: &mut Vec<u8>) -> Flow {
        let service_line = line.starts_with(b"001e# service=") || line.starts_with(b"001f# service=");
        if line != pkt::FLUSH || self.after_service_line {
            self.after_service_line = service_line;
            if self.first_id.is_none() && line.len() > 44 && line[4..44].iter().all(u8::is_ascii_hexdigit) {
                self.first_id = Some(String::from_utf8_lossy(&line[4..44]).into_owned());
            }
            out.extend_from_slice(line);
            return Flow::More;
        }
        let Change::ExtraRef { name, id } = &self.change else { return Flow::Endless };
        let id = id.as_ref().or(self.first_id.as_ref());
        out.extend(pkt::line(format!("{} {name}\n", id.map_or("", String::as_str)).as_bytes()));
        out.extend_from_slice(pkt::FLUSH);
        Flow::End
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Flow, Rewriter};
    use crate::codecommit::pkt;

    const ID: &str = "0123456789012345678901234567890123456789";

    /// Feeds byte by byte, as the network may.
    fn rewrite(change: Change, answer: &[u8]) -> (Vec<u8>, Flow) {
        let (mut rewriter, mut out) = (Rewriter::new(change), Vec::new());
        for byte in answer {
            let flow = rewriter.feed(&[*byte], &mut out);
            if flow != Flow::More {
                return (out, flow);
            }
        }
        (out, Flow::More)
    }

    fn answer() -> Vec<u8> {
        [&b"0008NAK\n"[..], &pkt::line(b"\x02hello"), &pkt::line(b"\x01PACKab"), &pkt::line(b"\x01cd"), b"0000"]
            .concat()
    }

    proptest::proptest! {
        /// However the network splits an answer, the same comes out.
        #[test]
        fn pieces_do_not_matter(cuts in proptest::collection::vec(0usize..60, 0..6), which in 0usize..4) {
            let change = || match which {
                0 => Change::FlipBit(5),
                1 => Change::Truncate(5),
                2 => Change::Replace("xyz".into()),
                _ => Change::ExtraRef { name: "refs/heads/x".to_owned(), id: Some(ID.to_owned()) },
            };
            let answer = answer();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(answer.len())).collect();
            cuts.extend([0, answer.len()]);
            cuts.sort_unstable();
            let (mut rewriter, mut out) = (Rewriter::new(change()), Vec::new());
            for pair in cuts.windows(2) {
                if rewriter.feed(&answer[pair[0]..pair[1]], &mut out) != Flow::More {
                    break;
                }
            }
            proptest::prop_assert_eq!(out, rewrite(change(), &answer).0);
        }
    }

    #[test]
    fn one_bit_is_flipped_across_lines() {
        let (changed, flow) = rewrite(Change::FlipBit(7), &answer());
        let expected =
            [&b"0008NAK\n"[..], &pkt::line(b"\x02hello"), &pkt::line(b"\x01PACKab"), &pkt::line(b"\x01ce"), b"0000"];
        assert_eq!(changed, expected.concat());
        assert_eq!(flow, Flow::More);
    }

    #[test]
    fn a_truncated_or_other_pack_ends_well_formed() {
        let head = [&b"0008NAK\n"[..], &pkt::line(b"\x02hello")].concat();
        let (changed, flow) = rewrite(Change::Truncate(5), &answer());
        assert_eq!(changed, [&head[..], &pkt::line(b"\x01PACKa"), b"0000"].concat());
        assert_eq!(flow, Flow::End);
        let (changed, flow) = rewrite(Change::Replace("xyz".into()), &answer());
        assert_eq!(changed, [&b"0008NAK\n"[..], &pkt::line(b"\x01"), &pkt::line(b"\x01xyz"), b"0000"].concat());
        assert_eq!(flow, Flow::End);
    }

    #[test]
    fn a_pack_without_side_band_is_found() {
        let (changed, _) = rewrite(Change::FlipBit(4), b"0008NAK\nPACKab");
        assert_eq!(changed, b"0008NAK\nPACK`b");
    }

    #[test]
    fn refs_are_added_before_the_last_flush() {
        let reference = pkt::line(format!("{ID} refs/heads/main\n").as_bytes());
        let list = [&b"001e# service=git-upload-pack\n0000"[..], &reference, b"0000"].concat();
        let (changed, _) = rewrite(Change::ExtraRef { name: "refs/heads/../x".to_owned(), id: None }, &list);
        let extra = pkt::line(format!("{ID} refs/heads/../x\n").as_bytes());
        assert_eq!(changed, [&b"001e# service=git-upload-pack\n0000"[..], &reference, &extra, b"0000"].concat());
        assert_eq!(rewrite(Change::EndlessRefs, &list).1, Flow::Endless);
        assert_eq!(rewrite(Change::EndlessProgress, &answer()).1, Flow::Endless);
    }
}
