//! The integration tests: one binary, its files named by what a user would see.
//!
//! What the tests run against is in `support`: servers and processes, never mocked traits. They
//! bind port 0 and wait for events, not for time.

#[cfg(test)]
mod breaker;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod chart;
#[cfg(test)]
mod check_contract;
#[cfg(test)]
mod check_input;
#[cfg(test)]
mod check_mistakes;
#[cfg(test)]
mod check_network;
#[cfg(test)]
mod check_pastes;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod deadlines;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod deploy;
mod depth;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod events;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod gitops;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod landing;
#[cfg(test)]
mod load;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod mirrors;
#[cfg(test)]
mod misbehaviour;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod platforms;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod repushed;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod security;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod stampede;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod support_works;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod wire;
