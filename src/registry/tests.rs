//! The client against servers that behave, and servers that do not.

mod absence;
mod breaker;
mod debug;
mod depth;
mod doors;
mod entries;
mod fake;
mod limits;
mod login;
mod memory;
mod mirrors;
mod network;
mod presence;
mod redirects;
mod refusal;
mod sharing;
mod shelf;
mod slow;
mod strangers;
pub(super) mod tree;
mod way_in;
mod world;
