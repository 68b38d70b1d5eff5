//! The fronts: what each subcommand takes and does.

pub mod certs;
