//! What is seen from outside: spans, events and counters of each step, and no secret in any of it.

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};

use codecommit_sandbox::{Effect, Fault, Step};
use role_chain::{Credentials, Error, Hop, ProvideCredentials as _, RoleChain, RoleChainBuilder};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{
    MFA, PROVIDER, ROLE_B, Time, from_instance, from_instance_without_retries, from_user, hop_b, hop_c, key, role,
    until, without_retries, world,
};

/// What was logged while it lives, at trace level and with all spans.
struct Log {
    text: Text,
    _guard: DefaultGuard,
    // With one dispatcher alone, tracing asks the thread that comes by an event first whether it is of interest, and believes it for all threads.
    _other: Dispatch,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn new() -> Self {
        let text = Text::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_ansi(false)
            .with_writer(text.clone())
            .finish();
        let other = Dispatch::new(tracing_subscriber::registry());
        Self { text, _guard: tracing::subscriber::set_default(subscriber), _other: other }
    }

    fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }

    /// How many lines hold all of these.
    fn count(&self, parts: &[&str]) -> usize {
        self.text().lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Text {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn each_hop_has_a_span_and_each_turn_an_event_and_a_count() {
    let log = Log::new();
    let sandbox = world().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let time = Time::new();
    let chain = || {
        let builder = time.set(from_instance_without_retries(&sandbox)).hop(hop_b()).hop(hop_c());
        builder.disk_cache_in(folder.path().join("sessions")).build().unwrap()
    };
    let one = chain();
    key(&one).await;
    let targets = [("hop 1 of 2", ROLE_B), ("hop 2 of 2", "arn:aws:iam::222222222222:role/deploy/RoleC")];
    for (step, target) in targets {
        let closed = format!("role_chain.call{{step={step} target=\"{target}\"}}: role_chain::serve: close");
        assert_eq!(log.count(&[&closed]), 1, "{step}:\n{}", log.text());
    }
    assert_eq!(log.count(&["role_chain.call{step=IMDS}: role_chain::serve: close"]), 1);
    for step in ["IMDS", "hop 1 of 2", "hop 2 of 2"] {
        assert_eq!(log.count(&[&format!("obtained credentials step={step} elapsed_ms=")]), 1, "{step}");
    }
    assert_eq!(log.count(&["obtained credentials", "assumed-role/RoleC/"]), 1, "whom it made of the caller");

    key(&one).await;
    assert_eq!(log.count(&["served credentials from memory", "step=hop 2 of 2"]), 1);
    key(&chain()).await;
    assert_eq!(log.count(&["took credentials from disk", "step=hop 2 of 2"]), 1);

    sandbox.set_fault(Fault::new(Step::AssumeRole, Effect::Throttle));
    time.go_to(&sandbox, 2_900);
    key(&one).await;
    until(|| one.counters()[2].failures == 1).await;
    assert_eq!(log.count(&["replacing credentials ahead of their expiry", "step=hop 2 of 2"]), 1);
    assert_eq!(log.count(&["obtained no credentials", "step=hop 2 of 2", "STS is throttling"]), 1);
    key(&one).await;
    assert_eq!(log.count(&["served credentials that could not be replaced", "step=hop 2 of 2"]), 1);
    time.go_to(&sandbox, 3_590);
    key(&one).await;
    assert_eq!(
        log.count(&[
            "WARN",
            "served credentials that are still valid step=hop 2 of 2 error=hop 2 of 2: STS is throttling"
        ]),
        1
    );

    let counters = one.counters();
    let names: Vec<_> = counters.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, ["IMDS", "hop 1 of 2", "hop 2 of 2"]);
    let last = &counters[2];
    assert_eq!((last.calls, last.failures, last.ahead, last.served_after_failure), (3, 2, 1, 2));
    assert_eq!((last.served, last.from_disk), (3, 0));
    // The hop before was of use once more, and replaced by nobody, until it was about to expire itself.
    assert_eq!((counters[0].calls, counters[1].calls), (1, 2));
}

/// All that is said, of which nothing may be a secret.
struct Said {
    log: Log,
    texts: Vec<String>,
    secrets: Vec<String>,
}

impl Said {
    fn new() -> Self {
        Self { log: Log::new(), texts: Vec::new(), secrets: Vec::new() }
    }

    fn hide(&mut self, secret: impl Into<String>) {
        self.secrets.push(secret.into());
    }

    fn hide_credentials(&mut self, credentials: &Credentials) {
        self.hide(credentials.secret_access_key());
        self.secrets.extend(credentials.session_token().map(str::to_owned));
    }

    fn show(&mut self, thing: &impl Debug) {
        self.texts.push(format!("{thing:?}\n{thing:#?}"));
    }

    fn error(&mut self, error: &Error) {
        self.show(error);
        let mut next: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = next {
            self.texts.push(format!("{error}\n{error:?}"));
            next = error.source();
        }
        self.texts.push(error.help().to_owned());
        self.texts.extend(error.statements().iter().map(|statement| format!("{statement:?}")));
    }

    /// Tries a chain in every way, and shows all that it says.
    async fn run(&mut self, builder: RoleChainBuilder) {
        self.show(&builder);
        let chain = match builder.build() {
            Ok(chain) => chain,
            Err(error) => return self.error(&error),
        };
        self.show(&chain);
        self.show(&chain.early());
        match chain.credentials().await {
            Ok(credentials) => {
                self.hide_credentials(&credentials);
                self.show(&credentials);
            }
            Err(error) => self.error(&error),
        }
        if let Err(error) = chain.provide_credentials().await {
            self.texts.push(format!("{error}\n{error:?}"));
        }
        let report = chain.diagnose().await;
        self.show(&report);
        self.texts.push(format!("{report}\n{}", report.to_json()));
        self.show(&chain.counters());
    }

    fn check(self) {
        let all = format!("{}\n{}", self.texts.join("\n"), self.log.text());
        assert!(self.secrets.len() > 8 && self.secrets.iter().all(|secret| secret.len() >= 6), "{:?}", self.secrets);
        for secret in &self.secrets {
            if let Some(at) = all.find(secret.as_str()) {
                panic!("a secret is in: …{}…", &all[at.saturating_sub(200)..at]);
            }
        }
        assert!(all.contains("obtained credentials") && all.contains("obtained no credentials"));
    }
}

fn sts_error(code: &str) -> Effect {
    Effect::AwsError { status: 403, code: code.into(), message: "What STS says of it.".into() }
}

#[tokio::test]
async fn no_secret_is_in_anything_that_is_said() {
    let mut said = Said::new();
    let sandbox = world().start().unwrap();
    let keys = sandbox.user_keys("dana").unwrap();
    said.hide(&keys.secret_access_key);
    said.hide(sandbox.external_id());
    said.hide_credentials(&from_instance(&sandbox).build().unwrap().credentials().await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let cached = || {
        let builder = from_instance(&sandbox).hop(hop_b()).hop(hop_c());
        builder.disk_cache_in(folder.path().join("own")).aws_cli_cache_in(folder.path().join("cli"))
    };
    said.run(cached()).await;
    said.run(cached()).await;

    said.hide("970418");
    said.hide("654321");
    for code in ["970418", "654321", "97041x"] {
        said.run(from_user(&sandbox).hop(hop_b().mfa(MFA, move |_| Ok(code.into())))).await;
    }
    said.hide("an-external-id-of-another");
    said.hide("an external id that breaks the rule");
    for id in ["an-external-id-of-another", "an external id that breaks the rule"] {
        said.run(from_instance(&sandbox).hop(Hop::new(role(ROLE_B)).external_id(id))).await;
    }

    let token = sandbox.web_identity_token(PROVIDER, "system:serviceaccount:deploy");
    let file = folder.path().join("token");
    let role_w = || role("arn:aws:iam::111111111111:role/RoleW");
    said.hide(token.as_str());
    for token in [token.as_str(), "a-token-of-nobodys"] {
        std::fs::write(&file, token).unwrap();
        said.run(RoleChain::from_web_identity(role_w(), &file).environment(sandbox.env()).hop(hop_b())).await;
    }
    said.hide("a-token-of-nobodys");

    let print = |secret: &str| {
        format!(r#"echo '{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{secret}"}}'"#, keys.access_key_id)
    };
    said.hide("a-secret-of-a-process");
    for command in [print(&keys.secret_access_key), print("a-secret-of-a-process"), "echo a-secret-of-a-process".into()]
    {
        said.run(RoleChain::from_credential_process(command).environment(without_retries(&sandbox)).hop(hop_b())).await;
    }

    said.hide("hidden-in-a-document");
    let document = r#"{"AccessKeyId":"A","SecretAccessKey":"hidden-in-a-document","Token":"hidden-in-a-document","Expiration":"2090-01-01T00:00:00Z"}"#;
    let effects = [
        (Step::ImdsCredentials, Effect::Body(document.into())),
        (Step::ImdsCredentials, Effect::Body(document.replace("2090", "1990").into())),
        (Step::ImdsCredentials, Effect::Body(document.replace("}", "").into())),
        (
            Step::AssumeRole,
            Effect::Body(b"<A><SecretAccessKey>hidden-in-a-document</SecretAccessKey></A>".as_slice().into()),
        ),
        (Step::AssumeRole, Effect::CutAfter(400)),
        (Step::AssumeRole, sts_error("ExpiredToken")),
        (Step::AssumeRole, sts_error("SignatureDoesNotMatch")),
        (Step::AssumeRole, Effect::Throttle),
    ];
    for (step, effect) in effects {
        sandbox.set_fault(Fault::new(step, effect));
        said.run(from_instance_without_retries(&sandbox).hop(hop_b())).await;
        sandbox.clear_faults();
    }

    said.hide("password-of-a-proxy");
    for proxy in ["http://user:password-of-a-proxy@127.0.0.1:1", "socks5://user:password-of-a-proxy@127.0.0.1:1"] {
        let environment = without_retries(&sandbox).chain([
            ("HTTPS_PROXY".into(), proxy.into()),
            ("NO_PROXY".into(), String::new()),
            ("AWS_ENDPOINT_URL_STS".into(), "https://sts.example.invalid".into()),
        ]);
        said.run(RoleChain::from_instance().environment(environment).hop(hop_b())).await;
    }
    said.check();
}

#[tokio::test]
async fn a_refused_signature_does_not_repeat_the_token_that_sts_repeats() {
    // STS puts the canonical request, and the session token with it, into the message of a refused signature.
    let sandbox = world().start().unwrap();
    let base = from_instance(&sandbox).build().unwrap().credentials().await.unwrap();
    let token = base.session_token().unwrap();
    let message =
        format!("The Canonical String should have been\nx-amz-security-token:{token}\n{}", sandbox.external_id());
    let effect = Effect::AwsError { status: 403, code: "SignatureDoesNotMatch".into(), message };
    sandbox.set_fault(Fault::new(Step::AssumeRole, effect));
    let chain = from_instance_without_retries(&sandbox).hop(hop_b()).build().unwrap();
    let error = chain.credentials().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("x-amz-security-token:[redacted] [redacted]"), "{cause}");
    assert!(!format!("{error:?}").contains(token));
}
