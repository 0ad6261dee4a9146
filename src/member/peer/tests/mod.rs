//! The group step by step, and over networks that are nothing but their seed.

mod alone;
mod bounds;
mod restarts;
mod scripted;
mod seeds;
mod world;
