//! Real parts for tests: what is built, fetched and started. A tool box beside `tests/it/support`,
//! which starts what is ours.
#![expect(dead_code, reason = "a tool box: not every tool is in use at every time")]

pub mod cache;
pub mod command;
pub mod containerd;
pub mod crds;
pub mod debian;
pub mod go;
pub mod helm;
pub mod image;
pub mod kubernetes;
pub mod netns;
pub mod page;
pub mod process;
pub mod reader;
