//! Answers that were given before, kept in memory and given again, so that measurements are of clients and not of git's server.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard},
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use crate::{
    server::{Body, channel, full},
    world::Repository,
};

/// Longer requests are not kept: a fetch that lists very much is a different one each time.
pub(crate) const LONGEST_REQUEST: usize = 4 << 20;

/// As git's own answers come.
const PIECE: usize = 64 * 1024;

/// Everything that an answer depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

#[derive(Default)]
pub(crate) struct Replay {
    answers: Mutex<HashMap<Key, Bytes>>,
}

impl Key {
    pub(crate) fn new(repository: &Repository, what: &str, version: &str, request: &[u8]) -> Self {
        let mut digest = Sha256::new();
        for part in [repository.git_dir.as_os_str().as_encoded_bytes(), what.as_bytes(), version.as_bytes(), request] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

impl Replay {
    pub(crate) fn find(&self, key: &Key) -> Option<Body> {
        self.lock().get(key).cloned().map(body)
    }

    /// Takes an answer in whole, keeps it and gives it.
    pub(crate) async fn keep(&self, key: Key, answer: Body) -> io::Result<Body> {
        let mut answer = answer;
        let mut whole = BytesMut::new();
        while let Some(frame) = answer.frame().await {
            if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                whole.extend_from_slice(&data);
            }
        }
        let whole = whole.freeze();
        self.lock().insert(key, whole.clone());
        Ok(body(whole))
    }

    /// What was pushed makes all answers old.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Bytes>> {
        self.answers.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn body(mut whole: Bytes) -> Body {
    if whole.len() <= PIECE {
        return full(whole);
    }
    let (sender, body) = channel(4);
    tokio::spawn(async move {
        while !whole.is_empty() {
            let piece = whole.split_to(PIECE.min(whole.len()));
            if sender.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    });
    body
}
