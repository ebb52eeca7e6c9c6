//! What a client sends, unpacked and read no further than needed.

use std::io::{self, Write as _};

use bytes::{Bytes, BytesMut};
use flate2::write::GzDecoder;
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    header::{CONTENT_ENCODING, HeaderMap},
};

/// A request's body. git packs it with gzip when it is longer than a kilobyte.
pub(crate) struct RequestBody {
    incoming: Incoming,
    gunzip: Option<GzDecoder<Vec<u8>>>,
    ready: BytesMut,
    ended: bool,
}

impl RequestBody {
    pub(crate) fn new(headers: &HeaderMap, incoming: Incoming) -> Self {
        let packed = headers.get(CONTENT_ENCODING).is_some_and(|coding| {
            coding.as_bytes().eq_ignore_ascii_case(b"gzip") || coding.as_bytes().eq_ignore_ascii_case(b"x-gzip")
        });
        Self { incoming, gunzip: packed.then(|| GzDecoder::new(Vec::new())), ready: BytesMut::new(), ended: false }
    }

    /// The bytes that have come so far and were not taken; at least `length`, unless the body ends earlier.
    pub(crate) async fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.ready.len() < length && !self.ended {
            self.read().await?;
        }
        Ok(&self.ready)
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.peek(1).await?;
        Ok((!self.ready.is_empty()).then(|| self.ready.split().freeze()))
    }

    /// All that is left, an error where that is more than `limit`.
    pub(crate) async fn all(&mut self, limit: usize) -> io::Result<Bytes> {
        if self.peek(limit + 1).await?.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the request is too long"));
        }
        Ok(self.ready.split().freeze())
    }

    async fn read(&mut self) -> io::Result<()> {
        let Some(frame) = self.incoming.frame().await else {
            self.ended = true;
            if let Some(gunzip) = &mut self.gunzip {
                gunzip.try_finish()?;
                self.ready.extend_from_slice(&std::mem::take(gunzip.get_mut()));
            }
            return Ok(());
        };
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { return Ok(()) };
        match &mut self.gunzip {
            Some(gunzip) => {
                gunzip.write_all(&data)?;
                self.ready.extend_from_slice(&std::mem::take(gunzip.get_mut()));
            }
            None => self.ready.extend_from_slice(&data),
        }
        Ok(())
    }
}
