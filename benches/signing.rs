//! Logins signed in a second on one core, beside the same login by way of aws-sigv4's signing key.
//!
//! `cargo bench -p clone-by-role-benches --bench signing [-- ROUNDS]`

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use codecommit_auth::{Remote, Repository, Signer, sign};
use sha2::{Digest, Sha256};

/// How long each way is measured in a round. The rounds take turns, so that a busy moment falls on all.
const TURN: Duration = Duration::from_millis(300);

/// 2026-09-10T00:00:00Z. Each login is signed for another second of this day.
const DAY: u64 = 1_788_998_400;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(7);
    let repository = Remote::parse("codecommit::ap-northeast-1://app")?.locate(None, None)?;
    // The lengths of a role session's key and token.
    let (key, secret, token) = ("ASIAEXAMPLEEXAMPLE00", "s".repeat(40), "t".repeat(1000));
    let credentials = Credentials::new(key, &secret, Some(token), None, "bench");
    let mut signer = Signer::new(credentials.clone())?;

    type Way<'a> = (&'static str, Box<dyn FnMut(SystemTime) -> String + 'a>);
    let mut ways: [Way<'_>; 3] = [
        (
            "codecommit-auth, derived key kept",
            Box::new(|time| signer.sign(&repository, time).expect("a login").password().to_owned()),
        ),
        (
            "codecommit-auth, one login alone",
            Box::new(|time| sign(&repository, &credentials, time).expect("a login").password().to_owned()),
        ),
        ("aws-sigv4's signing key", Box::new(|time| with_aws_sigv4(&repository, &credentials, time))),
    ];

    let expected = ways[2].1(UNIX_EPOCH + Duration::from_secs(DAY));
    for (name, login) in &mut ways {
        assert_eq!(login(UNIX_EPOCH + Duration::from_secs(DAY)), expected, "{name}");
    }
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for ((_, login), rates) in ways.iter_mut().zip(&mut rates) {
            rates.push(rate(login));
        }
    }
    println!("{rounds} rounds, medians, one thread\n{:<36}{:>12}{:>10}", "way", "logins / s", "ratio");
    let medians = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    for ((name, _), median) in ways.iter().zip(medians) {
        println!("{name:<36}{median:>12.0}{:>10.2}", median / medians[2]);
    }
    Ok(())
}

fn rate(login: &mut dyn FnMut(SystemTime) -> String) -> f64 {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < TURN {
        for _ in 0..100 {
            black_box(login(UNIX_EPOCH + Duration::from_secs(DAY + count % 86_400)));
            count += 1;
        }
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// A login's password, with the key derived and the signature made by aws-sigv4.
fn with_aws_sigv4(repository: &Repository, credentials: &Credentials, time: SystemTime) -> String {
    let second = time.duration_since(UNIX_EPOCH).expect("after 1970").as_secs() - DAY;
    let stamp = format!("20260910T{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60);
    let host = repository.endpoint().signing_host();
    let canonical = format!("GIT\n{}\n\nhost:{host}\n\nhost\n", repository.path());
    let region = repository.region().as_str();
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n20260910/{region}/codecommit/aws4_request\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let key = generate_signing_key(credentials.secret_access_key(), time, region, "codecommit");
    format!("{stamp}Z{}", calculate_signature(key, to_sign.as_bytes()))
}
