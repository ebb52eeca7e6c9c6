//! git's credential protocol: which requests are answered, with what, and which are refused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use codecommit_auth::credential::{Operation, Reader, Request, Writer};
use codecommit_auth::{Endpoint, Error, ErrorKind, Login, Region, Repository, sign};

const HOST: &str = "git-codecommit.us-east-1.amazonaws.com";

fn vouched() -> Endpoint {
    Endpoint::vouched("https://127.0.0.1:8443").unwrap()
}

fn region() -> Region {
    "ap-northeast-1".parse().unwrap()
}

fn ask(protocol: &str, host: &str, path: Option<&str>) -> Result<Option<Repository>, Error> {
    let mut text = format!("protocol={protocol}\nhost={host}\n");
    if let Some(path) = path {
        text += &format!("path={path}\n");
    }
    Request::parse(text.as_bytes())?.repository(Some(&region()), Some(&vouched()))
}

fn login(repository: &Repository, expiry: Option<SystemTime>) -> Login {
    let credentials =
        Credentials::new("AKIDEXAMPLE", "notasecret", Some("FwoGZXIvYXdzEXAMPLE/+==".to_owned()), expiry, "test");
    sign(repository, &credentials, UNIX_EPOCH + Duration::from_secs(1_789_000_000)).unwrap()
}

#[test]
fn codecommits_hosts_and_the_vouched_endpoint_are_answered() {
    for (host, region, url) in [
        (HOST, "us-east-1", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app"),
        (
            "git-codecommit.us-east-1.amazonaws.com:443",
            "us-east-1",
            "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app",
        ),
        (
            "git-codecommit.us-east-1.amazonaws.com:8443",
            "us-east-1",
            "https://git-codecommit.us-east-1.amazonaws.com:8443/v1/repos/app",
        ),
        (
            "Git-CodeCommit.US-East-1.AmazonAWS.com",
            "us-east-1",
            "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/app",
        ),
        (
            "git-codecommit.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
            "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/app",
        ),
        (
            "git-codecommit-fips.us-gov-west-1.amazonaws.com",
            "us-gov-west-1",
            "https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/app",
        ),
        (
            "vpce-0a-1b.git-codecommit.us-east-2.vpce.amazonaws.com",
            "us-east-2",
            "https://vpce-0a-1b.git-codecommit.us-east-2.vpce.amazonaws.com/v1/repos/app",
        ),
        ("127.0.0.1:8443", "ap-northeast-1", "https://127.0.0.1:8443/v1/repos/app"),
    ] {
        for path in ["v1/repos/app", "/v1/repos/app", "v1/repos/app/"] {
            let repository = ask("https", host, Some(path)).unwrap().unwrap();
            assert_eq!(repository.region().as_str(), region);
            assert_eq!(repository.https_url(), url);
        }
    }
}

#[test]
fn everything_else_is_left_to_the_next_helper() {
    for host in [
        "",
        "github.com",
        "git-codecommit.us-east-1.amazonaws.com.evil.test",
        "evil-git-codecommit.us-east-1.amazonaws.com",
        "x.git-codecommit.us-east-1.amazonaws.com",
        "git-codecommit.us-east-1.amazonaws.com.",
        "git-codecommit.us-east-1.amazonaws.com.cn",
        "git-codecommit.cn-north-1.amazonaws.com",
        "git-codecommit.us-east-1.amazonaws.com@evil.test",
        "user@git-codecommit.us-east-1.amazonaws.com",
        "user:pass@git-codecommit.us-east-1.amazonaws.com",
        "git-codecommit.us-east-1.amazonaws.com:443@evil.test",
        "git-codecommit.us-east-1.amazonaws.com:x",
        "git-codecommit.us-east-1.amazonaws.com:",
        "git-codecommit.us-east-1.amazonaws.com/x",
        "git-codecommit.us-east-1.amazonaws.com?x",
        "git-codecommit.us-east-1.amazonaws.com%2eevil.test",
        "git-codecommit.us-east-1.amazonaws.com\\.evil.test",
        " git-codecommit.us-east-1.amazonaws.com",
        "git-codecommit.us-east-1.amazonaws.com ",
        "git-codecommit.us-east-1.\u{430}mazonaws.com",
        "git-codecommit\u{3002}us-east-1.amazonaws.com",
        "xn--git-codecommit-9za.us-east-1.amazonaws.com",
        "git-codecommit.us-east-1.amazonaws.com\u{2028}",
        "127.0.0.1",
        "127.0.0.1:8444",
        "127.0.0.1:8443.evil.test",
        "localhost:8443",
        "[::1]:8443",
    ] {
        for path in [Some("v1/repos/app"), Some(""), None] {
            assert_eq!(ask("https", host, path).unwrap(), None, "{host:?}");
        }
    }
    for protocol in ["http", "HTTPS", "ssh", "ftp", "imap", "cert", ""] {
        assert_eq!(ask(protocol, HOST, Some("v1/repos/app")).unwrap(), None, "{protocol:?}");
    }
    for text in ["", "\n", "protocol=https\n", "host=git-codecommit.us-east-1.amazonaws.com\n"] {
        let request = Request::parse(text.as_bytes()).unwrap();
        assert_eq!(request.repository(None, None).unwrap(), None);
    }
    // What the vouched endpoint serves besides repositories is not CodeCommit's.
    assert_eq!(ask("https", "127.0.0.1:8443", Some("other/thing.git")).unwrap(), None);
}

#[test]
fn a_missing_path_names_its_remedy() {
    for (host, path) in [(HOST, None), (HOST, Some("")), ("127.0.0.1:8443", None)] {
        let error = ask("https", host, path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingPath);
        assert!(error.help().contains("credential.useHttpPath"), "{}", error.help());
    }
}

#[test]
fn a_codecommit_host_with_a_bad_path_says_so() {
    for path in ["v1/repos/app.git", "v1/repos/a/b", "v1/repos/", "v2/repos/app", "app", "v1/repos/a b"] {
        assert_eq!(ask("https", HOST, Some(path)).unwrap_err().kind(), ErrorKind::Malformed, "{path}");
    }
    let request = Request::parse(b"protocol=https\nhost=127.0.0.1:8443\npath=v1/repos/app\n").unwrap();
    let error = request.repository(None, Some(&vouched())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingRegion);
}

#[test]
fn what_would_smuggle_a_field_in_is_refused() {
    let good = format!("protocol=https\nhost={HOST}\npath=v1/repos/app\nusername=u\n");
    assert!(Request::parse(good.as_bytes()).is_ok());
    // A second field, as a newline in the one before it would make (CVE-2020-5260).
    for line in ["protocol=https", "host=evil.test", "path=x", "username=x", &format!("host={HOST}")] {
        for text in [format!("{good}{line}\n"), format!("{line}\n{good}"), format!("{good}{line}")] {
            let error = Request::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CredentialRequest, "{text:?}");
        }
    }
    // A carriage return or a NUL in every field, known or not, anywhere in it (CVE-2024-52006).
    for key in ["protocol", "host", "path", "username", "password", "wwwauth[]", "capability[]", "unknown"] {
        for bad in ["\r", "\0"] {
            for value in [format!("{bad}x"), format!("x{bad}y"), format!("x{bad}"), bad.to_owned()] {
                for line in [format!("{key}={value}\n"), format!("{key}={value}"), format!("x{bad}{key}=y\n")] {
                    let error = Request::parse(line.as_bytes()).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::CredentialRequest, "{line:?}");
                    assert!(!error.to_string().contains(['\r', '\0', '\n']));
                }
            }
        }
    }
    for text in ["host\n", "protocol=https\nx", "\u{feff}"] {
        assert!(Request::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn what_is_not_utf8_is_nobody_of_codecommits() {
    let ask = |text: &[u8]| Request::parse(text).unwrap().repository(Some(&region()), Some(&vouched()));
    for host in [&b"git-codecommit.us-east-1.amazonaws.com\xff"[..], b"\xffgithub.com", b"127.0.0.1:8443\xff"] {
        let text = [b"protocol=https\npath=v1/repos/app\nhost=", host, b"\n"].concat();
        assert_eq!(ask(&text).unwrap(), None);
    }
    assert_eq!(ask(b"protocol=https\nhost=example.com\npath=\xff\nusername=\xff\n").unwrap(), None);
    assert_eq!(ask(b"protocol=https\nhost=127.0.0.1:8443\npath=\xff\n").unwrap(), None);
    let path = [b"protocol=https\nhost=", HOST.as_bytes(), b"\npath=v1/repos/app\xff\n"].concat();
    assert_eq!(ask(&path).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn lines_and_requests_have_bounds() {
    let line = |length: usize| format!("{:a>length$}\n", "=", length = length - 1);
    assert_eq!(line(65_535).len(), 65_535);
    assert!(Request::parse(line(65_535).as_bytes()).is_ok());
    assert!(Request::parse(line(65_536).as_bytes()).is_err());
    let mut reader = Reader::new();
    let fed = (0..1000).map(|_| reader.feed(line(10_000).as_bytes())).take_while(Result::is_ok).count();
    assert_eq!(fed, 104, "1 MiB");
}

#[test]
fn unknown_attributes_are_ignored_and_the_blank_line_ends_the_request() {
    let request = Request::parse(
        b"capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=h\nwwwauth[]=Basic realm=x\nstate[]=a\nnew-thing=\xff\nempty=\n=no key\n\nhost=evil.test\nrubbish\0",
    )
    .unwrap();
    assert_eq!((request.protocol(), request.host()), (Some("https"), Some("h")));
    assert!(request.takes_authtype());
    let request = Request::parse(b"capability[]=authtype\ncapability[]=\nhost=a=b\n").unwrap();
    assert!(!request.takes_authtype());
    assert_eq!(request.host(), Some("a=b"));
}

#[test]
fn a_reader_knows_when_the_request_is_complete() {
    let mut reader = Reader::new();
    for piece in ["proto", "col=https\nho", "st=h\n"] {
        assert!(!reader.feed(piece.as_bytes()).unwrap());
    }
    assert!(reader.feed(b"\n").unwrap());
    assert!(reader.feed(b"host=evil.test\n").unwrap());
    assert_eq!(reader.finish().unwrap().host(), Some("h"));
}

#[test]
fn the_answer_is_a_user_name_and_a_password_with_their_end() {
    let request = Request::parse(format!("protocol=https\nhost={HOST}\npath=v1/repos/app\n").as_bytes()).unwrap();
    let repository = request.repository(None, None).unwrap().unwrap();
    let signed = login(&repository, None);
    let answer = request.answer(&signed).unwrap();
    assert_eq!(
        std::str::from_utf8(&answer).unwrap(),
        format!(
            "username=AKIDEXAMPLE%FwoGZXIvYXdzEXAMPLE/+==\npassword={}\npassword_expiry_utc=1789000900\n",
            signed.password()
        )
    );
    let signed = login(&repository, Some(UNIX_EPOCH + Duration::from_millis(1_789_000_060_999)));
    let answer = request.answer(&signed).unwrap();
    assert!(answer.ends_with(b"\npassword_expiry_utc=1789000060\n"));
}

#[test]
fn git_that_takes_a_ready_header_gets_it_and_keeps_it_nowhere() {
    let request = Request::parse(
        format!("capability[]=authtype\ncapability[]=state\nprotocol=https\nhost={HOST}\npath=v1/repos/app\n")
            .as_bytes(),
    )
    .unwrap();
    let signed = login(&request.repository(None, None).unwrap().unwrap(), None);
    let answer = request.answer(&signed).unwrap();
    assert_eq!(
        std::str::from_utf8(&answer).unwrap(),
        format!(
            "capability[]=authtype\nauthtype=Basic\ncredential={}\nephemeral=1\npassword_expiry_utc=1789000900\n",
            &signed.authorization()["Basic ".len()..]
        )
    );
}

#[test]
fn a_login_answers_for_its_own_host_alone() {
    let request = Request::parse(format!("protocol=https\nhost={HOST}\npath=v1/repos/app\n").as_bytes()).unwrap();
    let elsewhere = ask("https", "127.0.0.1:8443", Some("v1/repos/app")).unwrap().unwrap();
    let error = request.answer(&login(&elsewhere, None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(Request::default().answer(&login(&elsewhere, None)).is_err());
}

#[test]
fn nothing_is_written_that_breaks_out_of_its_line() {
    for bad in ["a\nb", "\n", "a\r", "\0"] {
        for (key, value) in [("key", bad), (bad, "value")] {
            let mut writer = Writer::new();
            assert_eq!(writer.attribute(key, value).unwrap_err().kind(), ErrorKind::CredentialRequest);
            assert!(writer.finish().is_empty());
        }
    }
    for key in ["", "a=b", "="] {
        assert!(Writer::new().attribute(key, "value").is_err());
    }
    let long = "v".repeat(100_000);
    let mut writer = Writer::new();
    writer.attribute("a", "x=y").unwrap().attribute("long[]", &long).unwrap();
    assert_eq!(*writer.finish(), format!("a=x=y\nlong[]={long}\n").into_bytes());
}

#[test]
fn operations_by_name() {
    for (name, operation) in [
        ("get", Operation::Get),
        ("store", Operation::Store),
        ("erase", Operation::Erase),
        ("capability", Operation::Other),
        ("GET", Operation::Other),
        ("", Operation::Other),
    ] {
        assert_eq!(Operation::parse(name), operation);
    }
}

#[test]
fn a_stored_password_is_not_kept_and_a_user_name_not_shown() {
    let request =
        Request::parse(format!("protocol=https\nhost={HOST}\nusername=AKID%sometoken\npassword=hunter2\n").as_bytes())
            .unwrap();
    assert_eq!(request.username(), Some("AKID%sometoken"));
    let shown = format!("{request:?}");
    assert!(shown.contains(HOST) && !shown.contains("hunter2") && !shown.contains("sometoken"), "{shown}");
}
