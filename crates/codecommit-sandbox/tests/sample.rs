//! The sample repositories: the same everywhere, and sound.

mod support;

use codecommit_sandbox::SampleRepository;
use support::git;

#[test]
fn the_scenarios_repository_has_the_scenarios_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.git");
    let statistics = SampleRepository::scenario().create_in(&path).unwrap();
    // Commit IDs are the same wherever this runs.
    assert_eq!(statistics.head(), "c5547df46543c17a507aa1f25355e332b0123e13");
    assert_eq!(statistics.commits(), 757);
    assert_eq!(statistics.objects(), 18_716);
    // How git packs them differs a little from one version to the next.
    assert!((7_000..7_800).contains(&statistics.deltas()), "{statistics:?}");
    assert!((19 << 20..22 << 20).contains(&statistics.packed_bytes()), "{statistics:?}");
}

#[test]
fn a_sample_is_a_sound_repository_of_many_kinds_of_things() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.git");
    let statistics = SampleRepository::small().create_in(&path).unwrap();
    assert_eq!(git(&path, &["fsck", "--full", "--strict", "--no-progress"]), "");
    assert_eq!(git(&path, &["rev-parse", "HEAD"]), statistics.head());
    assert_eq!(git(&path, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    let kinds = |arguments: &[&str]| -> Vec<String> { git(&path, arguments).lines().map(str::to_owned).collect() };
    let tags = kinds(&["for-each-ref", "--format=%(objecttype)", "refs/tags"]);
    assert!(tags.contains(&"tag".to_owned()) && tags.contains(&"commit".to_owned()), "{tags:?}");
    assert!(kinds(&["branch", "--list"]).len() >= 4);
    assert!(!kinds(&["rev-list", "--merges", "main"]).is_empty());
    let tree = git(&path, &["ls-tree", "-r", "main"]);
    for mode in ["100644", "100755", "120000"] {
        assert!(tree.lines().any(|line| line.starts_with(mode)), "no entry has mode {mode}");
    }
}

#[test]
fn a_sample_is_made_once_and_nothing_else_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.git");
    let made = SampleRepository::small().ensure_in(&path).unwrap();
    let label = std::fs::metadata(path.join("sample.json")).unwrap().modified().unwrap();
    assert_eq!(SampleRepository::small().ensure_in(&path).unwrap(), made);
    assert_eq!(std::fs::metadata(path.join("sample.json")).unwrap().modified().unwrap(), label);
    assert!(SampleRepository::small().create_in(&path).is_err());

    std::fs::write(path.join("sample.json"), "{\"sample\": \"of another time\"}").unwrap();
    assert_eq!(SampleRepository::small().ensure_in(&path).unwrap(), made);

    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("precious"), "").unwrap();
    assert!(SampleRepository::small().ensure_in(&other).is_err());
    assert!(other.join("precious").exists());
    // No staging folder is left.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
