//! Tells the program from which commit it was built: `synod --version` prints it.
//!
//! `SYNOD_COMMIT` says it where there is no repository, as in a container. Without both the version
//! stands alone. A debug build does not ask: else every commit would compile all tests again.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    tell("rerun-if-changed=build.rs");
    tell("rerun-if-env-changed=SYNOD_COMMIT");
    let given = env::var("SYNOD_COMMIT").ok().filter(|commit| !commit.is_empty());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if let Some(commit) = given.or_else(|| if is_release { of_repository() } else { None }) {
        tell(&format!("rustc-env=SYNOD_BUILT_FROM={commit}"));
    }
}

/// The commit of the repository that this folder is the root of.
fn of_repository() -> Option<String> {
    // In a folder of somebody else's repository this is no commit of synod.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    for name in ["HEAD", "logs/HEAD"] {
        // A file that is missing would count as changed at every build.
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|p| exists(p)) {
            tell(&format!("rerun-if-changed={path}"));
        }
    }
    Some(commit)
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// The first line that git prints, unless it fails or is not there.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// This is how cargo is told.
fn tell(what: &str) {
    println!("cargo:{what}");
}
