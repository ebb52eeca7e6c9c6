//! What goes wrong on the way to STS, and which way is taken.

use codecommit_sandbox::{Effect, Fault, Service, Step};
use role_chain::{ErrorKind, RoleChain};

use crate::failures::{check, fails};
use crate::support::{asked, from_instance_without_retries, hop_b, without_retries, world};

#[tokio::test]
async fn the_instance_tells_its_region_where_nobody_else_does() {
    let sandbox = world().start().unwrap();
    let mut environment = sandbox.env();
    environment.retain(|(name, _)| !name.contains("REGION") && name != "NO_PROXY" && name != "AWS_ENDPOINT_URL_STS");
    environment.push(("HTTPS_PROXY".into(), sandbox.proxy_endpoint()));
    let chain = || RoleChain::from_instance().environment(environment.clone()).hop(hop_b().session_name("web-1"));
    chain().build().unwrap().credentials().await.unwrap();
    let call = sandbox.requests().pop().unwrap();
    assert_eq!((call.step(), call.host()), (Step::AssumeRole, "sts.ap-northeast-1.amazonaws.com"));
    assert!(asked(&sandbox).contains(&"IMDS /latest/meta-data/placement/region".to_owned()));

    sandbox.set_fault(Fault::new(Service::Sts, Effect::UntrustedCertificate));
    let error = fails(chain()).await;
    check(&error, ErrorKind::Untrusted, "hop 1 of 1", false, &["inspects TLS"]);
    assert!(error.to_string().contains("STS in ap-northeast-1"), "{error}");
}

#[tokio::test]
async fn sts_that_cannot_be_reached() {
    let effects = [
        Fault::new(Service::Sts, Effect::RefuseConnections),
        Fault::new(Service::Sts, Effect::CloseConnection),
        Fault::new(Service::Sts, Effect::PlainHttp),
        Fault::new(Step::AssumeRole, Effect::Status(503)),
        Fault::new(Step::AssumeRole, Effect::Close),
        Fault::new(Step::AssumeRole, Effect::CutAfter(100)),
    ];
    for fault in effects {
        let shown = format!("{fault:?}");
        let sandbox = world().fault(fault).start().unwrap();
        let error = fails(from_instance_without_retries(&sandbox).hop(hop_b())).await;
        assert_eq!(error.kind(), ErrorKind::StsUnreachable, "{shown}: {error:?}");
        check(&error, ErrorKind::StsUnreachable, "hop 1 of 1", true, &[]);
        assert!(!error.help().is_empty());
    }
    let builder = RoleChain::from_instance().sts_endpoint("https://sts.example.invalid");
    let sandbox = world().start().unwrap();
    let error = fails(builder.environment(without_retries(&sandbox)).hop(hop_b())).await;
    check(&error, ErrorKind::StsUnreachable, "hop 1 of 1", true, &["name resolution"]);
    assert!(error.to_string().contains("STS at https://sts.example.invalid cannot be reached"), "{error}");
}

#[tokio::test]
async fn certificates_that_are_not_trusted() {
    for effect in [Effect::UntrustedCertificate, Effect::CertificateForOtherHost, Effect::ExpiredCertificate] {
        let sandbox = world().fault(Fault::new(Service::Sts, effect)).start().unwrap();
        let error = fails(from_instance_without_retries(&sandbox).hop(hop_b())).await;
        check(&error, ErrorKind::Untrusted, "hop 1 of 1", false, &["AWS_CA_BUNDLE"]);
        assert_eq!(sandbox.count(Step::AssumeRole), 0);
    }
}

#[tokio::test]
async fn something_else_in_the_place_of_sts() {
    let effects = [
        Effect::Body("<html>Welcome to the network</html>".into()),
        Effect::Status(403),
        Effect::Status(404),
        Effect::Redirect { status: 302, location: "https://127.0.0.1:1/".into() },
    ];
    for effect in effects {
        let sandbox = world().fault(Fault::new(Step::AssumeRole, effect)).start().unwrap();
        let error = fails(from_instance_without_retries(&sandbox).hop(hop_b())).await;
        check(&error, ErrorKind::StsAnswer, "hop 1 of 1", false, &["AWS_ENDPOINT_URL_STS"]);
        assert_eq!(sandbox.count(Step::Elsewhere), 0);
    }
}

#[tokio::test]
async fn a_proxy_gets_what_is_for_sts_and_never_what_is_for_the_metadata_service() {
    let sandbox = world().start().unwrap();
    let through = |no_proxy: &str| {
        let mut environment = sandbox.env();
        environment.retain(|(name, _)| name != "NO_PROXY" && name != "AWS_ENDPOINT_URL_STS");
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            environment.push((name.into(), sandbox.proxy_endpoint()));
        }
        environment.push(("NO_PROXY".into(), no_proxy.into()));
        RoleChain::from_instance().environment(environment).hop(hop_b().session_name("web-1"))
    };
    through("").build().unwrap().credentials().await.unwrap();
    let asked = asked(&sandbox);
    assert_eq!(asked, ["ImdsToken", "ImdsRole", "ImdsCredentials", "ProxyConnect", "AssumeRole RoleB"]);
    assert_eq!(sandbox.count(Step::ProxyOther), 0);
    // A host that no proxy is to stand for is asked itself.
    let error = fails(through("other.invalid,.example.invalid").sts_endpoint("https://sts.example.invalid")).await;
    assert_eq!(error.kind(), ErrorKind::StsUnreachable);
    assert_eq!(sandbox.count(Step::ProxyConnect), 1);
}
