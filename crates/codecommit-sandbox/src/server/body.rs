//! Answers, whole or as they come.

use std::{
    convert::Infallible,
    error,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Frame,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio::sync::mpsc;

use crate::log::Note;

pub(crate) type BodyError = Box<dyn error::Error + Send + Sync>;
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// An answer, and what the log should know of it.
pub(crate) struct Reply {
    pub(crate) response: Response<Body>,
    pub(crate) note: Note,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::streaming(status, content_type, full(body))
    }

    pub(crate) fn streaming(status: u16, content_type: &'static str, body: Body) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { response, note: Note::default() }
    }

    /// Adds a header, unless `value` cannot stand in one.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    pub(crate) fn caller(mut self, arn: &str) -> Self {
        self.note.caller = Some(arn.to_owned());
        self
    }

    pub(crate) fn reason(mut self, reason: impl Into<String>) -> Self {
        self.note.reason = Some(reason.into());
        self
    }
}

/// A body that is there already: head and body leave in one write.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that another task brings; an error in it ends the connection without the end of the body.
pub(crate) fn channel(capacity: usize) -> (mpsc::Sender<Result<Bytes, BodyError>>, Body) {
    let (sender, receiver) = mpsc::channel(capacity);
    (sender, ChannelBody(receiver).boxed_unsync())
}

struct ChannelBody(mpsc::Receiver<Result<Bytes, BodyError>>);

impl hyper::body::Body for ChannelBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
