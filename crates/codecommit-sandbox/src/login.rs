//! Checks the login that git presents to CodeCommit.
//!
//! It is a signature of version 4 in the clothes of HTTP Basic, as the AWS CLI's `codecommit credential-helper` makes it:
//! the user name is the access key ID, with `%` and the session token where there is one; the password is a time stamp and
//! the signature of a canonical request `GIT` of the repository's path.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    clock::Timestamp,
    session::{Session, Sessions},
    sigv4::{hmac, sha256_hex, signing_key},
};

/// How far ahead of the server a login's stamp may be.
const TOLERATED_AHEAD_SECONDS: i64 = 5 * 60;

/// A login as it came, not checked yet.
pub(crate) struct Login {
    access_key_id: String,
    token: Option<String>,
    stamp: String,
    signature: String,
}

/// What a login was made for, and the window it is good in.
pub(crate) struct Expected<'a> {
    pub(crate) path: &'a str,
    /// The `Host` header: host, or host and port.
    pub(crate) host: &'a str,
    /// The regions that have repositories here; a real server knows its one.
    pub(crate) regions: &'a [String],
    pub(crate) now: Timestamp,
    pub(crate) lifetime_seconds: i64,
}

/// Why a login was refused. Clients see a bare 403, as with CodeCommit; the request log has this reason.
pub(crate) type Refusal = &'static str;

impl Login {
    /// Reads an `Authorization` header.
    pub(crate) fn parse(header: &str) -> Result<Self, Refusal> {
        let encoded = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .map(|(_, encoded)| encoded.trim())
            .ok_or("the Authorization header is not Basic")?;
        let decoded = STANDARD.decode(encoded).map_err(|_| "the login is not base64")?;
        let decoded = String::from_utf8(decoded).map_err(|_| "the login is not UTF-8")?;
        let (username, password) = decoded.split_once(':').ok_or("the login has no password")?;
        let (access_key_id, token) = match username.split_once('%') {
            Some((id, token)) => (id, Some(token.to_owned())),
            None => (username, None),
        };
        // A stamp is 16 characters, a signature 64.
        if password.len() != 80 || !password.is_ascii() {
            return Err("the password is no stamp and signature");
        }
        let (stamp, signature) = password.split_at(16);
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            token,
            stamp: stamp.to_owned(),
            signature: signature.to_owned(),
        })
    }

    /// Finds out whose login it is, and for which region it was signed.
    pub(crate) fn check(&self, sessions: &Sessions, expected: &Expected<'_>) -> Result<(Session, String), Refusal> {
        let session = sessions.find(&self.access_key_id).ok_or("the access key is unknown")?;
        if session.token != self.token {
            return Err("the session token does not belong to the access key");
        }
        let stamp = Timestamp::parse_basic(&self.stamp).ok_or("the time stamp is malformed")?;
        let region = expected
            .regions
            .iter()
            .find(|region| self.is_signed_for(&session, expected, region))
            .ok_or("the signature does not match")?;
        let age = expected.now.0 - stamp.0;
        if age > expected.lifetime_seconds {
            return Err("the login has expired");
        }
        if age < -TOLERATED_AHEAD_SECONDS {
            return Err("the login is from the future: a clock is wrong");
        }
        if session.expired(expected.now) {
            return Err("the credentials that signed the login have expired");
        }
        Ok((session, region.clone()))
    }

    fn is_signed_for(&self, session: &Session, expected: &Expected<'_>, region: &str) -> bool {
        hosts(expected.host).any(|host| self.signature == self.signature_for(session, expected.path, host, region))
    }

    fn signature_for(&self, session: &Session, path: &str, host: &str, region: &str) -> String {
        let canonical = format!("GIT\n{path}\n\nhost:{host}\n\nhost\n");
        // While signing, the stamp has no Z.
        let (stamp, date) = (&self.stamp[..15], &self.stamp[..8]);
        let scope = format!("{date}/{region}/codecommit/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let key = signing_key(&session.secret_access_key, date, region, "codecommit");
        hex::encode(hmac(&key, to_sign.as_bytes()))
    }
}

/// The AWS CLI signs the host without its port, git-remote-codecommit with it. CodeCommit, on port 443, cannot tell the two
/// apart, so both are accepted.
fn hosts(header: &str) -> impl Iterator<Item = &str> {
    let bare = match header.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|c| c.is_ascii_digit()) => host,
        _ => header,
    };
    [bare, header].into_iter()
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::{Expected, Login};
    use crate::{
        clock::Timestamp,
        session::{Session, Sessions},
    };

    /// The login that botocore's test suite expects of its signer.
    const PASSWORD: &str = "19700101T000000Zf840ae3ff903ddb92c450d0e3567fe97ef4aa98bd6636905df48c3beee97d21d";

    fn check(username: &str, password: &str, change: impl Fn(&mut Expected<'_>)) -> Result<String, &'static str> {
        let sessions = Sessions::default();
        let user = "arn:aws:iam::222222222222:user/u".to_owned();
        let mut session = Session::new("222222222222", user.clone(), "AIDA".to_owned(), user);
        session.access_key_id = "ANOTREAL".to_owned();
        session.secret_access_key = "notrealrnrELgWzOk3IfjzDKtFBhDby".to_owned();
        sessions.add(session);
        let mut expected = Expected {
            path: "/v1/repos/my-repo",
            host: "git-codecommit.us-east-1.amazonaws.com",
            regions: &[String::from("eu-west-1"), String::from("us-east-1")],
            now: Timestamp(0),
            lifetime_seconds: 900,
        };
        change(&mut expected);
        let header = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
        let (session, region) = Login::parse(&header)?.check(&sessions, &expected)?;
        assert_eq!(region, "us-east-1");
        Ok(session.arn)
    }

    #[test]
    fn botocores_vector_is_accepted_within_its_window() {
        let arn = Ok("arn:aws:iam::222222222222:user/u".to_owned());
        assert_eq!(check("ANOTREAL", PASSWORD, |_| {}), arn);
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.host = "git-codecommit.us-east-1.amazonaws.com:443"), arn);
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.now = Timestamp(900)), arn);
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.now = Timestamp(901)), Err("the login has expired"));
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.now = Timestamp(-300)), arn);
        assert!(check("ANOTREAL", PASSWORD, |e| e.now = Timestamp(-301)).unwrap_err().contains("future"));
    }

    #[test]
    fn a_login_for_anything_else_is_refused() {
        let mismatch = Err("the signature does not match");
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.path = "/v1/repos/other"), mismatch);
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.regions = &[]), mismatch);
        assert_eq!(check("ANOTREAL", PASSWORD, |e| e.host = "git-codecommit.us-east-2.amazonaws.com"), mismatch);
        assert_eq!(check("ANOTREAL", &PASSWORD.replace("21d", "21e"), |_| {}), mismatch);
        assert!(check("UNKNOWN", PASSWORD, |_| {}).unwrap_err().contains("unknown"));
        assert!(check("ANOTREAL%token", PASSWORD, |_| {}).unwrap_err().contains("token"));
        assert!(check("ANOTREAL", &PASSWORD[1..], |_| {}).unwrap_err().contains("password"));
        assert!(check("ANOTREAL", &PASSWORD.replace("0101T", "0231T"), |_| {}).unwrap_err().contains("stamp"));
    }
}
