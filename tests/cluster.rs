//! Real `kubectl apply`: pullcheck behind a real API server, installed as `deploy/` says, and asked
//! by kubectl.
//!
//! Each test has a network and a control plane of its own. It needs root and Go; without one of
//! them the tests are skipped and say so.

#[path = "it"]
mod it {
    #[expect(unused_imports, reason = "a tool box: not every tool is in use here")]
    #[cfg(test)]
    pub mod support;
}
#[cfg(test)]
#[path = "parts/kit.rs"]
mod parts;
#[path = "cluster"]
mod cluster {
    #[cfg(test)]
    mod audit;
    #[cfg(test)]
    mod availability;
    #[cfg(test)]
    mod burst;
    #[cfg(test)]
    mod certificates;
    #[cfg(test)]
    mod conditions;
    #[cfg(test)]
    mod deploy;
    #[cfg(test)]
    mod dry_run;
    #[cfg(test)]
    mod events;
    #[cfg(test)]
    mod haproxy;
    #[cfg(test)]
    mod kubectl;
    #[cfg(test)]
    mod load;
    #[cfg(test)]
    mod neighbours;
    #[cfg(test)]
    mod objects;
    #[cfg(test)]
    mod rights;
    #[cfg(test)]
    mod rollout;
    #[cfg(test)]
    mod smoke;
    #[cfg(test)]
    mod stage;
    #[cfg(test)]
    mod terminal;
    #[cfg(test)]
    mod walk;
}

#[cfg(test)]
use it::support;
