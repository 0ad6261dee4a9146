//! What goes wrong in a run, and how often.
//!
//! All times are microseconds of the virtual clock; all chances are parts of a million. Every kind
//! of fault has a name, so that a failing run can be repeated without it ([`Faults::without`]).

/// A range of virtual time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub least: u64,
    /// The longest.
    pub most: u64,
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self { least: 0, most: 0 };

    /// From `least` to `most` microseconds.
    pub const fn us(least: u64, most: u64) -> Self {
        Self { least, most }
    }

    /// From `least` to `most` milliseconds.
    pub const fn ms(least: u64, most: u64) -> Self {
        Self { least: least * 1000, most: most * 1000 }
    }
}

/// A kind of trouble that comes and goes: how often, and for how long. Zero means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEpisode {
    /// From one to the next.
    pub every: Span,
    /// How long each lasts.
    pub lasts: Span,
}

impl FaultEpisode {
    /// It never comes.
    pub const NEVER: Self = Self { every: Span::ZERO, lasts: Span::ZERO };

    /// True if it ever comes.
    pub fn comes(&self) -> bool {
        self.every.most > 0
    }
}

/// All that can go wrong. The fault phase of a run has all of it, the second only the delays.
/// Without a fault phase the second has all of it, forever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// How long the fault phase lasts; zero leaves it out, and then nothing is ever healed.
    pub fault_phase: Span,
    /// How long a message travels.
    pub delay: Span,
    /// When a peer begins.
    pub boot: Span,
    /// A sent message never arrives.
    pub loss: u32,
    /// A second copy arrives, some time later.
    pub duplication: u32,
    /// A message is overtaken by later ones, and survives the end of its connection.
    pub reordering: u32,
    /// Only datagrams are lost, repeated and overtaken. What a wire takes arrives once and in
    /// order, unless the wire is cut or an end of it dies: the contract to the letter.
    pub streams_hold: bool,
    /// How long copies and overtaken messages travel.
    pub late: Span,
    /// The peers fall into two halves that do not hear each other.
    pub partition: FaultEpisode,
    /// One direction between two peers is cut.
    pub one_way: FaultEpisode,
    /// A peer is paused, and then goes on as if nothing had been.
    pub pause: FaultEpisode,
    /// At a step, a peer crashes after some of the effects and before the rest. An incarnation can
    /// also end before its first flush is through. Soon after a crash the chance of another is
    /// greater.
    pub crash: u32,
    /// A crash is a power loss: of the records that no flush has served, some first ones have
    /// reached the disk, and the rest is gone. Any other is a kill: of the records that waited for
    /// a flush some first ones were written, and the next incarnation reads those and all that
    /// earlier kills have left; none of them is durable yet.
    pub power_loss: u32,
    /// How long a crashed peer stays away.
    pub restart: Span,
    /// How long a flush takes, also the first one of an incarnation.
    pub flush: Span,
    /// How long the process's own thread takes until it runs: a step that is due comes so much
    /// later, and other events may come before it.
    pub hand_over: Span,
    /// The clock of every peer runs wrong by up to this part of a million.
    pub drift: u32,
    /// The whole run is slow: all times but those of the protocol are [`SLOW`] times as long, so
    /// that its time-outs come into play.
    pub slow: u32,
}

/// How much longer everything takes in a slow run.
pub const SLOW: u64 = 20;

/// A kind of fault that can be left out of a preset.
struct Kind {
    name: &'static str,
    remove: fn(&mut Faults),
}

const KINDS: &[Kind] = &[
    Kind { name: "loss", remove: |f| f.loss = 0 },
    Kind { name: "duplication", remove: |f| f.duplication = 0 },
    Kind { name: "reordering", remove: |f| f.reordering = 0 },
    Kind { name: "partition", remove: |f| f.partition = FaultEpisode::NEVER },
    Kind { name: "one-way", remove: |f| f.one_way = FaultEpisode::NEVER },
    Kind { name: "pause", remove: |f| f.pause = FaultEpisode::NEVER },
    Kind { name: "crash", remove: |f| f.crash = 0 },
    Kind { name: "power-loss", remove: |f| f.power_loss = 0 },
    Kind { name: "flush", remove: |f| f.flush = Span::ZERO },
    Kind { name: "hand-over", remove: |f| f.hand_over = Span::ZERO },
    Kind { name: "drift", remove: |f| f.drift = 0 },
    Kind { name: "slow", remove: |f| f.slow = 0 },
];

impl Faults {
    /// Nothing goes wrong: messages only take a while.
    pub fn none() -> Self {
        Self {
            fault_phase: Span::ZERO,
            delay: Span::us(100, 2_000),
            boot: Span::us(0, 1_000),
            loss: 0,
            duplication: 0,
            reordering: 0,
            streams_hold: false,
            late: Span::ms(1, 30),
            partition: FaultEpisode::NEVER,
            one_way: FaultEpisode::NEVER,
            pause: FaultEpisode::NEVER,
            crash: 0,
            power_loss: 0,
            restart: Span::ms(1, 30),
            flush: Span::ZERO,
            hand_over: Span::ZERO,
            drift: 0,
            slow: 0,
        }
    }

    /// A network and machines on a bad day.
    pub fn light() -> Self {
        Self {
            fault_phase: Span::ms(20, 80),
            loss: 10_000,
            duplication: 10_000,
            reordering: 10_000,
            one_way: FaultEpisode { every: Span::ms(5, 100), lasts: Span::ms(1, 20) },
            pause: FaultEpisode { every: Span::ms(5, 100), lasts: Span::ms(1, 20) },
            crash: 3_000,
            power_loss: 500_000,
            flush: Span::us(0, 500),
            hand_over: Span::us(0, 200),
            drift: 10_000,
            slow: 60_000,
            ..Self::none()
        }
    }

    /// Everything at once, all the time.
    pub fn heavy() -> Self {
        Self {
            fault_phase: Span::ms(20, 120),
            loss: 60_000,
            duplication: 50_000,
            reordering: 100_000,
            partition: FaultEpisode { every: Span::ms(5, 60), lasts: Span::ms(1, 30) },
            one_way: FaultEpisode { every: Span::ms(3, 40), lasts: Span::ms(1, 20) },
            pause: FaultEpisode { every: Span::ms(3, 60), lasts: Span::ms(1, 30) },
            crash: 20_000,
            power_loss: 500_000,
            flush: Span::us(0, 1_500),
            hand_over: Span::us(0, 3_000),
            drift: 200_000,
            slow: 125_000,
            ..Self::none()
        }
    }

    /// Nothing goes wrong, but a round trip takes 3 s and every flush 5 s.
    pub fn slow() -> Self {
        Self {
            delay: Span::ms(1_500, 1_500),
            boot: Span::ms(0, 3_000),
            flush: Span::ms(5_000, 5_000),
            ..Self::none()
        }
    }

    /// The names that [`Faults::without`] knows.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.name)
    }

    /// Leaves one kind of fault out. False if there is no such kind.
    pub fn without(&mut self, name: &str) -> bool {
        let kind = KINDS.iter().find(|kind| kind.name == name);
        if let Some(kind) = kind {
            (kind.remove)(self);
        }
        kind.is_some()
    }

    /// Makes all times [`SLOW`] times as long.
    pub(super) fn stretch(&mut self) {
        let episodes = [&mut self.partition, &mut self.one_way, &mut self.pause];
        let of_episodes =
            episodes.into_iter().flat_map(|episode| [&mut episode.every, &mut episode.lasts]);
        let others = [
            &mut self.fault_phase,
            &mut self.delay,
            &mut self.boot,
            &mut self.late,
            &mut self.restart,
            &mut self.flush,
            &mut self.hand_over,
        ];
        for span in of_episodes.chain(others) {
            *span = Span { least: span.least * SLOW, most: span.most * SLOW };
        }
    }

    /// The recovery phase: nothing goes wrong any more, and delays and clocks are as they were.
    pub(super) fn heal(&mut self) {
        for kind in
            KINDS.iter().filter(|kind| !["flush", "hand-over", "drift"].contains(&kind.name))
        {
            (kind.remove)(self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_left_out_and_then_nothing_is_left() {
        let mut faults = Faults::heavy();
        for name in Faults::kinds() {
            let before = faults.clone();
            assert!(faults.without(name) && faults != before, "{name} was in the preset");
        }
        let fault_phase = faults.fault_phase;
        assert_eq!(faults, Faults { fault_phase, ..Faults::none() });
        assert!(!faults.without("meteor"));
    }
}
