//! What holds for every name, host, request and time.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::credential::{Reader, Request, Writer};
use codecommit_auth::{Authenticator, Endpoint, LOGIN_LIFETIME, Region, Remote, RepositoryName, sign};
use proptest::prelude::*;

fn region() -> impl Strategy<Value = String> {
    prop_oneof![
        "(us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-iso|us-isob|eu-isoe|us-isof|eusc-de)-[a-z]{1,9}-[0-9]{1,2}",
        "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,8}){1,3}-[0-9]{1,3}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._-]{1,100}".prop_filter("not a repository's", |name| {
        !name.to_ascii_lowercase().ends_with(".git") && name != "." && name != ".."
    })
}

fn profile() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_@+=,.%:é-]([A-Za-z0-9 _@+=,.%:é-]{0,20}[A-Za-z0-9_@+=,.%:é-])?"
}

fn host() -> impl Strategy<Value = String> {
    (region(), any::<bool>(), prop::option::of("[a-z0-9]{1,20}(-[a-z0-9]{1,9}){0,2}")).prop_map(
        |(region, is_fips, vpc)| {
            let service = if is_fips { "git-codecommit-fips" } else { "git-codecommit" };
            let suffix = region.parse::<Region>().unwrap().dns_suffix();
            match vpc {
                None => format!("{service}.{region}.{suffix}"),
                Some(id) => format!("vpce-{id}.{service}.{region}.vpce.{suffix}"),
            }
        },
    )
}

fn remote() -> impl Strategy<Value = String> {
    prop_oneof![
        (host(), prop::option::of(1_u16..), name()).prop_map(|(host, port, name)| match port {
            None => format!("https://{host}/v1/repos/{name}"),
            Some(port) => format!("https://{host}:{port}/v1/repos/{name}"),
        }),
        (prop::option::of(region()), prop::option::of(profile()), name()).prop_map(|(region, profile, name)| {
            let scheme = region.map_or("codecommit".to_owned(), |region| format!("codecommit::{region}"));
            let profile = profile.map_or(String::new(), |profile| format!("{profile}@"));
            format!("{scheme}://{profile}{name}")
        }),
        (region(), "[0-9]{12}", name()).prop_map(|(region, account, name)| {
            let partition = region.parse::<Region>().unwrap().partition();
            format!("arn:{partition}:codecommit:{region}:{account}:{name}")
        }),
    ]
}

proptest! {
    #[test]
    fn a_remote_is_displayed_as_it_is_written(written in remote()) {
        let remote = Remote::parse(&written).unwrap();
        let shown = remote.to_string();
        prop_assert_eq!(&Remote::parse(&shown).unwrap(), &remote);
        prop_assert_eq!(shown, written.replace(":443/", "/"));
    }

    #[test]
    fn however_a_remote_is_mangled_a_login_goes_to_codecommit_alone(
        written in remote(), at in any::<prop::sample::Index>(), removed in 0_usize..4, inserted in "\\PC{0,3}|[@/:?#\r\n\0.%\\\\ -]{1,3}",
    ) {
        let mut characters: Vec<char> = written.chars().collect();
        let at = at.index(characters.len());
        let end = (at + removed).min(characters.len());
        characters.splice(at..end, inserted.chars());
        let mangled: String = characters.into_iter().collect();
        if let Ok(remote) = Remote::parse(&mangled)
            && let Ok(repository) = remote.locate(Some(&"us-east-1".parse().unwrap()), None)
        {
            let url = repository.https_url();
            prop_assert!(Endpoint::codecommit(&repository.endpoint().authority()).is_some(), "{}", url);
            prop_assert!(!url.contains(['@', '?', '#', '%', ' ', '\n', '\r', '\0', '\\']), "{}", url);
            prop_assert_eq!(url.matches('/').count(), 5);
            prop_assert!(url.starts_with("https://"));
            prop_assert!(repository.name().as_str().parse::<RepositoryName>().is_ok());
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic_or_an_error_span_lines(text in "\\PC*|.*|[a-z:/@.\\[\\]0-9\r\n-]*") {
        for error in [
            Remote::parse(&text).err(),
            Endpoint::vouched(&text).err(),
            text.parse::<Region>().err(),
            text.parse::<RepositoryName>().err(),
        ].into_iter().flatten() {
            prop_assert!(!error.to_string().contains(['\n', '\r', '\0', '\u{1b}']), "{error}");
        }
    }

    #[test]
    fn codecommits_hosts_are_recognised_and_their_neighbours_are_not(
        host in host(), before in "[a-z0-9.-]{1,12}", after in "[a-z0-9.-]{1,12}",
    ) {
        let endpoint = Endpoint::codecommit(&host).unwrap();
        prop_assert_eq!(endpoint.host(), &host);
        prop_assert_eq!(Endpoint::codecommit(&host.to_ascii_uppercase()), Some(endpoint));
        // What follows the right suffix makes it another domain's.
        prop_assert_eq!(Endpoint::codecommit(&format!("{host}.{after}")), None);
        prop_assert_eq!(Endpoint::codecommit(&format!("{host}{after}x")), None);
        // What stands before it makes it another host, unless it is a VPC endpoint's name.
        let longer = format!("{before}{host}");
        if let Some(found) = Endpoint::codecommit(&longer) {
            prop_assert!(longer.starts_with("vpce-") && found.host().contains(".vpce."), "{}", longer);
        }
    }

    #[test]
    fn an_endpoint_is_displayed_as_it_is_parsed(host in "[a-z_]([a-z0-9_]{0,8})(\\.[a-z][a-z0-9]{0,8}){0,3}", port in 1_u16..) {
        let endpoint = Endpoint::vouched(&format!("{host}:{port}")).unwrap();
        prop_assert_eq!(&Endpoint::vouched(&endpoint.to_string()).unwrap(), &endpoint);
        prop_assert_eq!((endpoint.host(), endpoint.port()), (host.as_str(), port));
        let (upper, other) = (host.to_ascii_uppercase(), if port == 7 { 8 } else { 7 });
        let is_found = endpoint.is_at(&format!("{upper}:{port}")) && !endpoint.is_at(&format!("{host}:{other}"));
        prop_assert!(is_found);
    }

    #[test]
    fn a_request_means_the_same_however_it_is_cut(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "((protocol|host|path|username|x)=[a-z./\r]{0,9}\n{1,2}){0,6}".prop_map(String::into_bytes),
        ],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = Request::parse(&bytes);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let mut reader = Reader::new();
        let fed = at.windows(2).try_for_each(|ends| reader.feed(&bytes[ends[0]..ends[1]]).map(drop));
        prop_assert_eq!(fed.and_then(|()| reader.finish()), whole);
    }

    #[test]
    fn what_is_written_is_read_again(
        fields in prop::sample::subsequence(vec!["protocol", "host", "path", "username"], 0..=4),
        values in prop::collection::vec("[^\r\n\0]{0,20}", 4),
        other in prop::collection::vec(("[^=\r\n\0]{1,9}", "[^\r\n\0]{0,9}"), 0..4),
    ) {
        let mut writer = Writer::new();
        for (field, value) in fields.iter().zip(&values) {
            writer.attribute(field, value).unwrap();
        }
        let known = ["protocol", "host", "path", "username"];
        for (key, value) in other.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            writer.attribute(key, value).unwrap();
        }
        let request = Request::parse(&writer.finish()).unwrap();
        let read = [request.protocol(), request.host(), request.path(), request.username()];
        for (field, found) in known.iter().zip(read) {
            let written = fields.iter().position(|written| written == field).map(|at| values[at].as_str());
            prop_assert_eq!(found, written);
        }
    }

    #[test]
    fn only_codecommit_is_ever_answered(host in prop_oneof![host(), "[a-z.:@/0-9-]{0,40}"], path in "(v1/repos/)?[a-z./]{0,9}") {
        let text = format!("protocol=https\nhost={host}\npath={path}\n");
        if let Ok(Some(repository)) = Request::parse(text.as_bytes()).unwrap().repository(None, None) {
            prop_assert!(Endpoint::codecommit(&host).is_some());
            prop_assert!(repository.endpoint().is_at(&host));
            prop_assert_eq!(repository.path(), format!("/{}", path.trim_matches('/')));
        }
    }

    #[test]
    fn a_login_never_outlives_its_15_minutes_nor_its_credentials(now in 0_u64..253_402_300_000, life in prop::option::of(1_u64..100_000), late in 0_u64..2000) {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let credentials = Credentials::new("AKID", "notasecret", None, life.map(|life| at(now + life)), "test");
        let repository = Remote::parse("codecommit::us-east-1://app").unwrap().locate(None, None).unwrap();
        let login = sign(&repository, &credentials, at(now)).unwrap();
        let end = (at(now) + LOGIN_LIFETIME).min(life.map_or(at(u64::MAX / 4), |life| at(now + life)));
        prop_assert_eq!(login.expires_at(), end);
        prop_assert!(login.is_valid_at(at(now)));

        // An authenticator gives out a valid login at any time for which there can be one.
        let mut authenticator = Authenticator::new(repository);
        authenticator.login(&credentials, at(now)).unwrap();
        match authenticator.login(&credentials, at(now + late)) {
            Ok(login) => prop_assert!(login.is_valid_at(at(now + late))),
            Err(_) => prop_assert!(life.is_some_and(|life| life <= late) || now + late >= 253_402_300_800),
        }
    }
}
