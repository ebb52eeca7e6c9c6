//! The framing of git's protocol: lines with their length in four hexadecimal digits (gitprotocol-common(5)).

use std::io::{self, Read};

use crate::http::{Body, GitHttp};
use crate::{Error, ErrorKind, Result, Step};

/// The longest packet, its length included.
const MAX_LENGTH: usize = 65520;

/// What is read of an answer after its last packet, so that the connection can serve the next request.
const REST_LIMIT: u64 = 4096;

/// A packet as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// `0000`: the end of a section.
    Flush,
    /// A line, or a piece of a pack.
    Data(&'a [u8]),
}

/// The packets of an answer.
pub(super) struct Packets<'a, R = Body> {
    reader: R,
    http: &'a GitHttp,
    step: Step,
    buffer: Box<[u8; MAX_LENGTH]>,
    /// Bytes that may still come before the answer counts as endless.
    left: u64,
}

impl<'a, R: Read> Packets<'a, R> {
    /// The packets of `reader`, of which no more than `limit` bytes are read until [`unlimited`](Self::unlimited).
    pub(super) fn new(http: &'a GitHttp, step: Step, reader: R, limit: u64) -> Self {
        Self { reader, http, step, buffer: Box::new([0; MAX_LENGTH]), left: limit }
    }

    /// Lifts the limit: what follows is measured by whoever takes it.
    pub(super) fn unlimited(&mut self) {
        self.left = u64::MAX;
    }

    /// The next packet. The end of the answer is an error: each of git's answers says itself where it ends.
    pub(super) fn next(&mut self) -> Result<Packet<'_>> {
        let mut digits = [0; 4];
        self.reader.read_exact(&mut digits).map_err(|error| self.broken(error))?;
        let length = std::str::from_utf8(&digits)
            .ok()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let length = match length {
            Some(0) => return Ok(Packet::Flush),
            Some(length @ 4..=MAX_LENGTH) => length,
            _ => return Err(self.protocol("a packet without a valid length")),
        };
        self.left = match self.left.checked_sub(length as u64) {
            Some(left) => left,
            None => return Err(self.protocol("far more text than an answer of this kind has")),
        };
        let payload = &mut self.buffer[..length - 4];
        if let Err(error) = self.reader.read_exact(payload) {
            return Err(self.broken(error));
        }
        let payload = &self.buffer[..length - 4];
        if let Some(text) = payload.strip_prefix(b"ERR ") {
            return Err(said(self.step, self.http, text));
        }
        Ok(Packet::Data(payload))
    }

    /// Bytes of the answer that are not packets.
    pub(super) fn raw(&mut self) -> Result<&[u8]> {
        let count = loop {
            match self.reader.read(&mut self.buffer[..]) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(error)),
            }
        };
        Ok(&self.buffer[..count])
    }

    /// Reads what little may follow the last packet.
    pub(super) fn finish(self) -> Result<()> {
        let Self { reader, http, step, .. } = self;
        // Only the connection's second use depends on how it ends.
        let rest = io::copy(&mut reader.take(REST_LIMIT), &mut io::sink()).unwrap_or(0);
        if rest == REST_LIMIT { Err(protocol(step, http, "an answer that goes on after its end")) } else { Ok(()) }
    }

    /// The error for an answer that breaks a rule of git's protocol.
    pub(super) fn protocol(&self, what: &str) -> Error {
        protocol(self.step, self.http, what)
    }

    fn broken(&self, error: io::Error) -> Error {
        if let Some(failure) = self.http.take_failure() {
            return failure;
        }
        let message = format!("the answer of {} ended before it was complete", self.http.url());
        Error::new(ErrorKind::Network, self.step, message).with_source(error).with_help("try again")
    }
}

/// The error for a server that breaks a rule of git's protocol.
pub(super) fn protocol(step: Step, http: &GitHttp, what: &str) -> Error {
    Error::new(ErrorKind::Protocol, step, format!("{} sent {what}", http.url()))
}

/// The error that a server puts in words.
pub(super) fn said(step: Step, http: &GitHttp, text: &[u8]) -> Error {
    let text = String::from_utf8_lossy(text);
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    let kind = if text.contains("not our ref") || text.contains("want ") && text.contains("not valid") {
        ErrorKind::RevisionNotFound
    } else {
        ErrorKind::Server
    };
    // A server that explains itself has understood the request: it says the same when it is asked again.
    Error::new(kind, step, format!("{} says: {text}", http.url())).retryable(false)
}
