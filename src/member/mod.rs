//! Group membership: who is here, who leads, and everybody knows it.
//!
//! # The problem
//!
//! Peers come, crash and stall. All who are there should hold the same list of members, a **view**,
//! and see views change in the same order. A view has an id, and ids only grow.
//!
//! # The protocol
//!
//! The **leader** is the lowest member of the view. It alone changes views, one change at a time:
//! it asks (`REQ`) all other members, each keeps the operation as *pending* and agrees (`OK`), and
//! then the leader installs the next view and sends it to all (`NEWVIEW`).
//!
//! * *Join.* A newcomer sends `JOIN` to the first line of the hostsfile, then to the others, who
//!   name the leader, again and again until it is in. The first line founds a view of its own, with
//!   the id 0, if nobody answers.
//! * *Failure.* Every member sends a `HEARTBEAT` to every other in each period T, as a datagram.
//!   One who was silent for more than 2 T is unreachable ([`detector`]); the leader removes it.
//! * *The leader is gone.* The lowest live member acts in its place. It asks all (`NEWLEADER`) for
//!   the newest view and for what is pending, finishes that, and then removes the dead leader, each
//!   with a view of its own. (In the first of the two the dead leader is still a member, so its id
//!   stands there as the leader's.)
//!
//! Whoever was removed by mistake (it was paused) goes on sending heartbeats; each of those is
//! answered with the view, so it learns that it is out and joins again. Whoever was itself asked to
//! agree to its removal, and not because it was silent, stays out.
//!
//! # Two rules of agreement
//!
//! By default a change needs the `OK` of every member that the leader does not hold for dead. That
//! is the original's rule, and it lets the last one of five go on alone. It is also its weakness:
//! of two halves that do not hear each other, each makes views of its own, with the same ids, and
//! they stay apart.
//!
//! With [`Setup::majority`] a change needs a majority of the view that it changes, and no two
//! different views ever have one id. Every view is then an instance of Paxos with its members as
//! the acceptors: a request's number is a ballot, `OK` an acceptance, `NEWLEADER` the first phase,
//! and *pending* the accepted value. The leader of a view is the only one who may use ballots of
//! round 0, so it needs no first phase. Whoever acts in its place begins above every ballot it has
//! seen, and takes over the pending operation with the highest ballot among a majority. An
//! acceptor's promises live in memory: so a process that starts again is *not* the member it was.
//! Every life has a number, the view lists it, and the new life must join ([`view`]). What a
//! founder must remember, it writes down ([`peer::Record`]).
//!
//! # Left out
//!
//! Halves that were apart are not joined again by the default rule (cure: `--majority`, where a
//! minority stands still instead). A first line that starts again without its record, while it is
//! cut off from everybody, founds anew (cure: `--data`). Every member sends to every member, so the
//! datagrams grow with the square of the group: a ring or gossip of heartbeats would grow with the
//! group alone, and find a death later.

pub mod detector;
mod join;
mod lead;
pub mod memory;
pub mod message;
pub mod peer;
pub mod view;

pub use memory::Record;
pub use message::{Message, Operation, RequestId};
pub use peer::{Fact, Peer, Setup, Timer};
pub use view::{Life, View};
