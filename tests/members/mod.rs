//! Members of one group, as real processes: when they agree.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Program, until};

/// Waits until the last view of each of these is of these and no others; its id.
pub(crate) fn agree(peers: &BTreeMap<u16, Program>, ids: &[u16]) -> u64 {
    let list: Vec<String> = ids.iter().map(u16::to_string).collect();
    let want = format!("leader: {}, memb_list: [{}]}}", ids[0], list.join(","));
    let begun = Instant::now();
    until(&want, || {
        if begun.elapsed() + Duration::from_secs(1) > PATIENCE {
            let said: Vec<_> = peers.values().map(Program::err).collect();
            panic!("{want} never came: {said:#?}");
        }
        let mut views = ids.iter().map(|id| {
            let lines = peers[id].err();
            let line = lines.iter().rev().find(|line| line.contains("memb_list"))?;
            let id = line.split("view_id: ").nth(1)?.split(',').next()?.parse::<u64>().ok()?;
            line.ends_with(&want).then_some(id)
        });
        let first = views.next().flatten()?;
        views.all(|id| id == Some(first)).then_some(first)
    })
}
