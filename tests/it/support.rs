//! The parts that tests run against: Debian's `docker-registry`, a registry that misbehaves on
//! purpose, a token server, certificates, and the built `pullcheck` binary as a child process.
//!
//! Nothing here knows the library: what is tested from here is the program. Two tools are shared
//! with its own tests; they are there because `src` must stand alone.
//!
//! Two kinds of case cannot be made from outside the program, because it takes no resolver from
//! its command line, and belong to the library's own tests with their injected one: certificate
//! faults under a name that is not localhost (for localhost containerd skips the check) and DNS
//! answers such as "no such host", a server failure or silence.
#![expect(dead_code, reason = "a tool box: not every tool is in use at every time")]

pub mod api_server;
pub mod check;
pub mod contract;
#[path = "../../src/providers/tests/executable.rs"]
pub mod executable;
pub mod http;
pub mod images;
pub mod manifests;
pub mod memory;
pub mod misbehaving;
pub mod plugins;
pub mod push;
pub mod real_registry;
pub mod reviewers;
pub mod reviews;
pub mod secrets;
pub mod server;
pub mod skip;
pub mod tls;
pub mod token_server;
#[path = "../../src/registry/tests/tree.rs"]
pub mod tree;
pub mod webhook;

pub(crate) use skip::skip;

use std::fmt::Write as _;

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
