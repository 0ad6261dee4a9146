//! The peer alone.
