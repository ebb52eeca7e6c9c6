//! A server's answer to one round of a fetch, up to where the pack begins.

use std::io::Read;
use std::ops::Range;

use super::advertisement::object_id;
use super::capabilities::Version;
use super::errors;
use super::packets::{Packet, Packets};
use crate::{ObjectId, Result, Step};

/// What the server says before it sends a pack, or instead of one.
#[derive(Debug, Default)]
pub(super) struct Response {
    /// Commits that it has as well.
    pub(super) common: Vec<ObjectId>,
    /// Whether it knows enough to make a good pack.
    pub(super) ready: bool,
    /// Commits whose parents it leaves out.
    pub(super) shallow: Vec<ObjectId>,
    /// Commits whose parents it sends from now on.
    pub(super) unshallow: Vec<ObjectId>,
    /// How the pack follows, if one does.
    pub(super) pack: Option<PackStart>,
}

/// How a pack begins.
#[derive(Debug)]
pub(super) enum PackStart {
    /// On a sideband, with this packet as the first.
    Sideband(Range<usize>),
    /// As it is.
    Bare,
}

impl Response {
    /// Reads up to the pack, or to the answer's end.
    pub(super) fn read<R: Read>(version: Version, packets: &mut Packets<R>) -> Result<Self> {
        let mut response = Self::default();
        match version {
            Version::V0 | Version::V1 => response.read_v0(packets)?,
            Version::V2 => response.read_v2(packets)?,
        }
        Ok(response)
    }

    fn read_v0<R: Read>(&mut self, packets: &mut Packets<R>) -> Result<()> {
        loop {
            match packets.line()? {
                // A flush ends the list of cuts, and what follows it are acknowledgements.
                Packet::Flush => {}
                Packet::End => return Ok(()),
                Packet::Pack => {
                    self.pack = Some(PackStart::Bare);
                    return Ok(());
                }
                Packet::Data(range) => {
                    if matches!(packets.content(&range).first(), Some(1..=3)) {
                        self.pack = Some(PackStart::Sideband(range));
                        return Ok(());
                    }
                    self.add(packets.content(&range))?;
                }
                Packet::Delimiter | Packet::ResponseEnd => return Err(unexpected()),
            }
        }
    }

    fn read_v2<R: Read>(&mut self, packets: &mut Packets<R>) -> Result<()> {
        loop {
            match packets.line()? {
                Packet::Flush | Packet::ResponseEnd => return Ok(()),
                Packet::Delimiter => {}
                Packet::Data(range) => match packets.content(&range) {
                    b"acknowledgments" | b"shallow-info" | b"wanted-refs" => {}
                    b"packfile" => {
                        let Packet::Data(range) = packets.packet()? else { return Err(errors::ended(Step::Fetch)) };
                        self.pack = Some(PackStart::Sideband(range));
                        return Ok(());
                    }
                    line => self.add(line)?,
                },
                Packet::End => return Err(errors::ended(Step::Fetch)),
                Packet::Pack => return Err(unexpected()),
            }
        }
    }

    fn add(&mut self, line: &[u8]) -> Result<()> {
        let mut words = line.split(|&byte| byte == b' ');
        match (words.next().unwrap_or_default(), words.next(), words.next()) {
            (b"NAK", None, None) => {}
            (b"ready", None, None) => self.ready = true,
            (b"ACK", Some(id), status) => {
                let id = object_id(id)?;
                self.common.push(id);
                self.ready |= status == Some(b"ready");
            }
            (b"shallow", Some(id), None) => self.shallow.push(object_id(id)?),
            (b"unshallow", Some(id), None) => self.unshallow.push(object_id(id)?),
            _ => return Err(unexpected()),
        }
        Ok(())
    }
}

fn unexpected() -> crate::Error {
    errors::protocol(Step::Fetch, "it answers a fetch with something else than the protocol has")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn read(version: Version, answer: &str) -> Result<Response> {
        Response::read(version, &mut Packets::new(Step::Fetch, answer.as_bytes()))
    }

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    #[test]
    fn cuts_and_acknowledgements_come_before_the_pack_of_version_0() {
        let answer = [&line(&format!("shallow {A}\n")), "0000", &line("NAK\n"), &line("\u{1}PACK"), "0000"].concat();
        let response = read(Version::V0, &answer).unwrap();
        assert_eq!(response.shallow, [A.parse().unwrap()]);
        assert!(matches!(response.pack, Some(PackStart::Sideband(_))));
        let bare = read(Version::V0, &[&line("NAK\n"), "PACK\0\0\0\u{2}"].concat()).unwrap();
        assert!(matches!(bare.pack, Some(PackStart::Bare)));
    }

    #[test]
    fn a_round_without_a_pack_says_what_is_common() {
        let acks = [line(&format!("ACK {A} common\n")), line(&format!("ACK {A} ready\n")), line("NAK\n")].concat();
        let response = read(Version::V0, &acks).unwrap();
        assert_eq!(response.common.len(), 2);
        assert!(response.ready && response.pack.is_none());
        let acks = [&line("acknowledgments\n"), &*line(&format!("ACK {A}\n")), "0000"].concat();
        let response = read(Version::V2, &acks).unwrap();
        assert_eq!(response.common, [A.parse().unwrap()]);
        assert!(!response.ready && response.pack.is_none());
    }

    #[test]
    fn sections_of_version_2_end_with_the_pack() {
        let answer = [
            &line("acknowledgments\n"),
            &line("ready\n"),
            "0001",
            &line("shallow-info\n"),
            &line(&format!("unshallow {A}\n")),
            "0001",
            &line("packfile\n"),
            &line("\u{2}hello"),
        ]
        .concat();
        let response = read(Version::V2, &answer).unwrap();
        assert!(response.ready);
        assert_eq!(response.unshallow, [A.parse().unwrap()]);
        assert!(matches!(response.pack, Some(PackStart::Sideband(_))));
    }

    #[test]
    fn what_does_not_belong_there_is_a_typed_error() {
        for (version, answer, kind) in [
            (Version::V0, "0001".to_owned(), ErrorKind::Protocol),
            (Version::V0, line("hello\n"), ErrorKind::Protocol),
            (Version::V0, line("ACK 12\n"), ErrorKind::Protocol),
            (Version::V0, line(&format!("ERR upload-pack: not our ref {A}")), ErrorKind::RevisionNotFound),
            (Version::V2, line("packfile\n"), ErrorKind::Network),
            (Version::V2, String::new(), ErrorKind::Network),
            (Version::V2, line("packfile-uris\n"), ErrorKind::Protocol),
            (Version::V2, "00zz".to_owned(), ErrorKind::Protocol),
            (Version::V2, "fff5".to_owned(), ErrorKind::Protocol),
            (Version::V2, "0003".to_owned(), ErrorKind::Protocol),
        ] {
            let error = read(version, &answer).unwrap_err();
            assert_eq!(error.kind(), kind, "{answer:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in "(00(00|01|02|08NAK\n|0dready|0d\u{1}[a-z]{8})|.){0,30}") {
            let _ = read(Version::V0, &text);
            let _ = read(Version::V2, &text);
        }
    }
}
