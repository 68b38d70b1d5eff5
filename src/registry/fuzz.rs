//! What must hold for anything that registries, token servers and `hosts.toml` files say.

mod answers;
mod manifest;

pub use super::hosts::fuzz::hosts_toml;
pub use answers::{challenge, token_answer};
pub use manifest::manifest;
