//! pullcheck answers, before a pod is scheduled, whether a node could pull its images.
//!
//! **Gather, then judge.** I/O collects facts about what a node would meet if it pulled these
//! images now; after that line everything is synchronous, total and pure:
//!
//! ```text
//! AdmissionReview bytes
//!   -> review      Request                      (undecodable -> HTTP 400)
//!   -> workload    Workload { images, pull secrets, service account, node constraints }
//!   -> cluster     Secrets, ServiceAccounts, the namespace's mode  } I/O, one deadline
//!   -> nodes       which of the watched nodes the pod may land on
//!   -> credentials Keyring + faults
//!   -> resolve     attempts per image        cache -> registry       }
//!        registry    hosts -> manifest -> config, layers             } I/O, same deadline
//!        resolve     entries of an index that those nodes would take }
//!   -> providers   more logins, where these fail; then resolve again }
//!   ==== Facts ==== end of I/O ====
//!   -> causes      [Finding]                 one file per cause
//!   -> policy      Verdict
//!   -> review      AdmissionResponse bytes
//! ```
//!
//! Which room may know which is written down, and checked, in `tests/architecture.rs`.

pub mod app;
pub mod causes;
pub mod certificates;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod credentials;
pub mod dns_name;
pub mod events;
pub mod facts;
pub mod flights;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gather;
pub mod glob;
pub mod go_duration;
pub mod go_json;
pub mod image;
pub mod keeper;
pub mod message;
pub mod near_miss;
pub mod nodes;
pub mod objects;
pub mod pause;
pub mod percent;
pub mod policy;
pub mod providers;
pub mod registry;
pub mod resolve;
pub mod review;
pub mod reviewer;
pub mod room;
pub mod server;
pub mod shares;
pub mod telemetry;
pub mod workload;
