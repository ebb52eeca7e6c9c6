use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error_kind::ErrorKind;
use crate::iam::Statement;

/// Why a chain could not be built, or could not give credentials.
///
/// `Display` is one line: the step and what happened. [`help`](Error::help) says who must act and how; the underlying cause, where there is one, is the
/// [`source`](std::error::Error::source). No text of an error holds a key, a secret, a session token or an external ID.
///
/// Errors are cheap to clone: all callers that waited for one call share its error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    retryable: bool,
    step: Option<Cow<'static, str>>,
    message: String,
    principal: Option<String>,
    target: Option<String>,
    help: Cow<'static, str>,
    code: Option<String>,
    request_id: Option<String>,
    statements: Vec<Statement>,
    source: Option<Cause>,
}

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The step that failed: `IMDS`, `profile "b"`, `hop 2 of 3`, …; `None` where the error stands alone, as that of [`RoleArn::parse`](crate::RoleArn::parse) does.
    pub fn step(&self) -> Option<&str> {
        self.0.step.as_deref()
    }

    /// The ARN of who asked, where it is known.
    pub fn principal(&self) -> Option<&str> {
        self.0.principal.as_deref()
    }

    /// What was asked for: a role's ARN.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// Who must act, and how. One or more lines.
    pub fn help(&self) -> &str {
        &self.0.help
    }

    /// The IAM statements of which one or more may be missing, where that is the remedy: for [`ErrorKind::AccessDenied`].
    pub fn statements(&self) -> &[Statement] {
        &self.0.statements
    }

    /// The service's own code for the error, such as `AccessDenied`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The id under which AWS support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether the same call can succeed later without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the error is a mistake in what the caller or the configuration says, found without any call.
    pub fn is_configuration(&self) -> bool {
        matches!(self.0.kind, ErrorKind::InvalidArgument | ErrorKind::InvalidProfile | ErrorKind::Unsupported)
    }

    /// Finds this crate's error in another error's chain of sources.
    ///
    /// Behind [`ProvideCredentials`](aws_credential_types::provider::ProvideCredentials) the error travels as a `CredentialsError`, and an SDK client wraps that again.
    ///
    /// ```
    /// # async fn example(chain: role_chain::RoleChain) {
    /// use role_chain::ProvideCredentials as _;
    ///
    /// if let Err(error) = chain.provide_credentials().await
    ///     && let Some(error) = role_chain::Error::find(&error)
    /// {
    ///     eprintln!("{error}\n{}", error.help());
    /// }
    /// # }
    /// ```
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            retryable: kind.is_retryable(),
            step: None,
            message: message.into(),
            principal: None,
            target: None,
            help: Cow::Borrowed(""),
            code: None,
            request_id: None,
            statements: Vec::new(),
            source: None,
        }))
    }

    /// The step, unless one is set already: the innermost knows best.
    pub(crate) fn at(mut self, step: impl Into<Cow<'static, str>>) -> Self {
        let inner = self.inner();
        if inner.step.is_none() {
            inner.step = Some(step.into());
        }
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.inner().help = help.into();
        self
    }

    /// Whether trying again can help, where the kind alone does not tell.
    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.inner().retryable = retryable;
        self
    }

    pub(crate) fn with_principal(mut self, principal: Option<String>) -> Self {
        self.inner().principal = principal;
        self
    }

    pub(crate) fn with_target(mut self, target: impl Into<String>) -> Self {
        self.inner().target = Some(target.into());
        self
    }

    pub(crate) fn with_code(mut self, code: Option<&str>, request_id: Option<&str>) -> Self {
        let inner = self.inner();
        inner.code = code.map(str::to_owned);
        inner.request_id = request_id.map(str::to_owned);
        self
    }

    pub(crate) fn with_statements(mut self, statements: Vec<Statement>) -> Self {
        self.inner().statements = statements;
        self
    }

    pub(crate) fn with_source(mut self, source: Option<Cause>) -> Self {
        self.inner().source = source;
        self
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = &self.0.step {
            write!(f, "{step}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("step", &inner.step)
            .field("message", &inner.message)
            .field("principal", &inner.principal)
            .field("target", &inner.target)
            .field("code", &inner.code)
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|cause| cause as _)
    }
}

/// A cause, kept as text.
///
/// The SDK's errors are not kept themselves: their `Debug` holds whole responses, which may hold credentials.
#[derive(Clone)]
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: one_line(&text.into()), source: None }
    }

    /// The texts of an error and its sources. For errors whose `Display` is known to hold no response bodies.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for error in sources(error) {
            let text = one_line(&error.to_string());
            // Some errors repeat their source's text, and some say nothing.
            if !text.is_empty() && !texts.iter().any(|earlier| earlier.contains(&text)) {
                texts.push(text);
            }
        }
        let mut cause = None;
        for text in texts.into_iter().rev() {
            cause = Some(Box::new(Self { text, source: cause }));
        }
        cause.map_or_else(|| Self::text("unknown"), |cause| *cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)?;
        if let Some(source) = &self.source {
            write!(f, " <- {source:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

/// An error and its sources. `io::Error::source` skips the payload itself, so that is taken from `get_ref`.
pub(crate) fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
        None => error.source(),
    })
}

/// Texts of others, made fit for one line: no control characters, no endless length.
fn one_line(text: &str) -> String {
    const MAX: usize = 600;
    let mut line = String::with_capacity(text.len().min(MAX));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > MAX {
        line = line.chars().take(MAX).collect();
        line.push('…');
    }
    line
}
