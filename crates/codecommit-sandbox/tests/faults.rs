//! Each fault does what it says.

mod support;

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use codecommit_sandbox::{Effect, Fault, Protocol, Sandbox, Service, Step};
use support::{Repository, agent, answer, clone, git, login, role_b};

/// A sandbox and a login for its repository.
fn scene(protocol: Protocol) -> (Repository, Sandbox, String) {
    let repository = Repository::new();
    let sandbox = Sandbox::scenario().repository("app", repository.path()).protocol(protocol).start().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let authorization = login(&sandbox, &runtime.block_on(role_b(&sandbox)), "app", 0);
    sandbox.clear_requests();
    (repository, sandbox, authorization)
}

/// What a client sees of the refs: the whole answer, or how it failed.
fn refs(sandbox: &Sandbox, authorization: &str) -> Result<(u16, Vec<u8>), String> {
    let agent = agent(sandbox);
    let url = format!("{}/info/refs?service=git-upload-pack", sandbox.repository_url("app"));
    let timeout = Some(Duration::from_secs(2));
    let request = agent.get(url).config().timeout_global(timeout).build().header("Authorization", authorization);
    let (parts, mut body) = request.call().map_err(|error| error.to_string())?.into_parts();
    let body = body.read_to_vec().map_err(|error| error.to_string())?;
    Ok((parts.status.as_u16(), body))
}

#[test]
fn connections_fail_as_told() {
    let (_repository, sandbox, authorization) = scene(Protocol::CodeCommit);
    let whole = refs(&sandbox, &authorization).unwrap();
    assert_eq!(whole.0, 200);
    let mut failures = BTreeMap::new();
    for effect in [
        Effect::RefuseConnections,
        Effect::ResetConnection,
        Effect::CloseConnection,
        Effect::StallConnection,
        Effect::PlainHttp,
        Effect::CertificateForOtherHost,
        Effect::UntrustedCertificate,
        Effect::ExpiredCertificate,
        Effect::Close,
        Effect::Reset,
        Effect::Stall,
    ] {
        sandbox.clear_requests();
        sandbox.set_fault(Fault::new(Step::FetchRefs, effect.clone()));
        let failure = refs(&sandbox, &authorization).expect_err(&format!("{effect:?}"));
        failures.insert(format!("{effect:?}"), failure);
        // None of these answers, and only the last few are even asked.
        assert!(sandbox.requests().iter().all(|request| request.status().is_none()));
        let asked = matches!(effect, Effect::Close | Effect::Reset | Effect::Stall);
        assert_eq!(!sandbox.requests().is_empty(), asked, "{effect:?}");
        sandbox.clear_faults();
        assert_eq!(refs(&sandbox, &authorization).as_ref(), Ok(&whole), "after {effect:?}");
    }
    for (effect, part) in [
        ("RefuseConnections", "refused"),
        ("ResetConnection", "reset"),
        ("StallConnection", "timeout"),
        ("PlainHttp", "corrupt message"),
        ("CertificateForOtherHost", "not valid for name"),
        ("UntrustedCertificate", "UnknownIssuer"),
        ("ExpiredCertificate", "expired"),
        ("Reset", "reset"),
        ("Stall", "timeout"),
    ] {
        let failure = &failures[effect];
        assert!(failure.to_lowercase().contains(&part.to_lowercase()), "{effect}: {failure}");
    }
}

#[test]
fn answers_are_replaced_as_told() {
    let (_repository, sandbox, authorization) = scene(Protocol::CodeCommit);
    let request = || {
        let url = format!("{}/info/refs?service=git-upload-pack", sandbox.repository_url("app"));
        answer(agent(&sandbox).get(url).header("Authorization", &authorization).call().unwrap())
    };
    let with = |effect: Effect| {
        sandbox.set_fault(Fault::new(Step::FetchRefs, effect).times(1));
        request()
    };
    assert_eq!(with(Effect::Status(503)).status, 503);
    let busy = with(Effect::RetryAfter { status: 429, after: Duration::from_secs(7) });
    assert_eq!((busy.status, busy.header("retry-after")), (429, "7"));
    assert_eq!(with(Effect::Throttle).status, 429);
    assert!(with(Effect::Status(401)).header("www-authenticate").starts_with("Basic "));
    let body = with(Effect::Body("nonsense".into()));
    assert_eq!((body.status, body.text().as_str()), (200, "nonsense"));
    assert_eq!(body.header("content-type"), "application/x-git-upload-pack-advertisement");

    let elsewhere = sandbox.elsewhere_endpoint();
    let moved = with(Effect::Redirect { status: 307, location: format!("{elsewhere}{{path}}") });
    let location = format!("{elsewhere}/v1/repos/app/info/refs?service=git-upload-pack");
    assert_eq!((moved.status, moved.header("location")), (307, &*location));
    assert_eq!(answer(agent(&sandbox).get(&location).call().unwrap()).status, 404);
    assert_eq!(sandbox.count(Step::Elsewhere), 1);

    assert_eq!(with(Effect::ClockOff(16 * 60)).status, 403);
    let (right, wrong) = (request(), with(Effect::DateOff(7_200)));
    assert_eq!(wrong.status, 200);
    assert_ne!(right.header("date")[..19], wrong.header("date")[..19]);
    let start = Instant::now();
    assert_eq!(with(Effect::Delay(Duration::from_millis(300))).status, 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(sandbox.faults_struck(), 9);
}

#[test]
fn bodies_break_where_told() {
    let (_repository, sandbox, authorization) = scene(Protocol::CodeCommit);
    let whole = refs(&sandbox, &authorization).unwrap().1;
    for effect in [Effect::CutAfter(100), Effect::ResetAfter(100), Effect::StallAfter(100)] {
        sandbox.set_fault(Fault::new(Step::FetchRefs, effect.clone()).times(1));
        // Seen below HTTP: the head and a hundred bytes came, the end of the body did not.
        let mut seen = Vec::new();
        let mut stream = raw_request(&sandbox, &authorization);
        let end = stream.read_to_end(&mut seen);
        let text = String::from_utf8_lossy(&seen).into_owned();
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{effect:?}: {text}");
        assert!(text.contains(&String::from_utf8_lossy(&whole[..60]).into_owned()), "{effect:?}: {text}");
        assert!(!text.ends_with("0\r\n\r\n"), "{effect:?}: {text}");
        assert!(end.is_err() || effect == Effect::CutAfter(100), "{effect:?}: {end:?}");
    }
    sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::EndAfter(100)).times(1));
    assert_eq!(refs(&sandbox, &authorization).unwrap().1, whole[..100]);
    sandbox.set_fault(Fault::new(Step::FetchRefs, Effect::BytesPerSecond(1_000)).times(1));
    let start = Instant::now();
    assert_eq!(refs(&sandbox, &authorization).unwrap().1, whole);
    assert!(start.elapsed() >= Duration::from_millis(whole.len() as u64 * 9 / 10), "{:?}", start.elapsed());
    for endless in [Effect::EndlessRefs, Effect::EndlessBody] {
        sandbox.set_fault(Fault::new(Step::FetchRefs, endless).times(1));
        // The client's own limit ends it: of bytes, or of time.
        assert!(refs(&sandbox, &authorization).is_err());
    }
}

/// TLS with the sandbox, and a request for the refs on it.
fn raw_request(sandbox: &Sandbox, authorization: &str) -> impl std::io::Read {
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, pki_types};
    let mut roots = RootCertStore::empty();
    let pem = <pki_types::CertificateDer<'_> as pki_types::pem::PemObject>::from_pem_slice(sandbox.ca_pem().as_bytes());
    roots.add(pem.unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = sandbox.codecommit_endpoint().trim_start_matches("https://").to_owned();
    let socket = TcpStream::connect(&host).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let name = pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(config.into(), name).unwrap(), socket);
    let path = "/v1/repos/app/info/refs?service=git-upload-pack";
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    Plain(stream)
}

/// A connection that ends without TLS's farewell, as a cut one does, is at its end and no error of this test.
struct Plain<T>(T);

impl<T: std::io::Read> std::io::Read for Plain<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(0),
            other => other,
        }
    }
}

#[test]
fn packs_are_spoiled_and_stock_git_notices() {
    for protocol in [Protocol::CodeCommit, Protocol::Modern] {
        let (repository, sandbox, authorization) = scene(protocol);
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("clone");
        let id = repository.head();
        for (step, effect, complaint) in [
            (Step::Fetch, Effect::FlipPackBit(40), "inflate"),
            (Step::Fetch, Effect::TruncatePack(100), "early EOF"),
            (Step::Fetch, Effect::ReplacePack("no pack at all".into()), "pack"),
            (Step::Fetch, Effect::CutAfter(300), ""),
            (Step::Fetch, Effect::EndAfter(300), ""),
            (Step::Fetch, Effect::Status(500), "500"),
            (Step::Fetch, Effect::ClockOff(16 * 60), "403"),
            (Step::FetchRefs, Effect::Throttle, "429"),
        ] {
            sandbox.set_fault(Fault::new(step, effect.clone()));
            let output = clone(&sandbox, "app", &authorization, &[], &into);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{protocol:?} {effect:?}");
            assert!(said.contains(complaint), "{protocol:?} {effect:?}: {said}");
            sandbox.clear_faults();
        }
        let list = if protocol == Protocol::Modern { Step::ListRefs } else { Step::FetchRefs };
        sandbox.set_fault(Fault::new(list, Effect::ExtraRef { name: "refs/heads/extra".into(), id: Some(id.clone()) }));
        let output = clone(&sandbox, "app", &authorization, &[], &into);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(git(&into, &["rev-parse", "origin/extra"]), id);
        let struck = sandbox.faults_struck();
        assert!(struck >= 9, "{struck}");
    }
}

#[test]
fn progress_can_be_endless() {
    let (repository, sandbox, authorization) = scene(Protocol::CodeCommit);
    sandbox.set_fault(Fault::new(Step::Fetch, Effect::EndlessProgress));
    let want = format!("want {} side-band-64k\n", repository.head());
    let body = format!("{:04x}{want}00000009done\n", want.len() + 4);
    let url = format!("{}/git-upload-pack", sandbox.repository_url("app"));
    let request = agent(&sandbox).post(url).header("Authorization", &authorization);
    let (_, body) = request.send(body.as_bytes()).unwrap().into_parts();
    let mut seen = vec![0; 1 << 20];
    body.into_reader().read_exact(&mut seen).unwrap();
    assert!(seen.starts_with(b"0008NAK\n") && !seen.windows(5).any(|window| window == b"\x01PACK"));
}

#[test]
fn ports_open_again_and_other_services_stay() {
    let (_repository, sandbox, authorization) = scene(Protocol::CodeCommit);
    sandbox.set_fault(Fault::new(Service::Sts, Effect::RefuseConnections));
    for endpoint in [sandbox.sts_endpoint(), sandbox.sts_http_endpoint()] {
        let address = endpoint.split_once("://").unwrap().1;
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    }
    assert_eq!(refs(&sandbox, &authorization).unwrap().0, 200);
    sandbox.clear_faults();
    for endpoint in [sandbox.sts_endpoint(), sandbox.sts_http_endpoint()] {
        assert!(TcpStream::connect(endpoint.split_once("://").unwrap().1).is_ok());
    }
}

#[test]
fn a_fault_in_the_middle_of_a_clone_leaves_the_rest() {
    let (repository, sandbox, authorization) = scene(Protocol::CodeCommit);
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("clone");
    // The login is good for the refs, and over when the pack is asked for.
    sandbox.set_fault(Fault::new(Step::Fetch, Effect::ClockOff(16 * 60)).times(1));
    assert!(!clone(&sandbox, "app", &authorization, &[], &into).status.success());
    let seen: Vec<_> = sandbox.requests().iter().map(|request| (request.step(), request.status())).collect();
    assert_eq!(seen, [(Step::FetchRefs, Some(200)), (Step::Fetch, Some(403))]);
    assert!(clone(&sandbox, "app", &authorization, &[], &into).status.success());
    assert_eq!(git(&into, &["rev-parse", "HEAD"]), repository.head());
}
