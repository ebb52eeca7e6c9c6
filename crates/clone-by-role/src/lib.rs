//! Clone git repositories, CodeCommit ones by IAM role, with gitoxide or libgit2
