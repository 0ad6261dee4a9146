//! The group step by step, and over networks that are nothing but their seed.

mod scripted;
mod seeds;
mod world;
