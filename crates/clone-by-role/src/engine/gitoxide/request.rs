//! What is sent: the body of each request, without any IO.

use std::num::NonZeroU32;

use super::capabilities::{Capabilities, Version};
use super::packets;
use crate::ObjectId;

const AGENT: &str = concat!("agent=git/2.0-clone-by-role-", env!("CARGO_PKG_VERSION"));
const FLUSH: &[u8] = b"0000";
const DELIMITER: &[u8] = b"0001";

/// Asks for all refs, with what symbolic ones and tags lead to.
pub(super) fn ls_refs(capabilities: &Capabilities) -> Vec<u8> {
    let mut body = command(capabilities, "ls-refs");
    packets::write(&mut body, "peel\n");
    packets::write(&mut body, "symrefs\n");
    if capabilities.command_has("ls-refs", "unborn") {
        packets::write(&mut body, "unborn\n");
    }
    body.extend_from_slice(FLUSH);
    body
}

/// What one fetch asks for. It is the same in each round of the negotiation, as each is a request of its own.
#[derive(Debug)]
pub(super) struct Fetch<'a> {
    pub(super) capabilities: &'a Capabilities,
    /// Objects to get; at least one.
    pub(super) wants: Vec<ObjectId>,
    /// Where the history that is here already is cut.
    pub(super) shallow: Vec<ObjectId>,
    pub(super) depth: Option<NonZeroU32>,
    pub(super) include_tag: bool,
    /// Whether the pack may lean on objects that are here already.
    pub(super) thin: bool,
}

impl Fetch<'_> {
    /// One round: what is here already, and whether that is all there is to say.
    pub(super) fn round(&self, haves: &[ObjectId], done: bool) -> Vec<u8> {
        match self.capabilities.version {
            Version::V0 | Version::V1 => self.round_of_v0(haves, done),
            Version::V2 => self.round_of_v2(haves, done),
        }
    }

    fn round_of_v0(&self, haves: &[ObjectId], done: bool) -> Vec<u8> {
        let mut body = Vec::with_capacity(64 * (self.wants.len() + haves.len() + 4));
        for (at, want) in self.wants.iter().enumerate() {
            let features = if at == 0 { self.features_of_v0() } else { String::new() };
            packets::write(&mut body, &format!("want {want}{features}\n"));
        }
        self.write_cuts(&mut body);
        body.extend_from_slice(FLUSH);
        write_haves(&mut body, haves, done);
        if !done {
            body.extend_from_slice(FLUSH);
        }
        body
    }

    /// The features to use, of those that the server has.
    ///
    /// `deepen-relative` must not be among them: a server takes each depth as relative to what is here already once it
    /// reads that word, and a fresh clone of depth 1 becomes one of the whole history.
    fn features_of_v0(&self) -> String {
        let has = |name: &str| self.capabilities.has(name);
        let mut features = Vec::new();
        features.extend(["multi_ack_detailed", "multi_ack"].into_iter().find(|name| has(name)));
        features.extend(["side-band-64k", "side-band"].into_iter().find(|name| has(name)));
        features.extend(["ofs-delta"].into_iter().filter(|name| has(name)));
        features.extend(["no-done"].into_iter().filter(|name| has(name) && has("multi_ack_detailed")));
        features.extend(["thin-pack"].into_iter().filter(|name| has(name) && self.thin));
        features.extend(["include-tag"].into_iter().filter(|name| has(name) && self.include_tag));
        features.extend([AGENT].into_iter().filter(|_| has("agent")));
        features.iter().map(|feature| format!(" {feature}")).collect()
    }

    fn round_of_v2(&self, haves: &[ObjectId], done: bool) -> Vec<u8> {
        let mut body = command(self.capabilities, "fetch");
        packets::write(&mut body, "ofs-delta\n");
        if self.thin {
            packets::write(&mut body, "thin-pack\n");
        }
        if self.include_tag {
            packets::write(&mut body, "include-tag\n");
        }
        for want in &self.wants {
            packets::write(&mut body, &format!("want {want}\n"));
        }
        self.write_cuts(&mut body);
        write_haves(&mut body, haves, done);
        body.extend_from_slice(FLUSH);
        body
    }

    fn write_cuts(&self, body: &mut Vec<u8>) {
        for commit in &self.shallow {
            packets::write(body, &format!("shallow {commit}\n"));
        }
        if let Some(depth) = self.depth {
            packets::write(body, &format!("deepen {depth}\n"));
        }
    }
}

fn command(capabilities: &Capabilities, name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    packets::write(&mut body, &format!("command={name}\n"));
    if capabilities.has("agent") {
        packets::write(&mut body, &format!("{AGENT}\n"));
    }
    if capabilities.has("object-format") {
        packets::write(&mut body, "object-format=sha1\n");
    }
    body.extend_from_slice(DELIMITER);
    body
}

fn write_haves(body: &mut Vec<u8>, haves: &[ObjectId], done: bool) {
    for have in haves {
        packets::write(body, &format!("have {have}\n"));
    }
    if done {
        packets::write(body, "done\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANT: &str = "1111111111111111111111111111111111111111";
    const HAVE: &str = "2222222222222222222222222222222222222222";

    fn fetch(capabilities: &Capabilities) -> Fetch<'_> {
        Fetch {
            capabilities,
            wants: vec![WANT.parse().unwrap()],
            shallow: Vec::new(),
            depth: NonZeroU32::new(1),
            include_tag: true,
            thin: false,
        }
    }

    fn text(body: &[u8]) -> String {
        String::from_utf8(body.to_owned()).unwrap()
    }

    #[test]
    fn a_server_like_codecommit_is_asked_for_nothing_that_it_lacks() {
        let capabilities = Capabilities::of_first_ref(
            Version::V0,
            b"multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want",
        );
        let body = fetch(&capabilities).round(&[], true);
        let expected = format!("0053want {WANT} multi_ack_detailed side-band-64k\n000ddeepen 1\n00000009done\n");
        assert_eq!(text(&body), expected);
    }

    #[test]
    fn a_depth_is_never_relative() {
        let words = b"multi_ack_detailed side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative \
            no-progress include-tag no-done thin-pack filter agent=git/2.47";
        let capabilities = Capabilities::of_first_ref(Version::V0, words);
        let body = text(&fetch(&capabilities).round(&[], true));
        assert!(!body.contains("relative"), "{body}");
        let words = format!(" multi_ack_detailed side-band-64k ofs-delta no-done include-tag {AGENT}\n");
        assert!(body.contains(&words), "{body}");
    }

    #[test]
    fn a_round_repeats_the_wants_and_ends_as_its_version_does() {
        let haves = [HAVE.parse().unwrap()];
        let v0 = Capabilities::of_first_ref(Version::V0, b"multi_ack_detailed");
        let body = text(&fetch(&v0).round(&haves, false));
        assert!(body.ends_with(&format!("00000032have {HAVE}\n0000")), "{body}");
        let mut v2 = Capabilities::new(Version::V2);
        v2.push(b"fetch=shallow");
        let body = text(&fetch(&v2).round(&haves, false));
        let expected = format!(
            "0012command=fetch\n0001000eofs-delta\n0010include-tag\n0032want {WANT}\n000ddeepen 1\n0032have {HAVE}\n0000"
        );
        assert_eq!(body, expected);
    }
}
