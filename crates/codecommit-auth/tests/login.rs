//! What a login promises: its end, its secrecy, its refusals.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::{ErrorKind, Remote, Repository, sign};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEXAMPLE/+==";

fn repository() -> Repository {
    Remote::parse("codecommit::ap-northeast-1://app").unwrap().locate(None, None).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn credentials(expiry: Option<SystemTime>) -> Credentials {
    Credentials::new(KEY, SECRET, Some(TOKEN.to_owned()), expiry, "test")
}

#[test]
fn a_login_dies_with_its_15_minutes_or_its_credentials() {
    let login = |expiry| sign(&repository(), &credentials(expiry), at(1_000_000)).unwrap();
    assert_eq!(login(None).expires_at(), at(1_000_900));
    assert_eq!(login(Some(at(1_000_901))).expires_at(), at(1_000_900));
    assert_eq!(login(Some(at(1_000_899))).expires_at(), at(1_000_899));
    let login = login(Some(at(1_000_001)));
    assert!(login.is_valid_at(at(1_000_000)));
    assert!(!login.is_valid_at(at(1_000_001)));
}

#[test]
fn the_fifteen_minutes_run_from_the_second_that_is_signed() {
    let time = at(1_000_000) + Duration::from_millis(999);
    let login = sign(&repository(), &credentials(None), time).unwrap();
    assert!(login.password().starts_with("19700112T134640Z"));
    assert_eq!(login.expires_at(), at(1_000_900));
}

#[test]
fn expired_credentials_sign_nothing() {
    for expiry in [999_999, 1_000_000] {
        let error = sign(&repository(), &credentials(Some(at(expiry))), at(1_000_000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ExpiredCredentials);
        assert!(error.is_retryable());
        assert!(!error.is_usage());
    }
}

#[test]
fn a_time_that_a_signature_cannot_hold_is_an_error() {
    let error = sign(&repository(), &credentials(None), UNIX_EPOCH - Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnusableTime);
}

#[test]
fn an_empty_token_is_none() {
    let credentials = Credentials::new(KEY, SECRET, Some(String::new()), None, "test");
    let login = sign(&repository(), &credentials, at(0)).unwrap();
    assert_eq!(login.username(), KEY);
}

#[test]
fn credentials_that_would_break_out_of_a_header_or_a_line_are_refused() {
    let bad = ["a:b", "a\nb", "a\rb", "a\0b", "a b", "ä", "a\u{7f}"];
    for bad in bad {
        for (key, token) in [(bad, TOKEN), (KEY, bad)] {
            let credentials = Credentials::new(key, SECRET, Some(token.to_owned()), None, "test");
            let error = sign(&repository(), &credentials, at(0)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnusableCredentials, "{bad:?}");
            assert!(!error.to_string().contains(bad));
        }
    }
    for (key, secret) in [("", SECRET), (KEY, ""), ("a%b", SECRET)] {
        let credentials = Credentials::new(key, secret, None, None, "test");
        let error = sign(&repository(), &credentials, at(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnusableCredentials);
    }
}

#[test]
fn no_secret_in_debug() {
    let login = sign(&repository(), &credentials(None), at(0)).unwrap();
    let signer = codecommit_auth::Signer::new(credentials(None)).unwrap();
    for shown in [format!("{login:?}{login:#?}"), format!("{signer:?}{signer:#?}")] {
        for secret in [SECRET, TOKEN, login.password(), &login.password()[16..]] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn the_authorization_header_is_rfc_7617s() {
    let login = sign(&repository(), &credentials(None), at(0)).unwrap();
    let header = login.authorization();
    let encoded = header.strip_prefix("Basic ").unwrap();
    // Decoded by hand, so as not to agree with the crate that encoded.
    let mut bits = 0_u32;
    let mut held = 0;
    let mut plain = Vec::new();
    for digit in encoded.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => panic!("{digit}"),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            plain.push((bits >> held) as u8);
        }
    }
    assert_eq!(encoded.len() % 4, 0);
    assert_eq!(String::from_utf8(plain).unwrap(), format!("{KEY}%{TOKEN}:{}", login.password()));
}
