//! Checks signatures of version 4, written from AWS's description of them and sharing no code with any signer.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::{HeaderMap, http::request::Parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// All but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an `Authorization: AWS4-HMAC-SHA256 …` header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    /// `YYYYMMDD`.
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

impl Authorization {
    /// Reads the header; the error is the part that is missing or malformed, in the words of AWS.
    pub(crate) fn parse(header: &str) -> Result<Self, String> {
        let rest = header.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(|| {
            format!("Unsupported AWS 'algorithm': '{}'", header.split(' ').next().unwrap_or_default())
        })?;
        let part = |name: &str| {
            rest.split(',')
                .find_map(|item| item.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| format!("Authorization header requires '{name}' parameter. Authorization={header}"))
        };
        let (credential, signed_headers, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
        let [access_key_id, date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(format!("Credential must have exactly 5 slash-delimited elements, got '{credential}'"));
        };
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
        })
    }

    /// The headers that must be signed and are not: `host`, and every `x-amz-*` that came.
    pub(crate) fn unsigned<'a>(&self, headers: &'a HeaderMap) -> Vec<&'a str> {
        headers
            .keys()
            .map(|name| name.as_str())
            .filter(|name| *name == "host" || name.starts_with("x-amz-"))
            .filter(|name| !self.signed_headers.iter().any(|signed| signed == name))
            .collect()
    }

    /// The signature that the request should carry if it was signed with `secret` at `stamp` (`YYYYMMDDTHHMMSSZ`).
    pub(crate) fn expected(&self, secret: &str, stamp: &str, request: &Parts, body: &[u8]) -> String {
        let canonical = canonical_request(request, &self.signed_headers, body);
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let key = signing_key(secret, &self.date, &self.region, &self.service);
        hex::encode(hmac(&key, to_sign.as_bytes()))
    }
}

fn canonical_request(request: &Parts, signed_headers: &[String], body: &[u8]) -> String {
    let path = match request.uri.path() {
        "" => "/".to_owned(),
        path => path.split('/').map(encode).collect::<Vec<_>>().join("/"),
    };
    let mut query: Vec<(String, String)> = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String =
        signed_headers.iter().map(|name| format!("{name}:{}\n", canonical_value(&request.headers, name))).collect();
    format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{}",
        request.method,
        query.join("&"),
        signed_headers.join(";"),
        sha256_hex(body)
    )
}

/// The values of a header, joined by commas, with runs of spaces made one.
fn canonical_value(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

fn encode(part: &str) -> String {
    utf8_percent_encode(part, RESERVED).to_string()
}

fn recode(part: &str) -> String {
    encode(&percent_decode_str(part).decode_utf8_lossy())
}

/// The key that signs for one day, region and service.
pub(crate) fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let start = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
    [region, service, "aws4_request"].iter().fold(start, |key, part| hmac(&key, part.as_bytes()))
}

pub(crate) fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

pub(crate) fn sha256_hex(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::Authorization;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// From AWS's own test suite for version 4, `get-vanilla-query-order-key-case` and `post-x-www-form-urlencoded`.
    #[test]
    fn the_test_suite_of_aws_agrees() {
        let scope = "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let get = Request::get("/?Param2=value2&Param1=value1")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z");
        let post = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z");
        for (request, signed, body, signature) in [
            (get, "host;x-amz-date", "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            (
                post,
                "content-type;host;x-amz-date",
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let header = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders={signed}, Signature={signature}");
            let authorization = Authorization::parse(&header).unwrap();
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(authorization.expected(SECRET, "20150830T123600Z", &parts, body.as_bytes()), signature);
            assert!(authorization.unsigned(&parts.headers).is_empty());
        }
    }

    #[test]
    fn a_malformed_header_is_named() {
        for (header, part) in [
            ("Basic Zm9v", "algorithm"),
            ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0", "Credential"),
            ("AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/sts/aws4_request, Signature=0", "SignedHeaders"),
            ("AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1, SignedHeaders=host, Signature=0", "slash-delimited"),
        ] {
            let message = Authorization::parse(header).unwrap_err();
            assert!(message.contains(part), "{header}: {message}");
        }
    }
}
