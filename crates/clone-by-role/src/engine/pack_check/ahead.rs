//! Receiving and checking on one thread, indexing on another.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::PackCheck;
use crate::Result;

/// How many pieces may wait for the library. A piece is at most a packet of 64 KiB.
const AHEAD: usize = 16;

/// Where a producer puts the pieces of a pack.
pub(in crate::engine) struct Sink {
    check: PackCheck,
    sender: SyncSender<Vec<u8>>,
}

impl Sink {
    /// Checks a piece and passes it on. Says whether anybody still wants more.
    pub(in crate::engine) fn put(&mut self, piece: &[u8]) -> Result<bool> {
        self.check.feed(piece)?;
        Ok(self.sender.send(piece.to_vec()).is_ok())
    }
}

/// The pieces that have passed the check, in order.
pub(in crate::engine) struct Pieces {
    receiver: Receiver<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.receiver.recv().ok()
    }
}

/// The end is an error: a pack says itself where it ends, and gitoxide panics where it meets an end that another read
/// then turns into an error (a cancellation, say).
impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            let Some(next) = self.next() else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            (self.current, self.at) = (next, 0);
        }
        let count = buffer.len().min(self.current.len() - self.at);
        buffer[..count].copy_from_slice(&self.current[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Lets `produce` run some pieces ahead of `consume`, which sees only what has passed the check.
///
/// An error of `produce` goes before that of `consume`, which it causes: the pieces end too soon then.
pub(in crate::engine) fn ahead<T>(
    check: PackCheck,
    produce: impl FnOnce(&mut Sink) -> Result<()> + Send,
    consume: impl FnOnce(Pieces) -> Result<T>,
) -> Result<T> {
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        let producer = scope.spawn(move || produce(&mut Sink { check, sender }));
        let consumed = consume(Pieces { receiver, current: Vec::new(), at: 0 });
        let produced = producer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        produced.and(consumed)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{blob, pack};
    use super::*;
    use crate::{Error, ErrorKind, Limits, Step};

    fn check() -> PackCheck {
        PackCheck::new(Limits::default())
    }

    fn failure(kind: ErrorKind) -> Error {
        Error::new(kind, Step::Fetch, "it failed")
    }

    #[test]
    fn all_pieces_come_in_order() {
        let pack = pack(200, &(0..200).map(|number| blob(2, &[number, 7])).collect::<Vec<_>>());
        let produce =
            |sink: &mut Sink| pack.chunks(3).try_for_each(|piece| sink.put(piece).map(|wanted| assert!(wanted)));
        let consume = |mut pieces: Pieces| {
            let mut all = vec![0; pack.len()];
            pieces.read_exact(&mut all).unwrap();
            assert_eq!(pieces.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            Ok(all)
        };
        assert_eq!(ahead(check(), produce, consume).unwrap(), pack);
    }

    #[test]
    fn nothing_that_fails_the_check_is_seen() {
        let pack = pack(2, &[blob(1, b"x"), blob(1 << 40, b"")]);
        let mut seen = Vec::new();
        let produce = |sink: &mut Sink| pack.chunks(1).try_for_each(|piece| sink.put(piece).map(drop));
        let error = ahead(check(), produce, |pieces| {
            seen = pieces.flatten().collect();
            Ok(())
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert!(pack.starts_with(&seen) && seen.len() < pack.len());
    }

    #[test]
    fn the_producers_error_goes_first_and_a_consumer_that_is_done_stops_it() {
        let both = ahead(
            check(),
            |_| Err(failure(ErrorKind::Network)),
            |pieces| {
                assert_eq!(pieces.count(), 0);
                Err::<(), _>(failure(ErrorKind::Corrupt))
            },
        );
        assert_eq!(both.unwrap_err().kind(), ErrorKind::Network);
        let endless = |sink: &mut Sink| {
            sink.put(&pack(1_000_000, &[])[..12])?;
            let entry = blob(0, b"");
            while sink.put(&entry)? {}
            Ok(())
        };
        let consumer = ahead(check(), endless, |_| Err::<(), _>(failure(ErrorKind::Io)));
        assert_eq!(consumer.unwrap_err().kind(), ErrorKind::Io);
    }
}
