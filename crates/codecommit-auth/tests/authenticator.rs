//! An authenticator over time: when it keeps a login, when it signs anew, and what it makes of refusals.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::{Authenticator, Cause, Diagnosis, ErrorKind, Refusal, Remote, Verdict};

/// 2026-09-10T00:26:40Z.
const NOW: u64 = 1_789_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn credentials(key: &str, expiry: Option<u64>) -> Credentials {
    Credentials::new(key, "notasecret", Some("token".to_owned()), expiry.map(at), "test")
}

fn of_account(account: &'static str) -> Credentials {
    Credentials::builder()
        .access_key_id("AKID")
        .secret_access_key("notasecret")
        .account_id(account)
        .provider_name("test")
        .build()
}

fn authenticator() -> Authenticator {
    let remote = Remote::parse("arn:aws:codecommit:ap-northeast-1:222222222222:app").unwrap();
    Authenticator::new(remote.locate(None, None).unwrap())
}

fn stamp(authenticator: &mut Authenticator, credentials: &Credentials, now: u64) -> String {
    authenticator.login(credentials, at(now)).unwrap().password()[..16].to_owned()
}

fn denied(verdict: Verdict) -> Diagnosis {
    match verdict {
        Verdict::Denied(diagnosis) => diagnosis,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_is_kept_until_two_minutes_before_its_end() {
    let mut authenticator = authenticator();
    let credentials = credentials("AKID", None);
    assert!(authenticator.kept(at(NOW)).is_none());
    let first = stamp(&mut authenticator, &credentials, NOW);
    assert_eq!(first, "20260910T002640Z");
    for later in [NOW, NOW + 1, NOW + 779] {
        assert_eq!(stamp(&mut authenticator, &credentials, later), first);
        assert_eq!(&authenticator.kept(at(later)).unwrap().password()[..16], first);
    }
    assert!(authenticator.kept(at(NOW + 780)).is_none());
    assert_eq!(stamp(&mut authenticator, &credentials, NOW + 780), "20260910T003940Z");
}

#[test]
fn a_login_ends_with_its_credentials_and_other_credentials_sign_anew() {
    let mut authenticator = authenticator();
    let first = credentials("AKID1", Some(NOW + 300));
    authenticator.login(&first, at(NOW)).unwrap();
    assert!(authenticator.kept(at(NOW + 179)).is_some());
    assert!(authenticator.kept(at(NOW + 180)).is_none());
    // Good for less than two minutes is still good: it is all there is.
    let login = authenticator.login(&first, at(NOW + 299)).unwrap();
    assert!(login.is_valid_at(at(NOW + 299)));
    assert_eq!(authenticator.login(&first, at(NOW + 300)).unwrap_err().kind(), ErrorKind::ExpiredCredentials);
    let second = credentials("AKID2", Some(NOW + 4000));
    assert!(authenticator.login(&second, at(NOW + 300)).unwrap().username().starts_with("AKID2%"));
    // The same key with another token is another snapshot.
    let third = Credentials::new("AKID2", "notasecret", Some("token2".to_owned()), None, "test");
    assert_eq!(authenticator.login(&third, at(NOW + 300)).unwrap().username(), "AKID2%token2");
}

#[test]
fn a_skewed_clock_is_corrected_once() {
    for (server, date, expected) in [
        (NOW + 3600, "Thu, 10 Sep 2026 01:26:40 GMT", "20260910T012640Z"),
        (NOW - 3600, "Wed, 09 Sep 2026 23:26:40 GMT", "20260909T232640Z"),
        (NOW + 60, "Thu, 10 Sep 2026 00:27:40 GMT", "20260910T002740Z"),
    ] {
        for status in [401, 403] {
            let mut authenticator = authenticator();
            let credentials = credentials("AKID", None);
            authenticator.login(&credentials, at(NOW)).unwrap();
            let refusal = Refusal::new(status, at(NOW)).date(date);
            assert!(matches!(authenticator.refused(&refusal), Verdict::SignAnew));
            let login = authenticator.login(&credentials, at(NOW)).unwrap();
            assert_eq!(&login.password()[..16], expected);
            assert_eq!(login.expires_at(), at(server + 900));
            // Kept by the corrected clock.
            assert!(authenticator.kept(at(NOW + 779)).is_some());
            assert!(authenticator.kept(at(NOW + 780)).is_none());
            // The clocks agree now, so it is not the clock.
            authenticator.login(&credentials, at(NOW)).unwrap();
            let diagnosis = denied(authenticator.refused(&refusal));
            assert!(!diagnosis.causes().iter().any(|cause| matches!(cause, Cause::Clock { .. })));
        }
    }
}

#[test]
fn a_clock_that_jumps_after_its_correction_is_reported_and_after_a_success_corrected() {
    let mut authenticator = authenticator();
    let credentials = credentials("AKID", None);
    authenticator.login(&credentials, at(NOW)).unwrap();
    let slow = Refusal::new(403, at(NOW)).date("Thu, 10 Sep 2026 01:26:40 GMT");
    assert!(matches!(authenticator.refused(&slow), Verdict::SignAnew));

    let right = Refusal::new(403, at(NOW + 3600)).date("Thu, 10 Sep 2026 01:26:40 GMT");
    authenticator.login(&credentials, at(NOW + 3600)).unwrap();
    let diagnosis = denied(authenticator.refused(&right));
    assert_eq!(diagnosis.causes()[0], Cause::Clock { host: at(NOW + 7200), server: Some(at(NOW + 3600)) });
    let step = diagnosis.steps().next().unwrap();
    assert!(step.contains("2026-09-10T02:26:40Z") && step.contains("2026-09-10T01:26:40Z"), "{step}");
    assert!(step.contains("NTP"));

    authenticator.accepted();
    assert!(matches!(authenticator.refused(&right), Verdict::SignAnew));
    assert_eq!(stamp(&mut authenticator, &credentials, NOW + 3600), "20260910T012640Z");
}

#[test]
fn a_login_that_died_on_the_way_is_signed_anew() {
    let mut authenticator = authenticator();
    let credentials = credentials("AKID", None);
    authenticator.login(&credentials, at(NOW)).unwrap();
    let refusal = Refusal::new(403, at(NOW + 900));
    assert!(matches!(authenticator.refused(&refusal), Verdict::SignAnew));
    authenticator.login(&credentials, at(NOW + 900)).unwrap();
    denied(authenticator.refused(&refusal));
}

#[test]
fn a_refused_login_is_not_given_out_again_but_a_throttled_one_is() {
    let mut authenticator = authenticator();
    authenticator.login(&credentials("AKID", None), at(NOW)).unwrap();
    for status in [404, 429, 500] {
        authenticator.refused(&Refusal::new(status, at(NOW)));
        assert!(authenticator.kept(at(NOW)).is_some(), "{status}");
    }
    authenticator.refused(&Refusal::new(403, at(NOW)));
    assert!(authenticator.kept(at(NOW)).is_none());
}

/// The names of the causes, in order.
fn causes(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis
        .causes()
        .iter()
        .map(|cause| match cause {
            Cause::Clock { server: Some(_), .. } => "clock",
            Cause::Clock { server: None, .. } => "clock?",
            Cause::LostLogin => "lost",
            Cause::OtherAccount { owner: Some(_), caller: Some(_) } => "account",
            Cause::OtherAccount { .. } => "account?",
            Cause::Permission { action: "codecommit:GitPull" } => "pull",
            Cause::Permission { action: "codecommit:GitPush" } => "push",
            Cause::EncryptionKey => "key",
            Cause::OtherRegion => "region",
            Cause::NoSuchRepository => "name",
            Cause::Throttled { .. } => "throttled",
            other => panic!("{other:?}"),
        })
        .collect()
}

const DATE: &str = "Thu, 10 Sep 2026 00:26:41 GMT";

#[test]
fn refusals_by_status() {
    let refusal = |status| Refusal::new(status, at(NOW)).date(DATE);
    let rows: Vec<(Refusal, &[&str])> = vec![
        (refusal(403), &["pull", "account?", "key"]),
        (refusal(403).push(true), &["push", "account?", "key"]),
        (Refusal::new(403, at(NOW)), &["clock?", "pull", "account?", "key"]),
        (Refusal::new(403, at(NOW)).date("yesterday"), &["clock?", "pull", "account?", "key"]),
        (refusal(403).text("EncryptionKeyAccessDeniedException"), &["key", "pull", "account?"]),
        (refusal(401), &["lost", "pull", "account?", "key"]),
        (Refusal::new(401, at(NOW)), &["clock?", "lost", "pull", "account?", "key"]),
        (refusal(404), &["name", "region", "account?"]),
        (refusal(429), &["throttled"]),
    ];
    for (refusal, expected) in rows {
        let mut authenticator = authenticator();
        authenticator.login(&credentials("AKID", None), at(NOW)).unwrap();
        let diagnosis = denied(authenticator.refused(&refusal));
        assert_eq!(causes(&diagnosis), expected, "{refusal:?}");
        assert_eq!(diagnosis.steps().count(), expected.len());
        assert_eq!(diagnosis.is_retryable(), diagnosis.status() == 429);
        assert!(!diagnosis.to_string().contains('\n') && !diagnosis.help().contains('\n'));
    }
    for status in [200, 302, 400, 500, 503] {
        assert!(matches!(authenticator().refused(&refusal(status)), Verdict::Unexplained), "{status}");
    }
}

#[test]
fn known_accounts_decide_whether_the_account_is_a_cause() {
    for (caller, status, expected) in [
        ("111111111111", 403, &["account", "pull", "key"][..]),
        ("111111111111", 404, &["account", "name", "region"]),
        ("222222222222", 403, &["pull", "key"]),
        ("222222222222", 404, &["name", "region"]),
        ("111111111111", 429, &["throttled"]),
    ] {
        let mut authenticator = authenticator()
            .owner("222222222222".parse().unwrap())
            .principal("arn:aws:sts::111111111111:assumed-role/RoleA/i-0abc");
        authenticator.login(&of_account(caller), at(NOW)).unwrap();
        let diagnosis = denied(authenticator.refused(&Refusal::new(status, at(NOW)).date(DATE)));
        assert_eq!(causes(&diagnosis), expected);
        if status == 403 {
            let help = diagnosis.help();
            assert!(
                help.contains("codecommit:GitPull on arn:aws:codecommit:ap-northeast-1:222222222222:app"),
                "{help}"
            );
            assert!(help.contains("assumed-role/RoleA/i-0abc"), "{help}");
            assert!(help.starts_with("look in this order: (1) "), "{help}");
        }
    }
}

#[test]
fn what_happened_in_one_line() {
    for (status, expected) in [
        (401, "CodeCommit refused the login for app in ap-northeast-1 (HTTP 401)"),
        (403, "CodeCommit refused the login for app in ap-northeast-1 (HTTP 403)"),
        (404, "CodeCommit found no repository app in ap-northeast-1 (HTTP 404)"),
        (429, "CodeCommit is throttling requests for app in ap-northeast-1 (HTTP 429)"),
    ] {
        let diagnosis = denied(authenticator().refused(&Refusal::new(status, at(NOW))));
        assert_eq!(diagnosis.to_string(), expected);
    }
}

#[test]
fn how_long_to_wait() {
    for (header, expected) in [
        (Some("7"), Some(7)),
        (Some(" 120 "), Some(120)),
        (Some("Thu, 10 Sep 2026 00:27:11 GMT"), Some(30)),
        (Some("Thu, 10 Sep 2026 00:00:00 GMT"), Some(0)),
        (Some("-1"), None),
        (Some("soon"), None),
        (Some("99999999999999999999999"), None),
        (None, None),
    ] {
        let mut refusal = Refusal::new(429, at(NOW)).date(DATE);
        if let Some(header) = header {
            refusal = refusal.retry_after(header);
        }
        let diagnosis = denied(authenticator().refused(&refusal));
        assert_eq!(diagnosis.wait(), expected.map(Duration::from_secs), "{header:?}");
        assert!(diagnosis.is_retryable());
    }
}

#[test]
fn no_secret_in_debug() {
    let mut authenticator = authenticator();
    let credentials = credentials("AKID", None);
    let password = authenticator.login(&credentials, at(NOW)).unwrap().password().to_owned();
    let shown = format!("{authenticator:?}");
    for secret in ["notasecret", "token", &password[16..]] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
