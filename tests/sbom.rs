//! The package's list of components is what the program is built from: no crate too many, none missing, with the checksums of `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

type Crate = (String, String);

fn said(program: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// It listed crates that only tests and benches need, some of which share a crate with the program under other features.
#[test]
fn the_list_of_components_is_what_cargo_builds_the_program_from() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3, which systemd/deb/sbom is written in");
        return;
    }
    let list: Value = serde_json::from_str(&said("systemd/deb/sbom", &[])).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let components = list["components"].as_array().expect("components");
    let listed: BTreeMap<Crate, String> = components
        .iter()
        .map(|one| {
            (
                (text(&one["name"]), text(&one["version"])),
                text(&one["hashes"][0]["content"]),
            )
        })
        .collect();
    assert_eq!(listed.len(), components.len(), "each once");

    let host = said("rustc", &["-vV"]);
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a host");
    let tree = [
        "tree",
        "--locked",
        "-e",
        "no-dev,no-build",
        "--target",
        host,
        "--prefix",
        "none",
        "-f",
        "{p}",
    ];
    let tree = said(env!("CARGO"), &tree);
    let built: BTreeSet<Crate> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            Some((name.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
        })
        .filter(|(name, _)| name != "sonograde")
        .collect();
    assert!(built.len() > 100, "{built:?}");
    let listed_alone: BTreeSet<Crate> = listed.keys().cloned().collect();
    assert_eq!(listed_alone, built);

    let lock: toml::Table = include_str!("../Cargo.lock").parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    for ((name, version), checksum) in &listed {
        let one = packages
            .iter()
            .find(|one| one["name"].as_str() == Some(name) && one["version"].as_str() == Some(version));
        let locked = one
            .expect("it is locked")
            .get("checksum")
            .and_then(|sum| sum.as_str());
        assert_eq!(locked.unwrap_or_default(), checksum, "{name} {version}");
    }
}
