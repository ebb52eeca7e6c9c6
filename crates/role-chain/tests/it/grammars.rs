//! The grammars, by properties: what is put together by the rules is taken and read back, and no text makes anything panic.

use std::time::Duration;

use proptest::prelude::*;
use role_chain::{Error, ErrorKind, Hop, Region, RoleArn, RoleChain};

use crate::support::{ROLE_B, role};

const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

fn build(hop: Hop) -> Result<(), Error> {
    RoleChain::from_instance().environment([("", ""); 0]).hop(hop).build().map(drop)
}

fn hop() -> Hop {
    Hop::new(role(ROLE_B))
}

/// The rule of the STS model, `[\w+=,.@-]{2,64}` with more punctuation or another length, written anew.
fn is_word(text: &str, most: usize, more: &str) -> bool {
    let alphabet = |c: char| c.is_ascii_alphanumeric() || c == '_' || "+=,.@-".contains(c) || more.contains(c);
    (2..=most).contains(&text.chars().count()) && text.chars().all(alphabet)
}

proptest! {
    #[test]
    fn a_role_arn_is_read_back(
        partition in proptest::sample::select(&PARTITIONS),
        account in "[0-9]{12}",
        path in "([!-~]{1,40}/){0,3}",
        name in "[A-Za-z0-9_+=,.@-]{1,64}",
    ) {
        prop_assume!(!path.contains("//") && !path.starts_with('/'));
        let text = format!("arn:{partition}:iam::{account}:role/{path}{name}");
        let arn = RoleArn::parse(text.clone()).unwrap();
        prop_assert_eq!((arn.as_str(), arn.to_string()), (text.as_str(), text.clone()));
        prop_assert_eq!((arn.partition(), arn.account_id(), arn.name()), (partition, account.as_str(), name.as_str()));
        prop_assert_eq!(text.parse::<RoleArn>().unwrap(), arn);
    }

    #[test]
    fn no_text_makes_the_reader_of_arns_panic(text in any::<String>()) {
        if let Err(error) = RoleArn::parse(text) {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            prop_assert_eq!(error.to_string().lines().count(), 1);
            prop_assert!(!error.help().is_empty());
        }
    }

    #[test]
    fn an_arn_with_one_letter_changed_is_read_as_it_stands_or_refused(at in 0..ROLE_B.len(), letter in any::<char>()) {
        let mut text: String = ROLE_B[..at].to_owned();
        text.push(letter);
        text.push_str(&ROLE_B[at + 1..]);
        if let Ok(arn) = RoleArn::parse(text.clone()) {
            prop_assert_eq!(arn.as_str(), text.as_str());
            let parts: Vec<&str> = text.splitn(6, ':').collect();
            prop_assert_eq!((parts[0], parts[2], parts[3]), ("arn", "iam", ""));
            prop_assert!(PARTITIONS.contains(&parts[1]) && parts[4].len() == 12 && parts[5].starts_with("role/"));
        }
    }

    #[test]
    fn names_and_ids_are_taken_by_the_rule_of_the_model(text in "[a-zA-Z0-9_+=,.@:/ äß\n-]{0,70}") {
        prop_assert_eq!(build(hop().session_name(text.as_str())).is_ok(), is_word(&text, 64, ""));
        prop_assert_eq!(build(hop().source_identity(text.as_str())).is_ok(), is_word(&text, 64, ""));
        prop_assert_eq!(build(hop().external_id(text.as_str())).is_ok(), is_word(&text, 1_224, ":/"));
    }

    #[test]
    fn durations_are_taken_by_the_rule_of_the_model(milliseconds in 0..50_000_000_u64) {
        let is_right = milliseconds % 1_000 == 0 && (900_000..=3_600_000).contains(&milliseconds);
        prop_assert_eq!(build(hop().duration(Duration::from_millis(milliseconds))).is_ok(), is_right);
        let seconds = milliseconds / 1_000;
        let taken = build(hop().duration(Duration::from_secs(seconds))).is_ok();
        prop_assert_eq!(taken, (900..=3_600).contains(&seconds));
    }

    #[test]
    fn regions_become_part_of_a_host_and_nothing_else(text in "[a-zA-Z0-9./:@ -]{0,20}") {
        let built = RoleChain::from_instance().environment([("", ""); 0]).region(Region::new(text.clone())).build();
        let is_label = !text.is_empty()
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        prop_assert_eq!(built.is_ok(), is_label);
    }

    #[test]
    fn endpoints_name_a_host_and_no_one_else(url in "(https?://)?[a-z0-9.:@/?#\\[\\]-]{0,24}") {
        let built = RoleChain::from_instance().environment([("", ""); 0]).sts_endpoint(url.clone()).build();
        if built.is_ok() {
            prop_assert!(url.starts_with("https://") || url.starts_with("http://"));
            prop_assert!(!url.contains(['@', '?', '#']));
        }
    }

    #[test]
    fn no_profile_makes_the_planner_panic(text in "(\\[(profile )?[a-c]\\]|[a-z_]{1,24} = [a-zA-Z0-9:/{}\"]{0,40}|role_arn = arn:aws:iam::222222222222:role/R|source_profile = [a-c]|credential_source = Environment|\n| |=){0,24}") {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config");
        std::fs::write(&file, text).unwrap();
        let environment = [
            ("AWS_CONFIG_FILE", file.display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE", home.path().join("none").display().to_string()),
        ];
        if let Err(error) = RoleChain::from_profile("a").environment(environment).build() {
            prop_assert_eq!(error.to_string().lines().count(), 1);
            prop_assert!(!error.help().is_empty(), "{}", error);
        }
    }
}
