//! How much a repository may ask of this host.

#[cfg(any(feature = "gitoxide", feature = "libgit2"))]
pub(crate) use check::{Limit, exceeded};

/// How much a repository may ask of this host before it is taken for an attack or a mistake.
///
/// What is beyond a limit ends the clone with [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded), as soon as it is known, and with nothing
/// left. The defaults are generous: no repository that CodeCommit can serve today comes near them.
///
/// ```
/// use clone_by_role::Limits;
///
/// let mut limits = Limits::default();
/// limits.pack_bytes = 1 << 30;
/// limits.file_bytes = 50 << 20;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Objects in a pack. Some memory is set aside for each as soon as a pack says how many it has. Default: 10 million.
    pub objects: u64,
    /// Bytes of a pack, as it comes over the wire. Default: 256 GiB.
    pub pack_bytes: u64,
    /// Bytes of one object, uncompressed: of a file, a tree, or whatever a delta says that it makes. An object of this
    /// size is held in memory. Default: 2 GiB, the most that CodeCommit takes.
    pub file_bytes: u64,
    /// Bytes of all objects of a pack together, uncompressed. It bounds the time that indexing a pack takes.
    /// Default: 4 TiB.
    pub unpacked_bytes: u64,
    /// Files and folders in a worktree. Default: 2 million.
    pub entries: u64,
    /// Bytes of a path in the worktree. Default: 4095, the most that Linux takes in one call.
    pub path_bytes: u64,
    /// Folders in folders. Default: 2048, as `core.maxTreeDepth` of stock git.
    pub depth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            objects: 10_000_000,
            pack_bytes: 256 << 30,
            file_bytes: 2 << 30,
            unpacked_bytes: 4 << 40,
            entries: 2_000_000,
            path_bytes: 4095,
            depth: 2048,
        }
    }
}

#[cfg(any(feature = "gitoxide", feature = "libgit2"))]
mod check;
