use std::pin::Pin;
use std::task::{Context, Poll};

use tracing::Dispatch;

/// Runs a future with no subscriber to hear what it logs.
///
/// At trace level the SDK logs requests and answers whole, and with them session tokens. This crate's own spans and events, which stand outside, say what
/// happened without them.
pub(crate) struct Quiet<F> {
    future: Pin<Box<F>>,
    nobody: Dispatch,
}

pub(crate) fn quiet<F: Future>(future: F) -> Quiet<F> {
    Quiet { future: Box::pin(future), nobody: Dispatch::none() }
}

impl<F: Future> Future for Quiet<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let nobody = self.nobody.clone();
        tracing::dispatcher::with_default(&nobody, || self.future.as_mut().poll(context))
    }
}
