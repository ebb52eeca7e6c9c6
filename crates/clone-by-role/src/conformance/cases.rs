//! The list of cases, and the macro that makes each of them a test.

use super::{Case, repositories};

/// Defines each case, and the macro that knows all their names.
macro_rules! cases {
    ($d:tt $($name:ident: $case:expr;)+) => {
        $(
            #[doc = concat!("The case `", stringify!($name), "`.")]
            #[expect(non_upper_case_globals, reason = "it is the name of a test as well")]
            pub const $name: Case = $case;
        )+

        /// All cases, by name.
        pub const ALL: &[(&str, Case)] = &[$((stringify!($name), $name)),+];

        /// Makes each case of [`conformance`](mod@crate::conformance) a test of an engine, against CodeCommit's protocol v0 and
        /// against a modern server. Takes a [`Subject`](crate::conformance::Subject).
        #[macro_export]
        macro_rules! conformance {
            ($d subject:expr) => {
                mod codecommit {
                    #[allow(unused_imports, reason = "the subject may be named by a path")]
                    use super::*;
                    $(#[test] fn $name() {
                        let protocol = $crate::conformance::Protocol::CodeCommit;
                        $crate::conformance::conform(&$d subject, protocol, &$crate::conformance::cases::$name);
                    })+
                }
                mod modern {
                    #[allow(unused_imports, reason = "the subject may be named by a path")]
                    use super::*;
                    $(#[test] fn $name() {
                        let protocol = $crate::conformance::Protocol::Modern;
                        $crate::conformance::conform(&$d subject, protocol, &$crate::conformance::cases::$name);
                    })+
                }
            };
        }
    };
}

cases! { $
    // How much.
    full: Case::of(repositories::history);
    shallow: Case::of(repositories::history).depth(1);
    shallow_by_two: Case::of(repositories::history).depth(2);
    shallow_across_a_merge: Case::of(repositories::history).depth(3);
    deeper_than_the_history: Case::of(repositories::history).depth(1_000);
    single_branch: Case::of(repositories::history).single_branch();
    deltas: Case::of(repositories::deltas);

    // A branch.
    branch: Case::of(repositories::history).branch("feature/x");
    branch_single: Case::of(repositories::history).branch("feature/x").single_branch();
    branch_shallow: Case::of(repositories::history).branch("feature/x").depth(1);
    branch_of_the_default: Case::of(repositories::history).branch("main");

    // A tag, asked for in both ways.
    tag_lightweight: Case::of(repositories::history).rev("light");
    tag_annotated: Case::of(repositories::history).rev("v1.0");
    tag_nested: Case::of(repositories::history).rev("nested");
    tag_as_branch: Case::of(repositories::history).branch("v1.0");
    tag_that_is_a_branch_too: Case::of(repositories::history).branch("both");
    tag_single: Case::of(repositories::history).rev("v1.0").single_branch();
    tag_lightweight_shallow: Case::of(repositories::history).rev("light").depth(1);
    tag_annotated_shallow: Case::of(repositories::history).rev("v1.0").depth(1);
    tag_nested_shallow: Case::of(repositories::history).rev("nested").depth(2);
    tags_of_no_commit: Case::of(repositories::tags_of_no_commit);

    // A commit.
    commit: Case::of(repositories::history).commit("main~2");
    commit_at_a_tip: Case::of(repositories::history).commit("main");
    commit_of_a_side_branch: Case::of(repositories::history).commit("feature/x~1");
    commit_single: Case::of(repositories::history).commit("main~2").single_branch();
    commit_shallow: Case::of(repositories::history).commit("main~2").depth(1);
    commit_shallow_by_two: Case::of(repositories::history).commit("feature/x").depth(2);

    // Bare.
    bare: Case::of(repositories::history).bare();
    bare_shallow: Case::of(repositories::history).bare().depth(1);
    bare_single_branch: Case::of(repositories::history).bare().single_branch();
    bare_branch: Case::of(repositories::history).bare().branch("feature/x");
    bare_tag: Case::of(repositories::history).bare().rev("v1.0");
    bare_commit: Case::of(repositories::history).bare().commit("main~1");
    bare_commit_shallow: Case::of(repositories::history).bare().commit("main~1").depth(1);

    // An empty one.
    empty: Case::of(repositories::empty);
    empty_bare: Case::of(repositories::empty).bare();
    empty_shallow: Case::of(repositories::empty).depth(1);
    empty_tree: Case::of(repositories::empty_tree);

    // Where HEAD is.
    default_branch: Case::of(repositories::default_branch);
    default_branch_shallow: Case::of(repositories::default_branch).depth(1);
    default_branch_bare: Case::of(repositories::default_branch).bare();
    branches_at_one_commit: Case::of(repositories::branches_at_one_commit);
    branches_at_one_commit_shallow: Case::of(repositories::branches_at_one_commit).depth(1);
    branch_that_needs_quoting: Case::of(repositories::branch_that_needs_quoting);
    detached_head: Case::of(repositories::detached_head);
    detached_head_shallow: Case::of(repositories::detached_head).depth(1);
    detached_head_bare: Case::of(repositories::detached_head).bare();
    detached_head_at_a_branch: Case::of(repositories::detached_head_at_a_branch);
    unborn_head: Case::of(repositories::unborn_head);

    // What is in it.
    modes_and_links: Case::of(repositories::modes_and_links);
    names: Case::of(repositories::names);
    line_endings: Case::of(repositories::line_endings);
    conversions: Case::of(repositories::conversions);
    gitlink: Case::of(repositories::gitlink);
    many_refs: Case::of(repositories::many_refs);
    many_refs_shallow: Case::of(repositories::many_refs).depth(1);
    many_refs_bare: Case::of(repositories::many_refs).bare();
}
