//! Many runs.

use super::world::{T, World};
use crate::member::Fact;

/// The first line crashes behind each of its sends in turn, while two peers join and one dies. With
/// the next one in its place the group must go on, and never say two things under one id.
#[test]
fn a_leader_may_crash_between_any_two_sends() {
    for majority in [false, true] {
        let mut crashed = 0;
        for sends in 0..150 {
            let mut world = World::new(sends, 6);
            world.majority = majority;
            for at in 1..=4 {
                world.start(at);
                world.run(2 * T);
            }
            world.crash_in(1, sends);
            world.start(5);
            world.run(T / 2);
            world.start(6);
            world.run(3 * T);
            world.run(8 * T);
            crashed += usize::from(!world.is_up(1));
            let up: Vec<u16> = (1..=6).filter(|at| world.is_up(*at)).collect();
            world.until_agreed(&up, 10 * T);
        }
        assert!(crashed > 70, "{crashed} crashes");
    }
}

/// Any one member crashes at any moment, also a leader that acts for another; and all recover
/// before the next one does. Datagrams get lost. This is what the original promises.
#[test]
fn one_crash_at_a_time_leaves_one_group() {
    for seed in 0..400 {
        let mut world = World::new(seed, 5);
        world.datagram_loss = 1;
        let mut all = world.gather();
        for _ in 0..4 {
            let index = usize::try_from(world.below(all.len() as u64)).expect("few");
            let victim = all[index];
            let sends = world.below(30);
            world.crash_in(victim, sends);
            world.run(8 * T);
            if world.is_up(victim) {
                world.crash(victim);
            }
            all.remove(index);
            world.until_agreed(&all, 20 * T);
            if world.below(2) == 0 {
                world.start(victim);
                all.push(victim);
                all.sort_unstable();
                world.until_agreed(&all, 20 * T);
            }
        }
    }
}

/// Everything goes wrong at once. With majorities no two views share an id, ever; and when nothing
/// goes wrong any more and all are back, all are in one group again, unless some have lost their
/// memory.
#[test]
fn with_majorities_no_two_views_share_an_id_whatever_happens() {
    let (mut views, mut crashes, mut removed, mut lost) = (0, 0, 0, 0);
    for seed in 0..600 {
        let size = 3 + u16::try_from(seed % 3).expect("small");
        let mut world = World::new(seed, size);
        world.majority = true;
        if seed % 2 == 0 {
            world.gather();
        } else {
            (1..=size).for_each(|at| world.start(at));
            world.run(T);
        }
        let (may_crash, may_lose) = (seed % 4 < 2, seed % 8 < 2);
        world.datagram_loss = 20;
        world.stream_loss = 10;
        world.delay = 1 + world.below(T);
        for _ in 0..25 {
            let at = 1 + u16::try_from(world.below(u64::from(size))).expect("small");
            let other = 1 + u16::try_from(world.below(u64::from(size))).expect("small");
            match world.below(6) {
                0 => {
                    let ms = world.below(6 * T);
                    world.pause(at, ms);
                }
                1 => world.cut.extend([(at, other), (other, at)]),
                2 => _ = world.cut.insert((at, other)),
                3 => world.cut.clear(),
                4 if may_crash && world.is_up(at) => {
                    crashes += 1;
                    let sends = world.below(20);
                    world.crash_in(at, sends);
                }
                _ => {
                    for at in 1..=size {
                        // Without its memory, a first line would found a group of its own.
                        if !world.is_up(at) && may_lose && at > 1 && world.below(3) == 0 {
                            world.lose(at);
                            lost += 1;
                        }
                        world.endure(at);
                    }
                }
            }
            let ms = world.below(4 * T);
            world.run(ms);
        }
        world.cut.clear();
        (world.datagram_loss, world.stream_loss, world.delay) = (0, 0, 5);
        let all: Vec<u16> = (1..=size).collect();
        for at in &all {
            world.endure(*at);
        }
        if may_lose {
            world.run(20 * T);
        } else {
            world.until_agreed(&all, 60 * T);
        }
        views += world.views.len();
        removed += world.said.iter().filter(|said| matches!(said.2, Fact::Removed { .. })).count();
    }
    assert!(views > 3_000 && crashes > 300 && removed > 100, "{views} {crashes} {removed}");
    assert!(lost > 50, "{lost}");
}
