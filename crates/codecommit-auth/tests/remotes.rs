//! Names of repositories, right and wrong, as tables.

use codecommit_auth::{Endpoint, ErrorKind, Region, Remote};

/// As written; profile; region; account; name; the URL of the repository where the default region is `eu-west-1`.
type Row = (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>, &'static str, &'static str);

#[rustfmt::skip]
const GOOD: &[Row] = &[
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", None, Some("us-east-1"), None, "app", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app/", None, Some("us-east-1"), None, "app", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("https://git-codecommit.us-east-1.amazonaws.com:443/v1/repos/app", None, Some("us-east-1"), None, "app", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("https://git-codecommit.us-east-1.amazonaws.com:8443/v1/repos/app", None, Some("us-east-1"), None, "app", "https://git-codecommit.us-east-1.amazonaws.com:8443/v1/repos/app"),
    ("HTTPS://Git-CodeCommit.US-EAST-1.amazonaws.com/v1/repos/App", None, Some("us-east-1"), None, "App", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/App"),
    ("https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/app", None, Some("cn-north-1"), None, "app", "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/app"),
    ("https://git-codecommit.eusc-de-east-1.amazonaws.eu/v1/repos/app", None, Some("eusc-de-east-1"), None, "app", "https://git-codecommit.eusc-de-east-1.amazonaws.eu/v1/repos/app"),
    ("https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/app", None, Some("us-gov-west-1"), None, "app", "https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/app"),
    ("https://vpce-0ab-1cd.git-codecommit.us-east-2.vpce.amazonaws.com/v1/repos/app", None, Some("us-east-2"), None, "app", "https://vpce-0ab-1cd.git-codecommit.us-east-2.vpce.amazonaws.com/v1/repos/app"),
    ("https://vpce-0ab-1cd-us-east-2a.git-codecommit-fips.us-east-2.vpce.amazonaws.com/v1/repos/app", None, Some("us-east-2"), None, "app", "https://vpce-0ab-1cd-us-east-2a.git-codecommit-fips.us-east-2.vpce.amazonaws.com/v1/repos/app"),
    ("https://git-codecommit.mars-north-1.amazonaws.com/v1/repos/app", None, Some("mars-north-1"), None, "app", "https://git-codecommit.mars-north-1.amazonaws.com/v1/repos/app"),
    ("codecommit://app", None, None, None, "app", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"),
    ("codecommit://app/", None, None, None, "app", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"),
    ("codecommit://b@app", Some("b"), None, None, "app", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"),
    ("codecommit://me@corp.example@App", Some("me@corp.example"), None, None, "App", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/App"),
    ("codecommit://my profile@app", Some("my profile"), None, None, "app", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"),
    ("codecommit://größe@app", Some("größe"), None, None, "app", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"),
    ("codecommit::ap-northeast-1://app", None, Some("ap-northeast-1"), None, "app", "https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app"),
    ("codecommit::ap-northeast-1://b@app", Some("b"), Some("ap-northeast-1"), None, "app", "https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app"),
    ("codecommit::cn-northwest-1://b@app/", Some("b"), Some("cn-northwest-1"), None, "app", "https://git-codecommit.cn-northwest-1.amazonaws.com.cn/v1/repos/app"),
    ("ap-northeast-1://b@app", Some("b"), Some("ap-northeast-1"), None, "app", "https://git-codecommit.ap-northeast-1.amazonaws.com/v1/repos/app"),
    ("mars-north-1://app", None, Some("mars-north-1"), None, "app", "https://git-codecommit.mars-north-1.amazonaws.com/v1/repos/app"),
    ("codecommit::codecommit://b@app", Some("b"), None, None, "app", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"),
    ("codecommit::https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", None, Some("us-east-1"), None, "app", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("arn:aws:codecommit:us-east-1:222222222222:app", None, Some("us-east-1"), Some("222222222222"), "app", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("codecommit::arn:aws:codecommit:us-east-1:222222222222:app", None, Some("us-east-1"), Some("222222222222"), "app", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("arn:aws-cn:codecommit:cn-north-1:222222222222:app", None, Some("cn-north-1"), Some("222222222222"), "app", "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/app"),
    ("arn:aws-us-gov:codecommit:us-gov-east-1:222222222222:A.b", None, Some("us-gov-east-1"), Some("222222222222"), "A.b", "https://git-codecommit.us-gov-east-1.amazonaws.com/v1/repos/A.b"),
];

#[test]
fn good_names() {
    let default: Region = "eu-west-1".parse().unwrap();
    for &(written, profile, region, account, name, url) in GOOD {
        let remote = Remote::parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(remote.profile(), profile, "{written}");
        assert_eq!(remote.region().map(Region::as_str), region, "{written}");
        assert_eq!(remote.account_id().map(|id| id.as_str()), account);
        assert_eq!(remote.repository().as_str(), name, "{written}");
        let repository = remote.locate(Some(&default), None).unwrap();
        assert_eq!(repository.https_url(), url, "{written}");
        assert_eq!(repository.path(), format!("/v1/repos/{name}"));
        assert_eq!(Remote::parse(&remote.to_string()).unwrap(), remote);
        if let Some(account) = remote.account_id() {
            let arn = repository.arn(account);
            assert_eq!(arn, written.trim_start_matches("codecommit::"));
            assert_eq!(remote.to_string(), arn);
        }
    }
}

use ErrorKind::{Conflict, ForeignHost, Malformed, Transport};

/// As written; the kind of error; what the message must hold.
#[rustfmt::skip]
const BAD: &[(&str, ErrorKind, &str)] = &[
    // Hosts that are not CodeCommit's, however much they look like it.
    ("https://git-codecommit.us-east-1.amazonaws.com.evil.test/v1/repos/app", ForeignHost, "not a CodeCommit host"),
    ("https://evil.test/git-codecommit.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, "evil.test"),
    ("https://evilgit-codecommit.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, "evilgit"),
    ("https://evil.git-codecommit.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, "evil"),
    ("https://git-codecommit.us-east-1.amazonaws.co/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.us-east-1.amazonaws.com.cn/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.cn-north-1.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.us-east-1.amazonaws.eu/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.us-east-1-amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.us-east.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.evil.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://codecommit.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit-fips-x.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://vpce-.git-codecommit.us-east-1.vpce.amazonaws.com/v1/repos/app", Malformed, "labels"),
    ("https://vpce-0a.git-codecommit.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://git-codecommit.us-east-1.vpce.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://x.vpce-0a.git-codecommit.us-east-1.vpce.amazonaws.com/v1/repos/app", ForeignHost, ""),
    ("https://127.0.0.1:8443/v1/repos/app", ForeignHost, "127.0.0.1:8443"),
    ("https://[::1]:8443/v1/repos/app", ForeignHost, "[::1]:8443"),
    ("https://xn--git-codecommit-9za.us-east-1.amazonaws.com/v1/repos/app", ForeignHost, ""),
    // Hosts that are none.
    ("https://git-codecommit.us-east-1.amazonaws.com./v1/repos/app", Malformed, "dot"),
    ("https://git-codecommit.us-east-1.amazonaws.com:0/v1/repos/app", Malformed, "port"),
    ("https://git-codecommit.us-east-1.amazonaws.com:65536/v1/repos/app", Malformed, "port"),
    ("https://git-codecommit.us-east-1.amazonaws.com:/v1/repos/app", Malformed, "port"),
    ("https://git-codecommit.us-east-1.amazonaws.com:443:443/v1/repos/app", Malformed, "labels"),
    ("https://git-codecommit.us-east-1.amazonaws.com\n/v1/repos/app", Malformed, "\\u{a}"),
    ("https://git-codecommit.us-east-1.amazonaws.com\r/v1/repos/app", Malformed, "\\u{d}"),
    ("https://git-codecommit.us-east-1.amazonaws.com\0/v1/repos/app", Malformed, "\\u{0}"),
    ("https://git-codecommit.us-east-1.amazonaws.com%0a/v1/repos/app", Malformed, "labels"),
    ("https://git-codecommit.us-east-1.amazonaws.com\\@evil.test/v1/repos/app", Malformed, "user name"),
    ("https://git-codecommit.us-east-1.аmazonaws.com/v1/repos/app", Malformed, "xn--"),
    ("https://git-codecommit。us-east-1.amazonaws.com/v1/repos/app", Malformed, "xn--"),
    ("https:///v1/repos/app", Malformed, "no host"),
    ("https://2130706433/v1/repos/app", Malformed, "IPv4"),
    // Parts that a repository's URL does not have.
    ("https://user:hunter2@git-codecommit.us-east-1.amazonaws.com/v1/repos/app", Malformed, "no user name"),
    ("https://user@git-codecommit.us-east-1.amazonaws.com/v1/repos/app", Malformed, "no user name"),
    ("https://git-codecommit.us-east-1.amazonaws.com@evil.test/v1/repos/app", Malformed, "no user name"),
    ("https://user:hunter2/x@git-codecommit.us-east-1.amazonaws.com/v1/repos/app", Malformed, "no user name"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app?x=1", Malformed, "query"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app#x", Malformed, "fragment"),
    // Paths.
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app.git", Malformed, ".git"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app.git/", Malformed, ".git"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/", Malformed, "empty"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos", Malformed, "/v1/repos/"),
    ("https://git-codecommit.us-east-1.amazonaws.com", Malformed, "/v1/repos/"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v2/repos/app", Malformed, "/v1/repos/"),
    ("https://git-codecommit.us-east-1.amazonaws.com//v1/repos/app", Malformed, "/v1/repos/"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/a/b", Malformed, "letters"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/..", Malformed, "another place"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/a%70p", Malformed, "letters"),
    ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app\n", Malformed, "letters"),
    // Transports.
    ("http://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", Transport, "https only"),
    ("ssh://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", Transport, "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
    ("ssh://APKAEXAMPLE@git-codecommit.cn-north-1.amazonaws.com.cn:22/v1/repos/app", Transport, "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/app"),
    ("ssh://evil.test/v1/repos/app", Transport, "https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME"),
    ("git://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", Malformed, "git"),
    ("file:///srv/app", Malformed, "file"),
    // Short names.
    ("", Malformed, "://"),
    ("app", Malformed, "://"),
    ("./app", Malformed, "://"),
    ("git@github.com:a/b", Malformed, "this"),
    ("codecommit://", Malformed, "empty"),
    ("codecommit://@app", Malformed, "before the @"),
    ("codecommit:// b@app", Malformed, "space"),
    ("codecommit://b\n@app", Malformed, "space"),
    ("codecommit://b\nc@app", Malformed, "control"),
    ("codecommit://b/c@app", Malformed, "one of /"),
    ("codecommit://b@", Malformed, "empty"),
    ("codecommit://app.git", Malformed, ".git"),
    ("codecommit://a/b", Malformed, "letters"),
    ("codecommit::://app", Malformed, "region"),
    ("codecommit::us-east-1a://app", Malformed, "region"),
    ("codecommit::us-east-1:app", Malformed, "://"),
    ("codecommit::codecommit::us-east-1://app", Malformed, "region"),
    ("CODECOMMIT://app", Malformed, "region"),
    ("US-EAST-1://app", Malformed, "region"),
    ("us_east_1://app", Malformed, "region"),
    // ARNs.
    ("arn:aws:codecommit:us-east-1:222222222222", Malformed, "six parts"),
    ("arn:aws:codecommit:us-east-1:222222222222:a:b", Malformed, "six parts"),
    ("arn:aws:s3:us-east-1:222222222222:app", Malformed, "six parts"),
    ("arn:aws:codecommit:us-east-1:22222222222:app", Malformed, "twelve digits"),
    ("arn:aws:codecommit::222222222222:app", Malformed, "region"),
    ("arn:aws:codecommit:cn-north-1:222222222222:app", Conflict, "aws-cn"),
    ("arn:aws-cn:codecommit:us-east-1:222222222222:app", Conflict, "aws-cn"),
    ("arn:gcp:codecommit:us-east-1:222222222222:app", Malformed, "gcp"),
    ("arn:aws:codecommit:us-east-1:222222222222:app.git", Malformed, ".git"),
];

#[test]
fn bad_names() {
    for &(written, kind, holds) in BAD {
        let error = Remote::parse(written).expect_err(written);
        assert_eq!(error.kind(), kind, "{written:?}: {error}");
        let message = error.to_string();
        assert!(message.contains(holds), "{written:?}: {message}");
        assert!(!message.contains(['\n', '\r', '\0']), "{message:?}");
        assert!(!message.contains("hunter2"), "{message}");
        assert!(error.is_usage(), "{written:?}");
        assert!(!error.help().is_empty());
    }
}

/// As given; as displayed; host; port.
const ENDPOINTS: &[(&str, &str, &str, u16)] = &[
    ("https://127.0.0.1:8443", "https://127.0.0.1:8443", "127.0.0.1", 8443),
    ("https://127.0.0.1:8443/", "https://127.0.0.1:8443", "127.0.0.1", 8443),
    ("127.0.0.1:8443", "https://127.0.0.1:8443", "127.0.0.1", 8443),
    ("localhost", "https://localhost", "localhost", 443),
    ("HTTPS://Git.Example:443", "https://git.example", "git.example", 443),
    ("[::1]:8443", "https://[::1]:8443", "[::1]", 8443),
    ("https://[::1]", "https://[::1]", "[::1]", 443),
    ("my_proxy.internal", "https://my_proxy.internal", "my_proxy.internal", 443),
    ("xn--bcher-kva.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example", 443),
];

#[test]
fn vouched_endpoints() {
    for &(given, shown, host, port) in ENDPOINTS {
        let endpoint = Endpoint::vouched(given).unwrap_or_else(|error| panic!("{given}: {error}"));
        assert_eq!(endpoint.to_string(), shown);
        assert_eq!((endpoint.host(), endpoint.port()), (host, port));
        assert_eq!(endpoint.signing_host(), host);
        assert_eq!(shown, format!("https://{}", endpoint.authority()));
        assert_eq!(endpoint, shown.parse().unwrap());
        assert_eq!(endpoint.region(), None);
    }
    for (given, kind) in [
        ("http://127.0.0.1:8080", Transport),
        ("ssh://git.example", Transport),
        ("://git.example", Transport),
        ("", Malformed),
        ("https://", Malformed),
        ("git.example/v1/repos/app", Malformed),
        ("https://git.example//", Malformed),
        ("https://git.example?x", Malformed),
        ("https://user:hunter2@git.example", Malformed),
        ("git.example.", Malformed),
        ("git..example", Malformed),
        ("-git.example", Malformed),
        ("bücher.example", Malformed),
        ("git.example\n", Malformed),
        ("git.example\r", Malformed),
        ("git.example:", Malformed),
        ("git.example:+1", Malformed),
        ("git.example:0", Malformed),
        ("127.1", Malformed),
        ("0x7f000001", Malformed),
        ("127.0.0.256", Malformed),
        ("::1", Malformed),
        ("[::1", Malformed),
        ("[fe80::1%eth0]", Malformed),
    ] {
        let error = Endpoint::vouched(given).expect_err(given);
        assert_eq!(error.kind(), kind, "{given:?}: {error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn a_url_at_the_vouched_endpoint_takes_the_default_region() {
    let vouched = Endpoint::vouched("127.0.0.1:8443").unwrap();
    let region: Region = "ap-northeast-1".parse().unwrap();
    let url = "https://127.0.0.1:8443/v1/repos/app";
    let remote = Remote::parse_with(url, Some(&vouched)).unwrap();
    assert_eq!(remote.to_string(), url);
    let repository = remote.locate(Some(&region), Some(&vouched)).unwrap();
    assert_eq!(repository.https_url(), url);
    assert_eq!(*repository.region(), region);
    assert_eq!(repository.endpoint().signing_host(), "127.0.0.1");
    assert_eq!(remote.locate(None, None).unwrap_err().kind(), ErrorKind::MissingRegion);
    // Another port is another endpoint.
    for other in ["https://127.0.0.1/v1/repos/app", "https://127.0.0.1:8444/v1/repos/app"] {
        let error = Remote::parse_with(other, Some(&vouched)).unwrap_err();
        assert_eq!(error.kind(), ForeignHost);
    }
}

#[test]
fn an_endpoint_overrides_the_host_and_keeps_the_region() {
    let vouched = Endpoint::vouched("https://127.0.0.1:8443").unwrap();
    let default: Region = "eu-west-1".parse().unwrap();
    for (written, region) in [
        ("https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app", "us-east-1"),
        ("codecommit::us-east-1://app", "us-east-1"),
        ("arn:aws:codecommit:us-east-1:222222222222:app", "us-east-1"),
        ("codecommit://app", "eu-west-1"),
    ] {
        let repository = Remote::parse(written).unwrap().locate(Some(&default), Some(&vouched)).unwrap();
        assert_eq!(repository.https_url(), "https://127.0.0.1:8443/v1/repos/app");
        assert_eq!(repository.region().as_str(), region);
    }
}

#[test]
fn an_endpoint_with_a_region_in_its_host_decides_and_may_conflict() {
    let fips = Endpoint::fips(&"us-east-1".parse().unwrap());
    assert_eq!(fips.host(), "git-codecommit-fips.us-east-1.amazonaws.com");
    let default: Region = "eu-west-1".parse().unwrap();
    let short = Remote::parse("codecommit://app").unwrap();
    let repository = short.locate(Some(&default), Some(&fips)).unwrap();
    assert_eq!(repository.region().as_str(), "us-east-1");
    let error = Remote::parse("codecommit::eu-west-1://app").unwrap().locate(None, Some(&fips)).unwrap_err();
    assert_eq!(error.kind(), Conflict);
    assert!(error.to_string().contains("us-east-1") && error.to_string().contains("eu-west-1"));
}
