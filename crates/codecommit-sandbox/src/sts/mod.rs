//! The security token service: who calls, and which action is asked for.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/>

mod assume_role;
mod authenticate;
mod form;
mod trust;
mod xml;

use hyper::{header::HeaderName, http::request::Parts};

pub(crate) use form::Form;

use crate::{
    Step,
    clock::Timestamp,
    server::Reply,
    session::{Session, request_id},
    sts::xml::Element,
    world::World,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An answer other than success: status, code, the text that AWS gives, and what it does not tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) reason: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), reason: None }
    }

    fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

pub(crate) fn step(body: &[u8]) -> Step {
    match Form::parse(body).get("Action") {
        Some("AssumeRole") => Step::AssumeRole,
        Some("AssumeRoleWithWebIdentity") => Step::AssumeRoleWithWebIdentity,
        Some("GetCallerIdentity") => Step::GetCallerIdentity,
        _ => Step::StsOther,
    }
}

pub(crate) fn answer(world: &World, now: Timestamp, step: Step, request: &Parts, body: &[u8]) -> Reply {
    let form = Form::parse(body);
    let mut caller = None;
    let result = if step == Step::AssumeRoleWithWebIdentity {
        // The token speaks for the caller: such requests are not signed.
        assume_role::with_web_identity(world, now, &form)
    } else {
        authenticate::caller(world, now, request, body).and_then(|session| {
            let session = caller.insert(session);
            match step {
                Step::AssumeRole => assume_role::assume_role(world, now, session, &form),
                Step::GetCallerIdentity => Ok(get_caller_identity(session)),
                _ => Err(invalid_action(&form)),
            }
        })
    };
    let mut reply = match result {
        Ok(result) => success(&result),
        Err(refusal) => {
            let reason = refusal.reason.unwrap_or_else(|| refusal.message.clone());
            error(refusal.status, refusal.code, &refusal.message).reason(reason)
        }
    };
    reply.note.parameters = form.into_public();
    match caller {
        Some(session) => reply.caller(&session.arn),
        None => reply,
    }
}

/// An error in the form that the query protocol gives it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Reply {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let id = request_id();
    let document = Element::new("ErrorResponse").children([
        Element::new("Error").children([
            Element::new("Type").text(fault),
            Element::new("Code").text(code),
            Element::new("Message").text(message),
        ]),
        Element::new("RequestId").text(&id),
    ]);
    Reply::new(status, "text/xml", document.into_document()).header(REQUEST_ID, &id)
}

/// `result` is the element `…Result` of an action.
fn success(result: &Element) -> Reply {
    let id = request_id();
    let document = Element::new(result.name().replace("Result", "Response"))
        .children([result.clone(), Element::new("ResponseMetadata").children([Element::new("RequestId").text(&id)])]);
    Reply::new(200, "text/xml", document.into_document()).header(REQUEST_ID, &id)
}

fn get_caller_identity(caller: &Session) -> Element {
    Element::new("GetCallerIdentityResult").children([
        Element::new("Arn").text(&caller.arn),
        Element::new("UserId").text(&caller.user_id),
        Element::new("Account").text(&caller.account),
    ])
}

fn invalid_action(form: &Form) -> Refusal {
    match form.get("Action") {
        Some(action) => {
            let version = form.get("Version").unwrap_or_default();
            Refusal::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}"))
        }
        None => Refusal::new(400, "MissingAction", "The request must contain the parameter Action."),
    }
}
