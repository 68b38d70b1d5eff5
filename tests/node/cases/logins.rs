//! Logins of the node's own, which pullcheck is told of by `--docker-config`.

use crate::node::case::Case;
use crate::node::secret::{config, pull_secret};
use crate::node::world::{World, stale_login, stale_under};

/// Paths under which the node has a login, and under which it has a stale one.
const GOOD: &str = "node-good";
const STALE: &str = "node-stale";

/// The node's `config.json`.
pub fn of_the_node(world: &World) -> String {
    let host = world.host();
    let (good, stale) = (format!("{host}/{GOOD}/"), format!("{host}/{STALE}/"));
    config(&[(&good, world.good()), (&stale, stale_login())])
}

pub fn cases(world: &World) -> Vec<Case> {
    let image = |path: &str, name: &str| world.private(&format!("{path}/{name}"));
    let stale = || pull_secret(&stale_under(&world.host()));

    vec![
        Case::of("a login of the node", &image(GOOD, "alone")),
        Case::of("a login of the node after a stale secret", &image(GOOD, "after-stale"))
            .secret("pull", stale()),
        Case::of("a stale login of the node", &image(STALE, "alone"))
            .fails("401 Unauthorized")
            .proven("credential-rejected"),
        Case::of("a stale login of the node after a good secret", &image(STALE, "after-good"))
            .secret("pull", pull_secret(&world.good_under(&world.host()))),
    ]
}
