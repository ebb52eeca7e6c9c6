//! The pack as it comes, out of the sideband that carries it beside the server's texts.

use std::io::Read;
use std::ops::Range;

use super::errors;
use super::packets::{Packet, Packets};
use super::response::PackStart;
use crate::progress::Progress;
use crate::{Result, Step};

/// How much a server may send beside the pack before that is taken for an attack. A sign of life takes five bytes.
const MOST_BESIDE: usize = 16 << 20;

/// The bytes of a pack.
#[derive(Debug)]
pub(super) struct PackStream<R> {
    packets: Packets<R>,
    current: Range<usize>,
    bare: bool,
    ended: bool,
    beside_left: usize,
    received: u64,
    progress: Progress,
}

impl<R: Read> PackStream<R> {
    pub(super) fn new(packets: Packets<R>, start: PackStart, progress: Progress) -> Result<Self> {
        let mut stream = Self {
            packets,
            current: 0..0,
            bare: matches!(start, PackStart::Bare),
            ended: false,
            beside_left: MOST_BESIDE,
            received: 0,
            progress,
        };
        if let PackStart::Sideband(first) = start {
            stream.unpack(first)?;
        }
        Ok(stream)
    }

    /// Bytes of the pack that have come so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// What has come and was not consumed yet; waits for more where that is nothing. Empty at the end.
    pub(super) fn piece(&mut self) -> Result<&[u8]> {
        self.advance()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.current.start += count;
    }

    /// Reads past the end of the pack, where nothing but the end of the answer may follow.
    pub(super) fn finish(mut self) -> Result<u64> {
        if !self.advance()?.is_empty() {
            return Err(errors::protocol(Step::Fetch, "something follows the pack"));
        }
        self.packets.drain()?;
        Ok(self.received)
    }

    fn advance(&mut self) -> Result<&[u8]> {
        while self.current.is_empty() && !self.ended {
            if self.bare {
                self.current = self.packets.raw()?;
                self.received += self.current.len() as u64;
                self.ended = self.current.is_empty();
                continue;
            }
            match self.packets.packet()? {
                Packet::Data(range) => self.unpack(range)?,
                Packet::Flush | Packet::ResponseEnd => self.ended = true,
                Packet::End => return Err(errors::ended(Step::Fetch)),
                Packet::Delimiter | Packet::Pack => {
                    return Err(errors::protocol(Step::Fetch, "something else stands where a part of the pack should"));
                }
            }
        }
        Ok(self.packets.content(&self.current))
    }

    /// Takes a packet of the sideband apart.
    fn unpack(&mut self, range: Range<usize>) -> Result<()> {
        let content = self.packets.content(&range);
        match content.first() {
            Some(1) if content.len() > 1 => {
                self.current = range.start + 1..range.end;
                self.received += self.current.len() as u64;
                return Ok(());
            }
            None | Some(1) => {}
            Some(2) => self.progress.remote(&content[1..]),
            Some(3) => return Err(errors::reported(Step::Fetch, &content[1..])),
            Some(_) => return Err(errors::protocol(Step::Fetch, "a packet is on a channel that does not exist")),
        }
        self.beside_left = self.beside_left.checked_sub(range.len() + 4).ok_or_else(|| {
            errors::protocol(Step::Fetch, format!("it sends more than {MOST_BESIDE} bytes beside the pack"))
        })?;
        Ok(())
    }
}
