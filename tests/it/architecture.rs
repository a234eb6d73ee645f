//! Who may know about whom, held against the manifests and the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root").to_owned()
}

/// Returns the normal dependencies of a workspace member on other members.
fn edges(member: &str) -> BTreeSet<String> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let members: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let package = packages.iter().find(|p| p["name"] == member).expect("the member exists");
    let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
    dependencies
        .iter()
        .filter(|d| d["kind"].is_null())
        .filter_map(|d| d["name"].as_str())
        .filter(|name| members.contains(name))
        .map(ToOwned::to_owned)
        .collect()
}

/// Returns the Rust sources under `folder`, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).expect("inside the root").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("readable text")));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

#[test]
fn crates_know_only_whom_they_may() {
    let allowed = [
        ("domain", &[][..]),
        ("sandbox", &["domain"]),
        ("jobs", &["domain"]),
        ("api", &["domain", "jobs"]),
        ("worker", &["api", "domain", "jobs", "sandbox"]),
        ("suites", &["api", "domain", "jobs", "worker"]),
    ];
    for (member, may) in allowed {
        let may: BTreeSet<String> = may.iter().map(|name| (*name).to_owned()).collect();
        let unexpected: Vec<_> = edges(member).difference(&may).cloned().collect();
        assert!(unexpected.is_empty(), "{member} must not depend on {unexpected:?}");
    }
}

#[test]
fn sql_stays_in_its_rooms() {
    for folder in ["api/src", "jobs/src", "jobs/domain/src"] {
        for (name, text) in sources(folder) {
            let room = name.starts_with("jobs/src/db/") || name.starts_with("jobs/src/queue/");
            assert!(room || !text.contains("sqlx::query"), "{name} holds SQL");
        }
    }
}

#[test]
fn only_the_queue_names_apalis() {
    for folder in ["api/src", "jobs/src", "worker/src"] {
        for (name, text) in sources(folder) {
            let may = name.starts_with("jobs/src/queue") || name == "jobs/src/registry.rs";
            assert!(
                may || !text.contains("apalis::") && !text.contains("apalis_core::"),
                "{name} names apalis"
            );
        }
    }
}

#[test]
fn the_domain_does_no_io_and_sees_no_clock() {
    for (name, text) in sources("jobs/domain/src") {
        for forbidden in
            ["std::fs", "std::net", "std::env", "SystemTime", "Instant::now", "Utc::now", "tokio", "async fn"]
        {
            assert!(!text.contains(forbidden), "{name} uses {forbidden}");
        }
    }
}

#[test]
fn the_visible_root_is_what_the_plan_says() {
    let expected = [
        "ARCHITECTURE.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "Procfile",
        "README.md",
        "api",
        "config",
        "jobs",
        "migrations",
        "tests",
        "worker",
    ];
    let mut seen: Vec<String> = fs::read_dir(root())
        .expect("the root is readable")
        .map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    seen.sort();
    assert_eq!(seen, expected);
}
