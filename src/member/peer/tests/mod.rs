//! The group step by step, and over networks that are nothing but their seed.

mod alone;
mod bounds;
mod scripted;
mod seeds;
mod world;
