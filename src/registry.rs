//! The pull protocol as a node speaks it: whether a registry would hand an image out.
//!
//! Every answer is an [`Outcome`], a registry's "no" and our own failures
//! alike. What is never here: whether an answer is good news, what to do about it, how long to
//! keep it, Kubernetes.
//!
//! ```text
//! client     one lookup: what is remembered, the total limit
//!   walk       one host after another                  hosts
//!   lookup     HEAD, then GET, then what is missing      absent, manifest
//!   entry      an index's entry: GET
//!   content    after one image's manifest: config, layers memory
//!   breaker    whether a host may be asked now
//!   session    asking one registry, logging in when asked to
//!   auth       tokens: one request for all who want the same, login budgets
//!   transport  one HTTP exchange, redirects               failure
//!   connect    name, address rule, TCP, proxy, TLS
//! ```

mod absent;
mod address;
mod auth;
mod breaker;
mod budget;
mod challenge;
mod client;
mod config;
mod connect;
mod content;
mod crew;
mod dns;
mod entry;
mod fair;
mod form;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hosts;
mod identity;
mod lookup;
mod manifest;
mod memory;
mod progress;
mod quota;
mod realm;
mod retry_after;
mod scheme;
mod session;
mod spec_error;
mod standing;
mod tags;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod transport;
mod trouble;
mod walk;
mod way_in;
mod who;

pub use address::{AddressRule, Reserved};
pub use client::{Lookup, RegistryClient};
pub use config::{BuildError, ClientConfig, Limits, ProxyRule};
pub use dns::{FixedResolver, Resolve, ResolveError, Resolving};
pub use fair::{Fair, Kept, on_heap, shared_on_heap};
pub use identity::CredentialId;
pub use manifest::{descriptor_size, digest_size, entries_size, shared_platform_size};
pub use progress::{Phase, Progress, RequestBudget};

use crate::facts::Outcome;

/// A step of a lookup: what the next one needs, or the lookup's early end, which is an answer like
/// any other and no error.
type Step<T> = Result<T, Outcome>;
