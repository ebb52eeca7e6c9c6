use std::fmt;
use std::mem;

use zeroize::{Zeroize, Zeroizing};

use super::Request;
use crate::{Error, ErrorKind};

/// git's rule: a line, with its newline, has at most this many bytes.
const LONGEST_LINE: usize = 65_535;

/// No git sends more than a few kilobytes.
const LONGEST_REQUEST: usize = 1 << 20;

/// Reads a [`Request`] piece by piece, as it comes.
///
/// How the input is cut into pieces makes no difference. What was fed is wiped from memory, since a request to store holds a password.
pub struct Reader {
    /// The line that has not ended yet. Never grows, so that no copy is left behind.
    line: Zeroizing<Vec<u8>>,
    fed: usize,
    request: Request,
    is_complete: bool,
}

impl Reader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            line: Zeroizing::new(Vec::with_capacity(LONGEST_LINE)),
            fed: 0,
            request: Request::default(),
            is_complete: false,
        }
    }

    /// Takes the next bytes, and says whether the request is complete: after its blank line nothing belongs to it, and what is fed is ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CredentialRequest`], as the [module](super) says. The reader is then of no more use.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_complete {
                break;
            }
            self.fed += piece.len();
            if self.line.len() + piece.len() > LONGEST_LINE || self.fed > LONGEST_REQUEST {
                return Err(refused("it is longer than git's own rule allows"));
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.line.pop();
                self.end_line()?;
            }
        }
        Ok(self.is_complete)
    }

    /// The request, once the input has ended. A last line needs no newline.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    pub fn finish(mut self) -> Result<Request, Error> {
        if !self.is_complete && !self.line.is_empty() {
            self.end_line()?;
        }
        Ok(mem::take(&mut self.request))
    }

    fn end_line(&mut self) -> Result<(), Error> {
        if self.line.is_empty() {
            self.is_complete = true;
            return Ok(());
        }
        let taken = take(&mut self.request, &self.line);
        self.line.zeroize();
        taken
    }
}

/// Takes one line, without its newline, into the request.
fn take(request: &mut Request, line: &[u8]) -> Result<(), Error> {
    if line.contains(&0) {
        return Err(refused("a NUL stands in it"));
    }
    if line.contains(&b'\r') {
        return Err(refused("a carriage return stands in it"));
    }
    let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
        return Err(refused("one of its lines has no `=`"));
    };
    let (key, value) = (&line[..equals], &line[equals + 1..]);
    let field = match key {
        b"protocol" => &mut request.protocol,
        b"host" => &mut request.host,
        b"path" => &mut request.path,
        b"username" => &mut request.username,
        b"capability[]" => {
            // An empty value resets the list.
            match value {
                b"authtype" => request.authtype = true,
                b"" => request.authtype = false,
                _ => {}
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    let key = std::str::from_utf8(key).expect("one of the four above");
    if field.is_some() {
        return Err(refused(&format!("it names its {key} twice")));
    }
    // git decodes %ff in a URL. What is not UTF-8 becomes U+FFFD, which stands in no host and no path of CodeCommit's.
    let value = String::from_utf8_lossy(value);
    *field = Some(value.into_owned());
    Ok(())
}

fn refused(rule: &str) -> Error {
    Error::new(
        ErrorKind::CredentialRequest,
        format!("a request for a login is refused: {rule}"),
        "look at the remote's URL, and at those of its submodules: they may have been made to deceive",
    )
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("request", &self.request)
            .field("is_complete", &self.is_complete)
            .finish_non_exhaustive()
    }
}
