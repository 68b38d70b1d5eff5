//! The load harness of `cargo bench --bench load` works: a tiny run of it ends well. Nothing of
//! time is asserted.

#[path = "../../benches/load/harness.rs"]
mod harness;

#[tokio::test]
async fn the_load_harness_measures_both_servers_to_the_end() {
    harness::smoke().await;
}
