//! One group of real processes: started, stopped, killed, and asked whether they have chosen.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::lossyfs::{Disk, LossyFs, Lost};
use super::random::Random;

/// How long all peers, left alone, may take to choose: far beyond what they need.
const DEADLINE: Duration = Duration::from_secs(60);

/// A shell that sends signals: one that is started for each signal would come too late.
pub(super) struct Signals {
    shell: Child,
    orders: ChildStdin,
    done: BufReader<ChildStdout>,
}

impl Signals {
    pub(super) fn new() -> Result<Self, String> {
        let mut shell = Command::new("sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("sh: {e}"))?;
        let mut orders = shell.stdin.take().ok_or("sh has no input")?;
        // Should the attacker die, the peers do too when their input ends, but not while stopped.
        writeln!(orders, "trap '' INT TERM HUP; trap 'kill -CONT $all 2>/dev/null' EXIT")
            .map_err(|e| format!("sh: {e}"))?;
        let done = BufReader::new(shell.stdout.take().ok_or("sh has no output")?);
        Ok(Self { shell, orders, done })
    }

    fn send(&mut self, name: &str, pid: u32) -> Result<(), String> {
        let said = |e: std::io::Error| format!("sh: {e}");
        writeln!(self.orders, "all=\"$all {pid}\"; kill -{name} {pid} && echo done || echo failed")
            .map_err(said)?;
        let mut answer = String::new();
        self.done.read_line(&mut answer).map_err(said)?;
        if answer == "done\n" { Ok(()) } else { Err(format!("kill -{name} {pid} {answer}")) }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// One incarnation of a peer.
struct Incarnation {
    child: Child,
    /// Where its journal begins.
    begins: u64,
    stopped: bool,
    /// Its disk was told to fail a flush, so it may end by itself.
    may_fail: bool,
}

/// What a peer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Dead,
    Stopped,
    Running,
}

/// The peers of one hostsfile, in a directory of their own.
pub(super) struct Group<'a> {
    synod: &'a Path,
    dir: PathBuf,
    proposers: Vec<u16>,
    pub(super) ids: Vec<u16>,
    incarnations: BTreeMap<u16, Incarnation>,
    /// Where the power can fail; without them the data is in the group's directory.
    disks: BTreeMap<u16, Disk>,
    /// How many peers ended because a flush failed.
    pub(super) failed_flushes: u64,
}

impl<'a> Group<'a> {
    /// Writes the hostsfile of peers with these roles; nobody is started yet.
    pub(super) fn new(
        synod: &'a Path,
        dir: &Path,
        (roles, ports): (&[&str], &[u16]),
        fs: Option<&LossyFs>,
    ) -> Result<Self, String> {
        let line = |(port, roles): (&u16, &&str)| format!("127.0.0.1:{port}:{roles}\n");
        let text: String = ports.iter().zip(roles).map(line).collect();
        fs::write(dir.join("hosts"), text).map_err(|e| format!("{}: {e}", dir.display()))?;
        let ids: Vec<u16> = (1..).take(roles.len()).collect();
        let has_value = |id: &u16| roles[usize::from(*id) - 1].contains("proposer");
        let proposers = ids.iter().copied().filter(has_value).collect();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let disk = |(id, fs): (&u16, &LossyFs)| (*id, fs.disk(&format!("{name}-peer{id}")));
        let disks = fs.map(|fs| ids.iter().map(|id| disk((id, fs))).collect()).unwrap_or_default();
        let (incarnations, dir) = (BTreeMap::new(), dir.to_owned());
        Ok(Self { synod, dir, proposers, ids, incarnations, disks, failed_flushes: 0 })
    }

    fn data(&self, id: u16) -> PathBuf {
        match self.disks.get(&id) {
            Some(disk) => disk.path().join("data"),
            None => self.dir.join(format!("peer{id}")),
        }
    }

    pub(super) fn trace(&self, id: u16) -> PathBuf {
        self.dir.join(format!("peer{id}.trace"))
    }

    pub(super) fn doing(&self, id: u16) -> Doing {
        match self.incarnations.get(&id) {
            None => Doing::Dead,
            Some(incarnation) if incarnation.stopped => Doing::Stopped,
            Some(_) => Doing::Running,
        }
    }

    /// Starts a peer; a proposer with a value that it draws anew.
    pub(super) fn start(&mut self, id: u16, random: &mut Random) -> Result<(), String> {
        let words = self.dir.join(format!("peer{id}.err"));
        let words = OpenOptions::new().create(true).append(true).open(&words);
        let words = words.map_err(|e| format!("{}: {e}", self.dir.display()))?;
        let mut command = Command::new(self.synod);
        command.arg("-h").arg(self.dir.join("hosts")).args(["--id", &id.to_string()]);
        command.arg("--data").arg(self.data(id));
        command.arg("--trace").arg(self.trace(id));
        if self.proposers.contains(&id) {
            let value = char::from(b'A' + u8::try_from(random.below(26)).expect("a letter"));
            command.args(["--wait", random.one_of(&["0", "0", "0.003"])]);
            command.args(["-v", &value.to_string()]);
        }
        // Its input is ours: should the attacker die, the peers do too.
        command.arg("--until-eof").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(words);
        if let Some(disk) = self.disks.get(&id) {
            // An earlier incarnation may have ended before the flush that was to fail.
            disk.fail_no_flush();
            disk.slow_flushes(Duration::from_millis(random.one_of(&[0, 0, 0, 1, 4])));
        }
        let begins = fs::metadata(self.trace(id)).map_or(0, |metadata| metadata.len());
        let child = command.spawn().map_err(|e| format!("{}: {e}", self.synod.display()))?;
        self.incarnations
            .insert(id, Incarnation { child, begins, stopped: false, may_fail: false });
        Ok(())
    }

    /// `kill -9`. A peer that has ended by itself has refused to live, which is a failure. False if
    /// its disk was faster.
    pub(super) fn kill(&mut self, id: u16, random: &mut Random) -> Result<bool, String> {
        self.still_incarnations(id)?;
        let incarnations = self.incarnations.contains_key(&id);
        if let Some(mut incarnation) = self.incarnations.remove(&id) {
            let failed = |e| format!("peer{id} cannot be killed: {e}");
            incarnation.child.kill().map_err(failed)?;
            // A flush that is under way may come to its end or never happen.
            if let Some(disk) = self.disks.get(&id).filter(|_| random.percent(70)) {
                disk.abandon_flushes();
            }
            incarnation.child.wait().map_err(failed)?;
        }
        Ok(incarnations)
    }

    /// The machine of a peer that is dead loses its power.
    pub(super) fn lose_power(&mut self, id: u16, random: &mut Random) -> Lost {
        let disk = self.disks.get(&id);
        disk.map(|disk| disk.lose_power(|end| random.below(end))).unwrap_or_default()
    }

    /// The next flush of a peer fails, if it has a disk that can: then it must end.
    pub(super) fn fail_flush(&mut self, id: u16) {
        if let (Some(disk), Some(incarnation)) =
            (self.disks.get(&id), self.incarnations.get_mut(&id))
        {
            disk.fail_flush_after(0);
            incarnation.may_fail = true;
        }
    }

    /// The end of the group; its journals stay.
    pub(super) fn kill_all(&mut self) {
        for (_, mut incarnation) in std::mem::take(&mut self.incarnations) {
            let _ = incarnation.child.kill();
            let _ = incarnation.child.wait();
        }
    }

    /// No flush of a living peer fails any more.
    pub(super) fn fail_no_flush(&self) {
        self.disks.values().for_each(|disk| _ = disk.fail_no_flush());
    }

    /// Copies what is on the disks to where the journals are, for whoever looks for the reason.
    pub(super) fn keep_disks(&mut self) {
        self.kill_all();
        for id in self.disks.keys() {
            let kept = self.dir.join(format!("peer{id}"));
            let _ = fs::create_dir_all(&kept);
            for entry in fs::read_dir(self.data(*id)).into_iter().flatten().flatten() {
                let _ = fs::copy(entry.path(), kept.join(entry.file_name()));
            }
        }
    }

    /// SIGSTOP and SIGCONT.
    pub(super) fn stop(&mut self, id: u16, stop: bool, by: &mut Signals) -> Result<(), String> {
        self.still_incarnations(id)?;
        if let Some(incarnation) = self.incarnations.get_mut(&id) {
            by.send(if stop { "STOP" } else { "CONT" }, incarnation.child.id())?;
            incarnation.stopped = stop;
        }
        Ok(())
    }

    /// Notices if a peer has ended by itself: only a disk that failed is a reason.
    pub(super) fn still_incarnations(&mut self, id: u16) -> Result<(), String> {
        let Some(incarnation) = self.incarnations.get_mut(&id) else { return Ok(()) };
        match incarnation.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) if incarnation.may_fail && status.code() == Some(2) => {
                self.incarnations.remove(&id);
                self.failed_flushes += 1;
                Ok(())
            }
            Ok(Some(status)) => {
                let words = fs::read_to_string(self.dir.join(format!("peer{id}.err")));
                let words = words.unwrap_or_default();
                let last = words.lines().last().unwrap_or("nothing").to_owned();
                Err(format!("peer{id} ended by itself ({status}) and said: {last}"))
            }
            Err(e) => Err(format!("peer{id}: {e}")),
        }
    }

    /// True if this peer's present incarnation knows the choice.
    pub(super) fn has_chosen(&self, id: u16) -> bool {
        let Some(incarnation) = self.incarnations.get(&id) else { return false };
        let read = || -> std::io::Result<String> {
            let mut file = File::open(self.trace(id))?;
            file.seek(SeekFrom::Start(incarnation.begins))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        // Before its first line there is no file.
        read().is_ok_and(|text| text.contains("\"action\":\"chose\""))
    }

    /// Leaves all peers alone until everyone has chosen. One whose flush failed just before comes
    /// back.
    pub(super) fn await_choice(&mut self, random: &mut Random) -> Result<(), String> {
        let begun = Instant::now();
        let mut left = self.ids.clone();
        loop {
            left.retain(|id| !self.has_chosen(*id));
            if left.is_empty() {
                return Ok(());
            }
            for id in self.ids.clone() {
                self.still_incarnations(id)?;
                if self.doing(id) == Doing::Dead {
                    self.start(id, random)?;
                }
            }
            if begun.elapsed() > DEADLINE {
                return Err(format!("left alone for {DEADLINE:?}, peers {left:?} never chose"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What nobody should ever have said, if somebody did.
    pub(super) fn alarm(&self) -> Result<(), String> {
        for id in &self.ids {
            let words = fs::read_to_string(self.dir.join(format!("peer{id}.err")));
            let words = words.unwrap_or_default();
            let bad = ["SAFETY", "panicked", "damaged"];
            let found = words.lines().find(|line| bad.iter().any(|bad| line.contains(bad)));
            if let Some(line) = found {
                return Err(format!("peer{id} said: {line}"));
            }
        }
        Ok(())
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// Free ports below those that `synod local` and the system take. `lane` of `lanes` keeps
/// groups that live at the same time apart.
pub(super) fn free_ports(count: usize, lane: usize, lanes: usize, random: &mut Random) -> Vec<u16> {
    let mut free = Vec::new();
    while free.len() < count {
        let port = 10_000 + random.below(10_000 / lanes) * lanes + lane;
        let port = u16::try_from(port).expect("below 20,000");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // Asked from outside: a listener of ours would be inherited by a process that another lane
        // starts at this moment, and live on until that one is another program.
        let taken = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        if !taken && !free.contains(&port) {
            free.push(port);
        }
    }
    free
}
