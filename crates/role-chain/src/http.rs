//! The two HTTP clients: one for the instance metadata service, which speaks plain HTTP to this machine and to no proxy, and one for STS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::clock::Clock;
use crate::endpoint::Proxy;
use crate::error::{Cause, Error};
use crate::error_kind::ErrorKind;

/// A client without roots, so without TLS, and without a proxy.
pub(crate) fn plain(clock: Clock) -> SharedHttpClient {
    SharedHttpClient::new(Client::new(TrustStore::empty(), ProxyConfig::disabled(), clock))
}

/// A client for STS. The operating system's roots are loaded only where TLS is spoken and no bundle stands in for them.
pub(crate) fn for_sts(
    tls: bool,
    bundle: Option<&Path>,
    proxy: Option<&Proxy>,
    clock: Clock,
) -> Result<SharedHttpClient, Error> {
    let trust = match (tls, bundle) {
        (true, Some(path)) => TrustStore::empty().with_pem_certificate(read_bundle(path)?),
        (true, None) => system_roots()?,
        (false, _) => TrustStore::empty(),
    };
    let proxy = match proxy {
        None => ProxyConfig::disabled(),
        Some(proxy) => {
            let config = ProxyConfig::all(proxy.url.as_str()).map_err(|_| {
                // The error's text may repeat the URL, and with it a password.
                Error::new(ErrorKind::InvalidArgument, "the proxy's URL cannot be used")
                    .with_help("Set HTTPS_PROXY to http://HOST:PORT, or unset it.")
            })?;
            match &proxy.bypass {
                Some(bypass) => config.no_proxy(bypass),
                None => config,
            }
        }
    };
    Ok(SharedHttpClient::new(Client::new(trust, proxy, clock)))
}

/// The operating system's authorities. In a debug build the SDK's client panics where there are none; in others, no certificate is trusted.
fn system_roots() -> Result<TrustStore, Error> {
    if cfg!(debug_assertions) && rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(Error::new(ErrorKind::Untrusted, "this system has no certificate authorities to trust")
            .with_help("Install them (the package is called ca-certificates), or let AWS_CA_BUNDLE name a PEM file."));
    }
    Ok(TrustStore::default())
}

/// Checks that a CA bundle is there and looks like one; its certificates are read when they are needed.
pub(crate) fn check_bundle(path: &Path) -> Result<(), Error> {
    let text = read(path)?;
    match String::from_utf8_lossy(&text).contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(()),
        false => Err(bundle_error(path, "holds no PEM certificate", None)),
    }
}

/// Reads a bundle and leaves out nothing: a certificate that cannot be read is an error, since the SDK's client would panic at it.
fn read_bundle(path: &Path) -> Result<Vec<u8>, Error> {
    let pem = read(path)?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate
            .map_err(|error| bundle_error(path, "is not well-formed PEM", Some(Cause::text(error.to_string()))))?;
        roots
            .add(certificate)
            .map_err(|error| bundle_error(path, "holds a certificate that cannot be read", Some(Cause::of(&error))))?;
    }
    match roots.is_empty() {
        true => Err(bundle_error(path, "holds no PEM certificate", None)),
        false => Ok(pem),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| bundle_error(path, "cannot be read", Some(Cause::of(&error))))
}

fn bundle_error(path: &Path, what: &str, source: Option<Cause>) -> Error {
    let path: PathBuf = path.into();
    Error::new(ErrorKind::InvalidArgument, format!("the CA bundle {} {what}", path.display()))
        .with_source(source)
        .with_help("Let AWS_CA_BUNDLE name a file of PEM certificates, or unset it to trust the operating system's.")
}

struct Client {
    trust: TrustStore,
    proxy: ProxyConfig,
    /// Told the time of each answer.
    clock: Clock,
    connectors: Mutex<Vec<(Timeouts, SharedHttpConnector)>>,
}

type Timeouts = (Option<Duration>, Option<Duration>);

impl Client {
    fn new(trust: TrustStore, proxy: ProxyConfig, clock: Clock) -> Self {
        Self { trust, proxy, clock, connectors: Mutex::default() }
    }

    fn connect(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let tls = TlsContext::builder().with_trust_store(self.trust.clone()).build().unwrap_or_default();
        let mut builder = Connector::builder()
            .connector_settings(settings.clone())
            .proxy_config(self.proxy.clone())
            .tls_provider(Provider::rustls(CryptoMode::Ring))
            .tls_context(tls);
        builder.set_sleep_impl(components.sleep_impl());
        let connector = builder.build();
        let connector = SharedHttpConnector::new(connector);
        SharedHttpConnector::new(Observed { connector, clock: self.clock.clone() })
    }
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, connector)) = connectors.iter().find(|(known, _)| *known == timeouts) {
            return connector.clone();
        }
        let connector = self.connect(settings, components);
        connectors.push((timeouts, connector.clone()));
        connector
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(..)")
    }
}

/// A connector that tells the clock what time the answers name.
struct Observed {
    connector: SharedHttpConnector,
    clock: Clock,
}

impl HttpConnector for Observed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, clock) = (self.connector.call(request), self.clock.clone());
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if let Some(date) = answer.headers().get("date")
                && let Ok(date) = DateTime::from_str(date, Format::HttpDate)
                && let Ok(date) = date.try_into()
            {
                clock.observe(date);
            }
            Ok(answer)
        })
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observed(..)")
    }
}
