//! Git's packet lines, as `gitprotocol-common(5)` describes them.

use std::io::Read;
use std::ops::Range;

use super::errors;
use crate::{Result, Step};

/// The longest packet, its four digits of length included.
const LONGEST: usize = 65_520;

/// How much a server may send in lines that are kept or skipped, per answer: enough for a million and a half refs.
const MOST_TEXT: usize = 128 << 20;

/// One packet. The range of its content is good until the next packet is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Content, possibly empty.
    Data(Range<usize>),
    /// `0000`.
    Flush,
    /// `0001`, of protocol v2.
    Delimiter,
    /// `0002`, of protocol v2.
    ResponseEnd,
    /// Not a packet but the start of a bare pack, from a server without a sideband.
    Pack,
    /// The answer is over.
    End,
}

/// Reads packets from an answer's body, through a buffer of its own.
#[derive(Debug)]
pub(super) struct Packets<R> {
    source: R,
    step: Step,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    text_left: usize,
}

impl<R: Read> Packets<R> {
    pub(super) fn new(step: Step, source: R) -> Self {
        Self { source, step, buffer: vec![0; 2 * LONGEST].into(), start: 0, end: 0, text_left: MOST_TEXT }
    }

    /// The content of a packet.
    pub(super) fn content(&self, range: &Range<usize>) -> &[u8] {
        &self.buffer[range.clone()]
    }

    /// The next packet, whatever it holds.
    pub(super) fn packet(&mut self) -> Result<Packet> {
        if !self.fill(4)? {
            return if self.start == self.end { Ok(Packet::End) } else { Err(errors::ended(self.step)) };
        }
        let digits = &self.buffer[self.start..self.start + 4];
        if digits == b"PACK" {
            return Ok(Packet::Pack);
        }
        let length = digits.iter().try_fold(0, |length, &digit| Some(length << 4 | (digit as char).to_digit(16)?));
        let length = match length {
            Some(length) => length as usize,
            None => return Err(errors::protocol(self.step, "a packet does not begin with its length")),
        };
        match length {
            0..=3 => self.start += 4,
            4..=LONGEST => {
                if !self.fill(length)? {
                    return Err(errors::ended(self.step));
                }
                self.start += length;
            }
            _ => return Err(errors::protocol(self.step, "a packet is longer than packets can be")),
        }
        match length {
            0 => Ok(Packet::Flush),
            1 => Ok(Packet::Delimiter),
            2 => Ok(Packet::ResponseEnd),
            3 => Err(errors::protocol(self.step, "a packet is shorter than its own length")),
            _ => Ok(Packet::Data(self.start - length + 4..self.start)),
        }
    }

    /// The next packet of a part of the answer that consists of lines.
    ///
    /// A line's range leaves its line feed out. An `ERR` line is an error; so is more text than any repository needs.
    pub(super) fn line(&mut self) -> Result<Packet> {
        let mut range = match self.packet()? {
            Packet::Data(range) => range,
            other => return Ok(other),
        };
        self.text_left = self
            .text_left
            .checked_sub(range.len() + 4)
            .ok_or_else(|| errors::protocol(self.step, format!("it sends more than {MOST_TEXT} bytes of lines")))?;
        // The first packet of a sideband can stand among lines, and is not one.
        let on_sideband = matches!(self.content(&range).first(), Some(1..=3));
        if !on_sideband && self.content(&range).ends_with(b"\n") {
            range.end -= 1;
        }
        match self.content(&range).strip_prefix(b"ERR ") {
            Some(text) => Err(errors::reported(self.step, text)),
            None => Ok(Packet::Data(range)),
        }
    }

    /// Whatever is in the buffer or the source, not cut into packets.
    pub(super) fn raw(&mut self) -> Result<Range<usize>> {
        if self.start == self.end {
            self.fill(1)?;
        }
        let range = self.start..self.end;
        self.start = self.end;
        Ok(range)
    }

    /// Reads what is left of the answer, so that the connection can carry the next request.
    pub(super) fn drain(mut self) -> Result<()> {
        loop {
            let range = self.raw()?;
            if range.is_empty() {
                return Ok(());
            }
            self.text_left = self
                .text_left
                .checked_sub(range.len())
                .ok_or_else(|| errors::protocol(self.step, "its answer goes on after its end"))?;
        }
    }

    /// Makes at least `count` bytes available at `start`. Says whether the source had as many.
    fn fill(&mut self, count: usize) -> Result<bool> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start + count > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < count {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(errors::read(self.step, error)),
            }
        }
        Ok(true)
    }
}

/// Appends one packet.
pub(super) fn write(to: &mut Vec<u8>, content: &str) {
    to.extend_from_slice(format!("{:04x}", content.len() + 4).as_bytes());
    to.extend_from_slice(content.as_bytes());
}
