//! The crates as packages: whole by themselves, and with all that a registry shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::text;

const CRATES: [&str; 5] = ["clone-by-role", "clone-by-role-cli", "codecommit-auth", "codecommit-sandbox", "role-chain"];

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).arg("--offline").current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}

/// What cargo knows of the packages that are published.
fn packages() -> Vec<Value> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages: Vec<_> = std::mem::take(metadata["packages"].as_array_mut().unwrap());
    packages.retain(|package| package["publish"].is_null());
    packages
}

#[test]
fn each_has_what_a_registry_shows() {
    let packages = packages();
    let mut names: Vec<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, CRATES);
    for package in &packages {
        let name = &package["name"];
        for field in ["description", "license", "repository", "rust_version"] {
            assert!(package[field].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {field}");
        }
        assert_eq!(
            (&package["license"], &package["readme"]),
            (&"MIT OR Apache-2.0".into(), &"README.md".into()),
            "{name}"
        );
        // The registry's limits.
        let keywords: Vec<_> =
            package["keywords"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert!(
            (1..=5).contains(&keywords.len()) && keywords.iter().all(|word| word.len() <= 20),
            "{name}: {keywords:?}"
        );
        assert!((1..=5).contains(&package["categories"].as_array().unwrap().len()), "{name}");
    }
}

#[test]
fn each_feature_is_explained_and_documented() {
    for package in packages() {
        let (name, features) = (&package["name"], package["features"].as_object().unwrap());
        let features: Vec<_> = features.keys().filter(|feature| *feature != "default").collect();
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
        let library = fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        let is_library = !library.is_empty();
        let docs = if is_library { library } else { fs::read_to_string(folder.join("README.md")).unwrap() };
        for feature in &features {
            assert!(docs.contains(&format!("`{feature}`")), "{name} does not explain its feature {feature}");
        }
        if is_library && !features.is_empty() {
            assert_eq!(package["metadata"]["docs"]["rs"]["all-features"], true, "{name} on docs.rs");
        }
    }
}

#[test]
fn each_is_whole_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut package = cargo(&["package", "--no-verify", "--allow-dirty", "--quiet"]);
    package.arg("--target-dir").arg(folder.path());
    let output = package.args(CRATES.iter().flat_map(|name| ["--package", name])).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "cargo has something to say");
    for name in CRATES {
        let output = cargo(&["package", "--list", "--allow-dirty", "--package", name]).output().unwrap();
        let list = text(&output.stdout);
        let files: Vec<_> = list.lines().collect();
        for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "Cargo.lock"] {
            assert!(files.contains(&file), "{name} lacks {file}: {files:?}");
        }
    }
}
