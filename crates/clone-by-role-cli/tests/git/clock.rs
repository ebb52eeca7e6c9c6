//! A host whose clock is off.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Desk, value};

#[test]
fn a_login_is_signed_by_the_services_clock_and_ends_by_this_hosts() {
    for off in [3 * 3600, -3 * 3600] {
        let desk = Desk::new(|sandbox| sandbox.clock_offset(off)).with_helper("--profile b");
        desk.good(&["clone", "-q", &desk.sandbox.repository_url("app"), "by-helper"]);
        desk.good(&["clone", "-q", "codecommit::ap-northeast-1://b@app", "by-name"]);
        let output = desk.ask(&["--profile", "b", "get"], desk.request("app").as_bytes());
        let answer = String::from_utf8(output.stdout).unwrap();
        let end: u64 = value(&answer, "password_expiry_utc").unwrap().parse().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!((now + 885..=now + 902).contains(&end), "{end} - {now}");
    }
}
