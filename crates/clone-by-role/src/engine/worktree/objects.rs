//! How the engines' objects are read here.

use crate::{ObjectId, Result};

/// The kinds of objects that a checkout reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    Commit,
    Tree,
    Blob,
}

impl Kind {
    pub(in crate::engine) fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

/// The objects of one repository, for one thread.
pub(in crate::engine) trait Objects {
    /// Replaces what is in `buffer` by the object's content.
    ///
    /// An object that is missing, damaged or of another kind is [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt).
    fn read(&mut self, id: ObjectId, kind: Kind, buffer: &mut Vec<u8>) -> Result<()>;
}

/// The objects of one repository, for all threads.
pub(in crate::engine) trait Store: Sync {
    /// What one thread reads with.
    fn objects(&self) -> Result<Box<dyn Objects + '_>>;
}
