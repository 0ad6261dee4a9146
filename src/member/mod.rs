//! Group membership: who is here, who leads, and everybody knows it.
//!
//! # The problem
//!
//! Peers come, crash and stall. All who are there should hold the same list of members, a **view**,
//! and see views change in the same order. A view has an id, and ids only grow.
//!
//! # The protocol
//!
//! The **leader** is the lowest live member of the view. It alone changes views, one change at a
//! time: it asks (`REQ`) all other members, each keeps the operation as *pending* and agrees
//! (`OK`), and then the leader installs the next view and sends it to all (`NEWVIEW`).
//!
//! * *Join.* A newcomer sends `JOIN` to the first line of the hostsfile, then to the others, who
//!   name the leader, again and again until it is in. The first line founds a view of its own, with
//!   the id 0, if nobody answers.
//! * *Failure.* Every member sends a `HEARTBEAT` to every other in each period T, as a datagram.
//!   One who was silent for more than 2 T is unreachable ([`detector`]); the leader removes it.
//! * *The leader is gone.* The lowest live member acts in its place. It asks all (`NEWLEADER`) for
//!   the newest view and for what is pending, finishes that, and then removes the dead leader, each
//!   with a view of its own. In the first of the two the dead leader is still a member, and the new
//!   one is named as the leader.
//!
//! A peer that was removed by mistake (it was paused) goes on sending heartbeats; each of those is
//! answered with the view, so it learns that it is out and joins again. One that was itself asked
//! to agree to its removal, and not because it was silent, stays out.
//!
//! # Two rules of agreement
//!
//! By default a change needs the `OK` of every member that the leader does not consider dead. That
//! is the original's rule, and it lets the last one of five go on alone. It is also its weakness:
//! of two halves that do not hear each other, each makes views of its own, with the same ids, and
//! they stay apart.
//!
//! With [`Setup::majority`] a change needs a majority of the view that it changes, and no two
//! different views ever have one id. Every view is then an instance of Paxos with its members as
//! the acceptors: a request's number is a ballot, `OK` an acceptance, `NEWLEADER` the first phase,
//! and *pending* the accepted value. The lowest member of a view is the only one who may use
//! ballots of round 0, so it needs no first phase. A peer that acts in its place begins above every
//! ballot it has seen, and takes over the pending operation with the highest ballot among a
//! majority.
//!
//! # Starting again
//!
//! An acceptor is only as good as its memory. So a member is not a peer but a peer in one
//! *incarnation* ([`Incarnation`]), whose number the view lists. By default, and without a data
//! directory, what a member agreed to is in the memory of its process: a process that starts again
//! is another member and must be let in. If a majority does so at once, nobody is left who could
//! let it in, and the group stalls.
//!
//! With majorities and a data directory the directory is the member ([`memory`]). It keeps the
//! incarnation, the last view and the promises in it, so any part of a group may start again, also
//! all of it, and a majority of the last view goes on from it. Nobody need be told: to the others
//! such a member was slow for a while. Why no two views get one id then:
//!
//! 1. *An acceptor keeps its word.* A promise or an agreement is durable before its answer leaves,
//!    and the record of a view before anything that is said in it. A process that starts again has
//!    every promise that anybody can have heard of, perhaps one more; to have promised more than
//!    was said is safe.
//! 2. *A view is entered once.* A member takes only a view whose id is above its recorded one. So
//!    it never comes back to a view with its promises in it forgotten. A view that removed it is
//!    recorded as well, so that an older one that still lists it is refused.
//! 3. *A number names one question.* A peer that asks promises its own number first, durably, and
//!    begins above that. Round 0 needs no first phase, so it is good for one question in the
//!    process that installed the view; one that starts again has no right to it.
//! 4. *Who lost its memory is another member.* A process without its directory draws a new
//!    incarnation. No view lists it, so it neither agrees nor asks until a view is made with it.
//!
//! With these four, each view's acceptors are those of Paxos in the crash-recovery model: two
//! majorities of a view share a member that remembers, so at most one operation is agreed to in it.
//! The next view follows from the operation alone, and so do its members, by induction from the
//! founder's view. That one is unique because a first line that remembers any view never founds.
//!
//! A member that goes on leads only after a first phase. It finishes what was pending, removes
//! those who do not come back, and lets in those who lost their memory. Others may have gone on
//! without it, in views with members whom it does not know; so a member that hears no majority of
//! its view asks everybody in the hostsfile.
//!
//! # Left out
//!
//! Halves that were apart are not joined again by the default rule (cure: `--majority`, where a
//! minority stalls instead). A first line that starts again without its record, while it is
//! cut off from everybody, founds anew (cure: `--data`). When a majority of the last view has lost
//! its memory, no view can follow (cure: start all of them anew, without their directories). Every
//! member sends to every member, so the datagrams grow with the square of the group: a ring or
//! gossip of heartbeats would grow with the group alone, and find a death later.

pub(crate) mod command;
pub mod detector;
pub mod diagram;
pub mod event;
mod join;
pub mod judge;
mod lead;
pub(crate) mod lines;
pub(crate) mod live;
pub mod memory;
pub mod message;
#[cfg(feature = "simulator")]
pub mod mutants;
pub mod peer;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod view;

pub use memory::Record;
pub use message::{Message, RequestId};
pub use peer::{Fact, Peer, Setup, Timer};
pub use view::{Incarnation, Operation, View};
