//! A certificate authority of the sandbox's own, and the certificates that it issues.

use std::{net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{Error, clock::Timestamp};

/// What the servers present, right and wrong.
pub(crate) struct Tls {
    /// The authority's certificate; clients are to trust it.
    pub(crate) ca_pem: String,
    pub(crate) right: TlsAcceptor,
    /// Issued by the same authority for another host.
    pub(crate) other_name: TlsAcceptor,
    /// For the right host, by an authority that nobody trusts.
    pub(crate) untrusted: TlsAcceptor,
    /// For the right host, by the right authority, ten years ago.
    pub(crate) expired: TlsAcceptor,
}

impl Tls {
    /// Makes the authority and the certificates, valid around `now`, for loopback and the hosts named.
    pub(crate) fn new(now: Timestamp, hosts: &[String]) -> Result<Self, Error> {
        let failed =
            |error: rcgen::Error| Error::new(crate::ErrorKind::Io, "no certificate could be made").caused_by(error);
        let (year, month) = now.year_and_month();
        let authority = Authority::new("codecommit-sandbox CA", year, month).map_err(failed)?;
        let stranger = Authority::new("nobody's CA", year, month).map_err(failed)?;
        let mut names = vec!["localhost".to_owned()];
        names.extend_from_slice(hosts);
        let elsewhere = ["elsewhere.invalid".to_owned()];
        Ok(Self {
            right: acceptor(authority.issue(&names, true, (year, month)).map_err(failed)?)?,
            other_name: acceptor(authority.issue(&elsewhere, false, (year, month)).map_err(failed)?)?,
            untrusted: acceptor(stranger.issue(&names, true, (year, month)).map_err(failed)?)?,
            expired: acceptor(authority.issue(&names, true, (year - 10, month)).map_err(failed)?)?,
            ca_pem: authority.pem,
        })
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct Leaf {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Authority {
    fn new(name: &str, year: i32, month: u8) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(year - 11, month, 1);
        params.not_after = date_time_ymd(year + 10, month, 1);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// A certificate for two years around the month given: some clients accept no longer ones.
    fn issue(&self, names: &[String], loopback: bool, (year, month): (i32, u8)) -> Result<Leaf, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        if loopback {
            for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
                params.subject_alt_names.push(SanType::IpAddress(address));
            }
        }
        params.distinguished_name.push(DnType::CommonName, names[0].as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // OpenSSL's strict mode, Python's default since 3.13, asks for it.
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(year - 1, month, 1);
        params.not_after = date_time_ymd(year + 1, month, 1);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }
}

fn acceptor(leaf: Leaf) -> Result<TlsAcceptor, Error> {
    let failed = |error| Error::new(crate::ErrorKind::Io, "TLS could not be set up").caused_by(error);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.certificate.into()], key)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
