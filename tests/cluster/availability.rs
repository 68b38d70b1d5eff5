//! What happens to `kubectl apply` when something happens to pullcheck, to the API server or to a
//! registry: the table of `docs/availability.md`, row by row.

mod certificates;
mod closed;
mod ready;
mod replicas;
mod scene;
