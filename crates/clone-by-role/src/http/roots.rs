//! Which certificate authorities vouch for a server.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::tls::{Certificate, RootCerts};

use crate::{Error, ErrorKind, Result, Step};

/// The certificates of `ca_bundle`, else of the file that `AWS_CA_BUNDLE` names, else of the system; where a system has
/// none (a bare container), Mozilla's list that is compiled in.
pub(super) fn load(ca_bundle: Option<&Path>) -> Result<RootCerts> {
    let bundle = ca_bundle
        .map(Path::to_path_buf)
        .or_else(|| std::env::var_os("AWS_CA_BUNDLE").filter(|value| !value.is_empty()).map(PathBuf::from));
    if let Some(path) = bundle {
        return from_file(&path);
    }
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return Ok(RootCerts::WebPki);
    }
    Ok(specific(found))
}

fn from_file(path: &Path) -> Result<RootCerts> {
    let wrong = |reason: String| {
        Error::new(ErrorKind::Tls, Step::Plan, format!("the CA bundle {} {reason}", path.display()))
            .with_help("AWS_CA_BUNDLE must name a PEM file of certificates that can be read")
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong("cannot be read".into()).with_source(error))?;
    if certificates.is_empty() {
        return Err(wrong("holds no certificate".into()));
    }
    Ok(specific(certificates))
}

fn specific(certificates: Vec<CertificateDer<'static>>) -> RootCerts {
    let certificates: Vec<_> = certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    RootCerts::new_with_certs(&certificates)
}
