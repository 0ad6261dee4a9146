//! Peers step by step.
