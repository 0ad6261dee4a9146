//! Unmounts when this process ends, however it ends.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::NAME;

/// The error number of a file system whose process has died.
const NOT_CONNECTED: i32 = 107;

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
pub(super) fn clear(scratch: &Path) -> io::Result<()> {
    let scratch = scratch.canonicalize()?;
    for line in fs::read_to_string("/proc/self/mounts")?.lines() {
        let mut words = line.split(' ');
        let (Some(NAME), Some(path)) = (words.next(), words.next()) else { continue };
        let path = Path::new(path);
        let dead =
            || fs::metadata(path).is_err_and(|error| error.raw_os_error() == Some(NOT_CONNECTED));
        if path.starts_with(&scratch) && dead() {
            Command::new("umount").arg("-l").arg(path).status()?;
            let _ = fs::remove_dir(path);
        }
    }
    Ok(())
}
