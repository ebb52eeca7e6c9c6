use std::fmt;

use zeroize::Zeroizing;

use crate::{Error, ErrorKind};

/// Writes attributes as git reads them.
///
/// The text is wiped from memory when it is dropped, and `Debug` does not show it.
pub struct Writer {
    text: Zeroizing<Vec<u8>>,
}

impl Writer {
    /// A writer that has written nothing yet.
    #[must_use]
    pub fn new() -> Self {
        // A session token has some thousand bytes.
        Self { text: Zeroizing::new(Vec::with_capacity(8192)) }
    }

    /// Writes one attribute.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CredentialRequest`] for a newline, a carriage return or a NUL in key or value, and for a key that is empty or holds a `=`.
    pub fn attribute(&mut self, key: &str, value: &str) -> Result<&mut Self, Error> {
        let breaks_out = |text: &str| text.contains(['\n', '\r', '\0']);
        if key.is_empty() || key.contains('=') || breaks_out(key) || breaks_out(value) {
            return Err(Error::new(
                ErrorKind::CredentialRequest,
                "an attribute that would break out of its line is not written to git",
                "look at where the value comes from",
            ));
        }
        let length = key.len() + value.len() + 2;
        if self.text.capacity() - self.text.len() < length {
            // By hand: a vector that grows by itself leaves a copy behind.
            let mut larger = Zeroizing::new(Vec::with_capacity((self.text.len() + length) * 2));
            larger.extend_from_slice(&self.text);
            self.text = larger;
        }
        for part in [key, "=", value, "\n"] {
            self.text.extend_from_slice(part.as_bytes());
        }
        Ok(self)
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Zeroizing<Vec<u8>> {
        self.text
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer(..)")
    }
}
