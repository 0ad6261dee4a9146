//! Unmounts when this process ends, however it ends.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::NAME;

/// What the shell does: Ctrl-C reaches it too, but only the end of its input ends it, and that ends
/// with us. Lazily, for a peer may still be dying.
const SCRIPT: &str = "trap '' INT TERM HUP QUIT
cat >/dev/null
umount -l \"$1\" 2>/dev/null
rmdir \"$1\"";

/// A shell that outlives us by a moment.
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    pub(super) fn start(mount: &Path) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(mount);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { shell: command.spawn()? })
    }

    /// Returns when it is unmounted.
    pub(super) fn unmount(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// Unmounts what stands below `scratch` and has no process any more, as `kill -9` of all leaves it.
/// The mounts themselves are not asked: one whose process hangs would not answer.
pub(super) fn clear(scratch: &Path) -> io::Result<()> {
    let scratch = scratch.canonicalize()?;
    for line in fs::read_to_string("/proc/self/mounts")?.lines() {
        let mut words = line.split(' ');
        let (Some(NAME), Some(path)) = (words.next(), words.next()) else { continue };
        let path = Path::new(path);
        if path.starts_with(&scratch) && !has_owner(path) {
            // Another process may be clearing too, and be first.
            Command::new("umount").args(["-f", "-l"]).arg(path).stderr(Stdio::null()).status()?;
            let _ = fs::remove_dir(path);
        }
    }
    Ok(())
}

/// True if the process whose id is in the name of this mount is there.
fn has_owner(mount: &Path) -> bool {
    let name = mount.file_name().unwrap_or_default().to_string_lossy();
    let owner = name.split('-').nth(1).unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{owner}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}
