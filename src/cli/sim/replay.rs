//! What a failing run comes to when it is cut down; and playing that again from its file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::play::{Outcome, Scene};
use super::shrink::Failure;
use super::smallest::{MOST_STEPS, smallest};
use super::{keep, say, scene};
use crate::command::complain;
use crate::error::{Doing, Result};

/// Where a run is written and drawn, if it is.
#[derive(Clone, Copy)]
pub(super) struct Paths<'a> {
    pub(super) trace: Option<&'a Path>,
    pub(super) draw: Option<&'a Path>,
}

impl Paths<'_> {
    /// The journal. The picture is made of it, so it stands beside the picture if nowhere else.
    pub(super) fn journal(&self) -> Option<PathBuf> {
        let beside = || self.draw.map(|path| beside(path, "jsonl"));
        self.trace.map(Path::to_path_buf).or_else(beside)
    }
}

/// A file that belongs to another: its name is the other's and something more, so that it never is
/// that of a third.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Cuts a failing run down, says what is left, and writes and draws it; the run itself, if it is
/// wanted as it was.
pub(super) fn cut_down(failure: &Failure, paths: Paths<'_>, as_it_was: bool) -> Result<()> {
    let scenario = failure.scenario();
    let Some(small) = smallest(&scenario, failure.seed, MOST_STEPS) else {
        let claim = failure.claim;
        say(&format!("\n{claim} hangs on time, so no single events are taken out of this run\n"))?;
        return keep(&scenario.record(failure.seed).tape, paths);
    };
    let how = if small.gave_up { "smaller, before all was tried" } else { "smallest" };
    say(&format!("\n{how}: {}\n", line(&small.outcome, &small.scene)))?;
    if let Some(journal) = paths.journal() {
        let path = beside(&journal, "script");
        let text = scene::text(&scenario, &small.scene);
        std::fs::write(&path, text).doing(|| format!("writing {}", path.display()))?;
        say(&format!("replay: synod sim --replay {}\n", quoted(&path)))?;
    }
    let run =
        if as_it_was { scenario.record(failure.seed) } else { scenario.record_scene(&small.scene) };
    keep(&run.tape, paths)
}

/// Plays the script in a file.
pub(super) fn replay(path: &Path, paths: Paths<'_>) -> Result<ExitCode> {
    let (scenario, scene) = scene::read(path)?;
    let run = scenario.record_scene(&scene);
    let (replaced, performed) = scenario.follow(&scene);
    let broken = run.outcome.breach.is_some();
    let (done, all) = (performed.steps.len(), scene.steps.len());
    if done < all {
        complain(&format!("{done} of {all} steps could be performed before the run ended\n"));
    }
    if replaced.counts.forgiven > 0 {
        let count = counted(replaced.counts.forgiven, "message", "messages");
        complain(&format!(
            "{count} of the script: never sent word for word, so the newest of the same kind \
             arrived instead\n"
        ));
    }
    say(&match (broken, scenario.bug) {
        (true, _) => format!("BROKEN: {}\n", line(&run.outcome, &performed)),
        (false, None) => "no claim broken\n".into(),
        (false, Some(_)) => "the mutant survives\n".into(),
    })?;
    keep(&run.tape, paths)?;
    Ok(ExitCode::from(u8::from(broken != scenario.bug.is_some())))
}

/// A scripted failure in a line.
fn line(outcome: &Outcome, scene: &Scene) -> String {
    let breach = outcome.breach.as_ref();
    let said = breach.map_or(String::new(), |breach| format!("{}: {}", breach.claim, breach.how));
    let counts = &outcome.counts;
    let steps = counted(scene.steps.len() as u64, "step", "steps");
    let messages = counted(counts.delivered, "message", "messages");
    let crashes = counted(counts.crashes, "crash", "crashes");
    format!("{said} ({steps}: {messages}, {crashes})")
}

pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
