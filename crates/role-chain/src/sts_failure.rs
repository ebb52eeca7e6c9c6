//! What an STS call's failure means, without what its answer held.

use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use crate::error::{Cause, sources};
use crate::redact::Secrets;

/// The failure of one call. Step, principal and target are known further up.
pub(crate) struct Failure {
    pub(crate) what: What,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) cause: Option<Cause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    AccessDenied,
    Expired,
    UnknownKey,
    Throttled,
    Signature,
    Refused,
    ServerError,
    Unreachable,
    TimedOut,
    Untrusted,
    Answer,
}

impl Failure {
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>, secrets: &Secrets<'_>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        SdkError<E, HttpResponse>: RequestId,
    {
        let request_id = error.request_id().map(str::to_owned);
        let (what, code, cause) = match error {
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().map(str::to_owned);
                let message = answer.err().message().map(|text| secrets.redact(text));
                let status = answer.raw().status().as_u16();
                (
                    of_code(code.as_deref(), status),
                    code.or_else(|| Some(format!("status {status}"))),
                    message.map(Cause::text),
                )
            }
            SdkError::TimeoutError(_) => (What::TimedOut, None, None),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => (What::TimedOut, None, None),
            SdkError::DispatchFailure(_) => {
                let untrusted = sources(error).any(|source| {
                    matches!(source.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_)))
                });
                let what = match untrusted {
                    true => What::Untrusted,
                    false => What::Unreachable,
                };
                (what, None, Some(Cause::of(error)))
            }
            // Neither the answer nor the parser's view of it is kept: it may hold credentials.
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                // The SDK takes the body out to read it, and puts it back once it has it whole.
                let whole = answer.raw().body().bytes().is_some();
                let (what, outcome) = match (status, whole) {
                    (500.., _) => (What::ServerError, "could not be read"),
                    (_, true) => (What::Answer, "could not be read"),
                    (_, false) => (What::Unreachable, "broke off"),
                };
                let cause = Cause::text(format!("an answer with status {status} {outcome}"));
                (what, None, Some(cause))
            }
            other => (What::Unreachable, None, Some(Cause::of(other))),
        };
        Self { what, code, request_id, cause }
    }

    pub(crate) fn nonsense(what: &str) -> Self {
        Self { what: What::Answer, code: None, request_id: None, cause: Some(Cause::text(what)) }
    }
}

fn of_code(code: Option<&str>, status: u16) -> What {
    match code {
        Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => What::AccessDenied,
        Some("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => What::Expired,
        Some("InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId") => What::UnknownKey,
        Some(
            "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "RequestTimeTooSkewed"
            | "RequestExpired"
            | "IncompleteSignature",
        ) => What::Signature,
        Some(code) if aws_runtime::retries::classifiers::THROTTLING_ERRORS.contains(&code) => What::Throttled,
        _ if status == 429 => What::Throttled,
        _ if status >= 500 => What::ServerError,
        Some(_) => What::Refused,
        // STS names a code, whatever it refuses.
        None => What::Answer,
    }
}
