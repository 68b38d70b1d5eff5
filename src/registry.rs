//! The pull protocol as a node speaks it.
