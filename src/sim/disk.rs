//! The two ends that a process can come to, and how it begins again: what becomes of its records.

use super::host::id;
use super::log::Log;
use super::queue::Event;
use super::script::{Cause, What};
use super::world::World;
use super::{DiskModel, RunObserver};
use crate::process::Process;

impl<P: Process, O: RunObserver<P>> World<'_, P, O> {
    /// Appends a record. The first that waits starts a flush, which serves all that come until it
    /// ends; a flush that takes no time has ended.
    pub(super) fn append(&mut self, at: usize, record: P::Record) {
        if self.disk == DiskModel::NeverFlushed {
            return self.hosts[at].log.cached.push_back(record);
        }
        let is_first = !self.hosts[at].log.is_waiting();
        self.hosts[at].log.waiting.push_back(record);
        if is_first {
            let time = self.flush_lasts();
            if time == 0 {
                return self.flush(at, usize::MAX);
            }
            let incarnation = self.hosts[at].incarnation;
            self.queue.put(self.now + time, Event::Flushed { at, incarnation });
        }
    }

    /// A flush is through: of an incarnation that begins, or of records of one that goes on.
    pub(super) fn flushed(&mut self, at: usize) {
        if self.hosts[at].is_booting {
            return self.booted(at);
        }
        self.note(at, || What::Flushed);
        self.flush(at, usize::MAX);
        let crash_after = self.crash_after(at, &[], self.hosts[at].outputs.len() + 1);
        for _ in 0..crash_after.unwrap_or(u32::MAX) {
            let Some(output) = self.hosts[at].outputs.pop_front() else { break };
            self.leave(at, output);
        }
        if let Some(after) = crash_after {
            let unfinished = !self.hosts[at].outputs.is_empty();
            self.crash(at, unfinished.then_some(after));
        }
    }

    /// Makes the first `count` of the records durable that are not: those of earlier incarnations
    /// first, since they stand in the same file.
    pub(super) fn flush(&mut self, at: usize, count: usize) {
        for _ in 0..count {
            let Some(record) = self.hosts[at].log.flush_next() else { return };
            self.observer.durable(self.now, id(at), record);
        }
    }

    /// Ends the process, `after` some effects of an unfinished step or between two.
    pub(super) fn crash(&mut self, at: usize, after: Option<u32>) {
        let (cause, kept) = self.ending(at);
        self.note_crash(at, after, cause, kept);
        self.counts.crashes += 1;
        self.counts.records_lost += (self.hosts[at].log.at_stake(cause) - kept) as u64;
        match cause {
            Cause::Kill => self.hosts[at].log.kill(kept),
            Cause::PowerLoss => {
                self.counts.power_losses += 1;
                self.flush(at, kept);
                self.hosts[at].log.lose_cache();
            }
        }
        let host = &mut self.hosts[at];
        host.incarnation += 1;
        host.steps = 0;
        host.is_proceeding = false;
        // An incarnation that was never heard has nothing to unplug, and nobody to miss it.
        let unheard = std::mem::take(&mut host.is_booting);
        self.counts.unheard += u64::from(unheard);
        let returns = unheard || {
            host.outputs.clear();
            host.timers.clear();
            host.process = None;
            self.unplug(at);
            self.observer.crashed(self.now, id(at))
        };
        if returns {
            let time = self.now + self.prng.within(self.faults.restart);
            self.queue.put(time, Event::Boot { at });
        }
    }

    /// Begins an incarnation: what it reads, it first makes durable.
    pub(super) fn boot(&mut self, at: usize) {
        self.note(at, || What::Start);
        let time = if self.disk == DiskModel::Sound { self.boot_lasts() } else { 0 };
        if time == 0 {
            return self.begin(at);
        }
        let host = &mut self.hosts[at];
        host.is_booting = true;
        let incarnation = host.incarnation;
        self.queue.put(self.now + time, Event::Flushed { at, incarnation });
    }

    /// The first flush of an incarnation is through, unless the incarnation ended before.
    fn booted(&mut self, at: usize) {
        if self.dies_unheard(at) {
            return self.crash(at, None);
        }
        self.note(at, || What::Flushed);
        self.hosts[at].is_booting = false;
        self.begin(at);
    }

    /// The process has its records back, starts, and can be heard.
    fn begin(&mut self, at: usize) {
        match self.disk {
            DiskModel::None => self.hosts[at].log = Log::new(),
            // Safety: nothing that this incarnation could answer from is in the cache only.
            DiskModel::Sound => self.flush(at, usize::MAX),
            DiskModel::CacheTrusted | DiskModel::NeverFlushed => {}
        }
        self.hosts[at].starts += 1;
        let mut process = (self.build)(id(at), self.hosts[at].starts);
        let log = &mut self.hosts[at].log;
        for record in log.readable() {
            process.restore(record.clone());
        }
        if self.disk == DiskModel::Sound {
            // The new file holds the snapshot, and later incarnations read nothing else.
            log.durable = process.snapshot();
        }
        self.observer.started(self.now, id(at), &process);
        self.hosts[at].process = Some(process);
        self.plug(at);
        self.step(at, Process::start);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Faults, RunConfig, ScriptStep};
    use super::*;
    use crate::process::{Effect, Effects, NoInput, Output, PeerId};

    /// Writes a number down and says it, each time that it hears of a link.
    #[derive(Clone, Debug)]
    struct Toy(u32);

    impl Process for Toy {
        const PROTOCOL: &'static str = "toy/1";
        type Message = ();
        type Record = u32;
        type Timer = ();
        type Fact = u32;
        type Input = NoInput;

        fn restore(&mut self, record: u32) {
            assert!(record > self.0, "{record} is restored after {}", self.0);
            self.0 = record;
        }

        fn snapshot(&self) -> Vec<u32> {
            if self.0 > 0 { vec![self.0] } else { Vec::new() }
        }

        fn start(&mut self, out: &mut Effects<Self>) {
            out.push(Effect::Report(self.0));
        }

        fn connected(&mut self, _peer: PeerId, out: &mut Effects<Self>) {
            self.0 += 1;
            out.extend([Effect::Persist(self.0), Effect::Report(self.0)]);
        }

        fn receive(&mut self, _from: PeerId, (): (), _out: &mut Effects<Self>) {}

        fn timeout(&mut self, (): (), _out: &mut Effects<Self>) {}

        fn objection(&self, _from: PeerId, (): &()) -> Option<String> {
            None
        }
    }

    /// What becomes durable and what is said, of peer 1.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl RunObserver<Toy> for Notes {
        fn started(&mut self, _now: u64, _peer: PeerId, _process: &Toy) {}

        fn durable(&mut self, _now: u64, _peer: PeerId, record: &u32) {
            self.0.push(format!("durable {record}"));
        }

        fn observe(&mut self, _now: u64, peer: PeerId, seen: &Output<Toy>) {
            if let (Output::Report(fact), PeerId(1)) = (seen, peer) {
                self.0.push(format!("says {fact}"));
            }
        }

        fn stepped(&mut self, _now: u64, _peer: PeerId, _process: &Toy) {}
        fn refused(&mut self, _now: u64, _peer: PeerId, _from: PeerId, _why: String) {}
        fn healed(&mut self, _now: u64) {}

        fn failed(&self) -> bool {
            false
        }

        fn reached(&self) -> bool {
            false
        }
    }

    /// What peer 1 makes durable and says in these steps, a letter each:
    ///
    /// * `s` a start that takes no time, `S` one that waits for its flush;
    /// * `n` a number that is flushed in no time, `N` one that waits; `f` the flush is through;
    /// * `k` a kill before anything was written, `K` after everything was;
    /// * `p` a power loss that takes the whole cache, `P` one that takes nothing.
    fn told(disk: DiskModel, steps: &str) -> String {
        let (one, other) = (PeerId(1), PeerId(2));
        let config = RunConfig {
            peers: 2,
            links: vec![(one, other)].into(),
            faults: &Faults::none(),
            time_limit: 0,
            distances: &[],
            absent: &[],
            addresses: None,
            disk,
        };
        let step = |letter: char| {
            let all = u32::from(letter.is_uppercase()) * 9;
            let event = match letter.to_ascii_lowercase() {
                's' => What::Start,
                'n' => What::Connected(other),
                'f' => What::Flushed,
                'k' => What::Crash { kept: all, cause: Cause::Kill },
                _ => What::Crash { kept: all, cause: Cause::PowerLoss },
            };
            let waits_from = match letter {
                'S' => Some(0),
                'N' => Some(1),
                _ => None,
            };
            ScriptStep { waits_from, ..ScriptStep::new(one, event) }
        };
        let mut world = World::scripted(&config, &|_, _| Toy(0), Notes::default(), None);
        world.keep_script();
        let mut script = vec![ScriptStep::new(other, What::Start)];
        script.extend(steps.chars().map(step));
        world.follow(&script, false);
        // All of them are performed, and as they stand.
        let performed = world.take_script().unwrap();
        assert_eq!(performed.len(), script.len(), "{steps}: {performed:?}");
        world.observer.0.retain(|line| line != "says 0");
        world.observer.0.join(", ")
    }

    #[test]
    fn an_incarnation_is_heard_when_what_it_restored_is_durable() {
        for (steps, says) in [
            ("snN", "durable 1, says 1"),
            ("snNf", "durable 1, says 1, durable 2, says 2"),
            // A kill leaves what was written, and that is not durable before the next incarnation
            // is.
            ("sNK", ""),
            ("sNks", ""),
            ("sNKS", ""),
            ("sNKSf", "durable 1, says 1"),
            ("sNKs", "durable 1, says 1"),
            // A second incarnation that ends before its first flush: nobody has heard anything.
            ("sNKSps", ""),
            ("sNKSPs", "durable 1, says 1"),
            ("sNKSkSKSf", "durable 1, says 1"),
            ("sNKSkSps", ""),
            // What was durable survives everything.
            ("snNps", "durable 1, says 1, says 1"),
            ("snNKSpSkSf", "durable 1, says 1, says 1"),
            ("snkSfpSfn", "durable 1, says 1, says 1, says 1, durable 2, says 2"),
        ] {
            assert_eq!(told(DiskModel::Sound, steps), says, "{steps}");
        }
    }

    #[test]
    fn a_driver_that_trusts_the_cache_says_what_the_power_takes_back() {
        for (steps, says) in [
            ("sNKs", "says 1"),
            ("sNKsps", "says 1"),
            ("sNKskskSps", "says 1, says 1, says 1"),
            ("sNKsnps", "says 1, durable 1, durable 2, says 2, says 2"),
        ] {
            assert_eq!(told(DiskModel::CacheTrusted, steps), says, "{steps}");
        }
        assert_eq!(told(DiskModel::NeverFlushed, "snnksps"), "says 1, says 2, says 2");
        assert_eq!(told(DiskModel::NeverFlushed, "snPs"), "says 1, durable 1, says 1");
        let again = "durable 1, says 1, durable 2, says 2, durable 1, says 1";
        assert_eq!(told(DiskModel::None, "snNfKsn"), again);
    }
}
