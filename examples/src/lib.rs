//! Examples of the workspace's crates. Each is one file beside this package's manifest; `README.md` says in which order to
//! read them.
