//! What of a run of Paxos one may choose, and what a seed draws beside the run itself.

use std::fmt::{self, Display};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::casts::{self, Cast};
use crate::command::args;
use crate::error::Result;
use crate::process::PeerId;
use crate::sim::harness::Parameters;

/// What of a run of Paxos one may choose.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PaxosParameters {
    /// How many of the peers propose.
    #[serde(default)]
    proposers: Option<u16>,
    /// Those of this many peers and proposers.
    #[serde(skip)]
    pub(super) casts: Arc<Vec<Arc<Cast>>>,
    #[serde(skip)]
    pub(super) site: Option<Arc<Site>>,
}

/// Where the peers of a run stand, if that is not drawn.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// As [`RunConfig::distances`](crate::sim::RunConfig::distances).
    pub distances: Vec<u64>,
    /// Who never starts.
    pub absent: Vec<PeerId>,
}

impl PaxosParameters {
    /// This many proposers.
    pub fn new(proposers: u16) -> Self {
        Self { proposers: Some(proposers), ..Self::default() }
    }

    /// Always this cast, at this site.
    pub fn at(cast: Cast, site: Site) -> Self {
        let proposers = u16::try_from(cast.roles.proposers.len()).ok();
        Self { proposers, casts: Arc::new(vec![Arc::new(cast)]), site: Some(Arc::new(site)) }
    }

    /// The cast of a plan.
    pub fn cast(&self, plan: &PaxosPlan) -> &Arc<Cast> {
        &self.casts[plan.cast]
    }

    /// How many casts there are.
    pub fn casts(&self) -> usize {
        self.casts.len()
    }
}

impl Display for PaxosParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proposers.map_or(Ok(()), |proposers| write!(f, " --proposers {proposers}"))
    }
}

impl Parameters for PaxosParameters {
    fn take(&mut self, flag: &str, parser: &mut lexopt::Parser) -> Result<bool> {
        if flag == "--proposers" {
            self.proposers = Some(args::number(flag, parser.value()?)?);
        }
        Ok(flag == "--proposers")
    }

    fn settle(&mut self, peers: u16) -> std::result::Result<(), String> {
        let proposers = *self.proposers.get_or_insert(peers.min(2));
        if !(1..=peers).contains(&proposers) {
            return Err(format!(
                "--proposers: {peers} peers and {proposers} proposers do not go together"
            ));
        }
        self.casts = Arc::new(casts::casts(peers, proposers).into_iter().map(Arc::new).collect());
        Ok(())
    }

    fn smaller(&self, peers: u16) -> Vec<(u16, Self)> {
        let most = self.proposers.unwrap_or(peers);
        let shapes = (2..=peers).flat_map(|n| (1..=n.min(most)).map(move |k| (n, k)));
        let of = |(peers, proposers)| {
            let mut smaller = Self::new(proposers);
            smaller.settle(peers).ok().map(|()| (peers, smaller))
        };
        shapes.filter_map(of).collect()
    }
}

/// What a seed draws beside the run itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaxosPlan {
    /// Which of the casts.
    pub cast: usize,
    /// Who never starts. In a schedule nobody starts unless it says so.
    #[serde(skip)]
    pub absent: Option<PeerId>,
}
