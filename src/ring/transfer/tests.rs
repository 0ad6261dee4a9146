//! Both sides against each other, in virtual time, over a network that loses, repeats and reorders.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

use super::*;

/// A network between two ends: what is under way, each with its time.
struct Net {
    draws: Draws,
    loss: Chance,
    again: Chance,
    now: Duration,
    to_receiver: Vec<(Duration, u64, Vec<u8>)>,
    to_sender: Vec<(Duration, u64)>,
}

struct Outcome {
    file: Vec<u8>,
    /// How often each byte was written.
    written: Vec<u8>,
    sent: usize,
    dropped: usize,
    gave_up: bool,
}

impl Net {
    fn travel(&mut self) -> Option<Duration> {
        if self.draws.is_below(self.loss) {
            return None;
        }
        // Up to 64 ms, so that segments overtake each other.
        let mut ms = 1;
        for bit in [1, 2, 4, 8, 16, 32] {
            ms += if self.draws.is_below(Chance::of(0.5).unwrap()) { bit } else { 0 };
        }
        Some(self.now + Duration::from_millis(ms))
    }

    fn copies(&mut self) -> usize {
        if self.draws.is_below(self.again) { 2 } else { 1 }
    }
}

fn noise(size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at * 2_654_435_761) >> 7).to_le_bytes()[0]).collect()
}

/// Sends a file to its end, or until the sender gives up.
fn run(terms: Terms, size: usize, loss: f64, seed: u64) -> Outcome {
    let file = noise(size);
    let mut sender = Sender::new(terms, size as u64, Draws::new(seed));
    let mut receiver = Receiver::new(size as u64);
    let mut net = Net {
        draws: Draws::new(!seed),
        loss: Chance::of(loss).unwrap(),
        again: Chance::of(loss).unwrap(),
        now: Duration::ZERO,
        to_receiver: Vec::new(),
        to_sender: Vec::new(),
    };
    let mut outcome = Outcome {
        file: vec![0; size],
        written: vec![0; size],
        sent: 0,
        dropped: 0,
        gave_up: false,
    };
    let mut attempts = Vec::new();
    sender.go_on(net.now, &mut attempts);
    loop {
        for attempt in std::mem::take(&mut attempts) {
            match attempt {
                Transmission::Read { at, length } => {
                    let (at, end) = (at as usize, (at + length) as usize);
                    assert!(sender.feed(at as u64, &file[at..end]));
                }
                Transmission::Drop { .. } => outcome.dropped += 1,
                Transmission::Send { at, bytes, .. } => {
                    outcome.sent += 1;
                    for _ in 0..net.copies() {
                        if let Some(time) = net.travel() {
                            net.to_receiver.push((time, at, bytes.0.clone()));
                        }
                    }
                }
                Transmission::End => {
                    assert!(receiver.is_complete(), "all was acknowledged");
                    return outcome;
                }
            }
        }
        sender.go_on(net.now, &mut attempts);
        if !attempts.is_empty() {
            continue;
        }
        let times = net.to_receiver.iter().map(|entry| entry.0);
        let times = times.chain(net.to_sender.iter().map(|entry| entry.0));
        let first = times.chain(sender.deadline()).min();
        let Some(time) = first else { panic!("nothing will ever happen again") };
        net.now = time;
        if let Some(found) = net.to_receiver.iter().position(|entry| entry.0 == time) {
            let (_, at, bytes) = net.to_receiver.swap_remove(found);
            let arrival = receiver.take(at, bytes.len() as u64);
            assert_ne!(arrival, Arrival::Refused);
            if arrival == Arrival::New {
                let at = at as usize;
                outcome.file[at..at + bytes.len()].copy_from_slice(&bytes);
                outcome.written[at..at + bytes.len()].iter_mut().for_each(|count| *count += 1);
            }
            if let Some(time) = net.travel() {
                net.to_sender.push((time, at + bytes.len() as u64));
            }
        } else if let Some(found) = net.to_sender.iter().position(|entry| entry.0 == time) {
            let (_, end) = net.to_sender.swap_remove(found);
            sender.acknowledged(end);
            sender.go_on(net.now, &mut attempts);
        } else if !sender.expire(net.now, &mut attempts) {
            outcome.gave_up = true;
            return outcome;
        }
    }
}

fn terms(mss: u16, window: u16, drop: f64) -> Terms {
    Terms { mss, window, drop: Chance::of(drop).unwrap(), give_up: 1000 }
}

#[test]
fn every_size_arrives_as_it_is_whatever_the_segments_and_the_losses() {
    for mss in [1, 400, 1400, 60_000] {
        let one = usize::from(mss);
        let large = if mss == 1 { 500 } else { 10 << 20 };
        for size in [0, 1, one - 1, one, one + 1, large] {
            for drop in [0.0, 0.1, 0.5, 0.9] {
                for window in [1, 64] {
                    // A large file in small segments with many losses takes days of virtual time
                    // and minutes of ours.
                    let size = if drop > 0.1 { size.min(300 * one) } else { size };
                    let loss = drop / 3.0;
                    let outcome = run(terms(mss, window, drop), size, loss, size as u64 + 7);
                    let what = format!("mss {mss}, {size} bytes, drop {drop}, window {window}");
                    assert!(!outcome.gave_up && outcome.file == noise(size), "{what}");
                    assert!(outcome.written.iter().all(|count| *count == 1), "{what}");
                    let segments = size.div_ceil(one);
                    assert!(outcome.sent >= segments, "{what}");
                }
            }
        }
    }
}

#[test]
fn without_losses_each_segment_is_sent_once_and_with_them_the_share_is_right() {
    let outcome = run(terms(400, 1, 0.0), 400 * 1000, 0.0, 1);
    assert_eq!((outcome.sent, outcome.dropped), (1000, 0));
    let outcome = run(terms(400, 1, 0.3), 400 * 10_000, 0.0, 2);
    assert_eq!(outcome.sent, 10_000);
    let share = outcome.dropped as f64 / (outcome.sent + outcome.dropped) as f64;
    assert!((share - 0.3).abs() < 0.02, "{share}");
}

#[test]
fn with_a_probability_of_one_it_gives_up_and_nothing_was_sent() {
    let outcome = run(Terms { give_up: 60, ..terms(400, 1, 1.0) }, 1000, 0.0, 3);
    assert!(outcome.gave_up);
    assert_eq!((outcome.sent, outcome.dropped), (0, 60));
}

#[test]
fn a_retransmission_comes_no_sooner_than_the_time_out() {
    let mut sender = Sender::new(terms(10, 1, 0.0), 10, Draws::new(0));
    let mut out = Vec::new();
    sender.go_on(Duration::ZERO, &mut out);
    assert_eq!(out, [Transmission::Read { at: 0, length: 10 }]);
    assert!(sender.feed(0, &[7; 10]) && !sender.feed(0, &[7; 10]));
    out.clear();
    sender.go_on(Duration::from_millis(5), &mut out);
    let (at, bytes) = (0, Payload(vec![7; 10]));
    assert_eq!(out, [Transmission::Send { at, bytes: bytes.clone(), again: false }]);
    out.clear();
    assert!(sender.expire(Duration::from_micros(1_004_999), &mut out));
    assert_eq!(out, []);
    assert_eq!(sender.deadline(), Some(Duration::from_millis(1005)));
    assert!(sender.expire(Duration::from_millis(1005), &mut out));
    assert_eq!(out, [Transmission::Send { at, bytes, again: true }]);
    assert!(!sender.acknowledged(9) && sender.acknowledged(10) && !sender.acknowledged(10));
}

#[test]
fn what_is_no_segment_of_the_file_is_refused() {
    let mut receiver = Receiver::new(100);
    for (at, length, arrival) in [
        (10, 10, Arrival::New),
        (10, 10, Arrival::Again),
        (15, 10, Arrival::Refused),
        (5, 10, Arrival::Refused),
        (5, 20, Arrival::Refused),
        (95, 6, Arrival::Refused),
        (0, 0, Arrival::Refused),
        (u64::MAX, 2, Arrival::Refused),
        (0, 10, Arrival::New),
        (0, 10, Arrival::Again),
        (0, 20, Arrival::Again),
        (19, 2, Arrival::Refused),
        (20, 80, Arrival::New),
    ] {
        assert_eq!(receiver.take(at, length), arrival, "{at} {length}");
    }
    assert!(receiver.is_complete());
    assert!(Receiver::new(0).is_complete());
}
