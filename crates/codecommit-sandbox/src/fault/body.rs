//! Faults that strike while the answer is on its way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::Sender;

use crate::{
    Effect,
    fault::pack::{Change, Flow, Rewriter},
    server::{Body, BodyError, channel},
};

/// What was written leaves for the network while the body is waited for; only then does the connection break.
const TIME_TO_LEAVE: Duration = Duration::from_millis(50);

/// Applies `effect` to an answer's body, where it is one on bodies. `reset` makes the connection end in a reset.
pub(crate) fn change_body(body: Body, effect: Effect, reset: Arc<AtomicBool>) -> Body {
    let (sender, changed) = channel(1);
    let (mut body, sender) = (Source(body), Sink(sender));
    match effect {
        Effect::CutAfter(length) => spawn(async move {
            body.pass(length, &sender).await?;
            sender.fail().await
        }),
        Effect::ResetAfter(length) => spawn(async move {
            body.pass(length, &sender).await?;
            reset.store(true, Ordering::SeqCst);
            sender.fail().await
        }),
        Effect::StallAfter(length) => spawn(async move {
            body.pass(length, &sender).await?;
            sender.0.closed().await;
            Some(())
        }),
        Effect::EndAfter(length) => spawn(async move { body.pass(length, &sender).await }),
        Effect::EndlessBody => spawn(async move {
            body.pass(u64::MAX, &sender).await?;
            let spaces = Bytes::from(vec![b' '; 16 * 1024]);
            loop {
                sender.send(Ok(spaces.clone())).await?;
            }
        }),
        Effect::BytesPerSecond(rate) => spawn(slow(body, rate, sender)),
        Effect::FlipPackBit(at) => spawn(rewrite(body, Change::FlipBit(at), sender)),
        Effect::TruncatePack(length) => spawn(rewrite(body, Change::Truncate(length), sender)),
        Effect::ReplacePack(pack) => spawn(rewrite(body, Change::Replace(pack), sender)),
        Effect::EndlessProgress => spawn(rewrite(body, Change::EndlessProgress, sender)),
        Effect::EndlessRefs => spawn(rewrite(body, Change::EndlessRefs, sender)),
        Effect::ExtraRef { name, id } => spawn(rewrite(body, Change::ExtraRef { name, id }, sender)),
        _ => return body.0,
    }
    changed
}

/// `None` from the task says that the client has gone.
fn spawn(task: impl Future<Output = Option<()>> + Send + 'static) {
    tokio::spawn(task);
}

struct Source(Body);

struct Sink(Sender<Result<Bytes, BodyError>>);

impl Source {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            match self.0.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Passes the first `length` bytes on, or all where there are fewer.
    async fn pass(&mut self, length: u64, sink: &Sink) -> Option<()> {
        let mut left = length;
        while left > 0 {
            let Some(piece) = self.next().await else { break };
            let piece = piece.map(|mut bytes| {
                bytes.truncate(left.min(bytes.len() as u64) as usize);
                left -= bytes.len() as u64;
                bytes
            });
            sink.send(piece).await?;
        }
        Some(())
    }
}

impl Sink {
    async fn send(&self, piece: Result<Bytes, BodyError>) -> Option<()> {
        self.0.send(piece).await.ok()
    }

    async fn fail(&self) -> Option<()> {
        tokio::time::sleep(TIME_TO_LEAVE).await;
        self.send(Err("a fault cut the answer short".into())).await
    }
}

/// Sends a twentieth of a second's worth at a time.
async fn slow(mut body: Source, rate: u32, sink: Sink) -> Option<()> {
    const PIECES_PER_SECOND: u32 = 20;
    let size = (rate / PIECES_PER_SECOND).max(1) as usize;
    let per_piece = Duration::from_secs_f64(size as f64 / f64::from(rate.max(1)));
    while let Some(piece) = body.next().await {
        let mut piece = match piece {
            Ok(piece) => piece,
            Err(error) => return sink.send(Err(error)).await,
        };
        while !piece.is_empty() {
            let now = piece.split_to(size.min(piece.len()));
            tokio::time::sleep(per_piece).await;
            sink.send(Ok(now)).await?;
        }
    }
    Some(())
}

async fn rewrite(mut body: Source, change: Change, sink: Sink) -> Option<()> {
    let mut rewriter = Rewriter::new(change);
    while let Some(piece) = body.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return sink.send(Err(error)).await,
        };
        let mut out = Vec::with_capacity(piece.len());
        let flow = rewriter.feed(&piece, &mut out);
        sink.send(Ok(out.into())).await?;
        match flow {
            Flow::More => {}
            Flow::End => return Some(()),
            Flow::Endless => return repeat(&rewriter, &sink).await,
        }
    }
    Some(())
}

async fn repeat(rewriter: &Rewriter, sink: &Sink) -> Option<()> {
    let mut round = 0;
    loop {
        let mut out = Vec::new();
        while out.len() < 16 * 1024 {
            out.extend(rewriter.endless(round));
            round += 1;
        }
        sink.send(Ok(out.into())).await?;
    }
}
