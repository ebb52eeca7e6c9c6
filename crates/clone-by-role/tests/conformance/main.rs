//! Both engines leave what stock git leaves: the public list of cases, for each of them.

#[cfg(feature = "gitoxide")]
mod gitoxide {
    use clone_by_role::conformance::Subject;
    clone_by_role::conformance!(Subject::new(|| Box::new(clone_by_role::Gitoxide::default()), 2));
}

#[cfg(feature = "libgit2")]
mod libgit2 {
    use clone_by_role::conformance::Subject;
    clone_by_role::conformance!(Subject::new(|| Box::new(clone_by_role::Libgit2::default()), 0));
}
