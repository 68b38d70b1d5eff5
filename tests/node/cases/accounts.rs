//! Pull secrets that come by the ServiceAccount.

use crate::node::case::Case;
use crate::node::secret::{config, pull_secret};
use crate::node::world::{World, stale_under};

const DENIED: &str = "insufficient_scope";

pub fn cases(world: &World) -> Vec<Case> {
    let host = world.host();
    let good = || pull_secret(&world.good_under(&host));
    let malformed = || pull_secret(&config(&[(&host, serde_json::json!({ "auth": "?" }))]));
    let private = |name: &'static str| Case::of(name, &world.private(&Case::slug(name)));

    vec![
        private("the secret of the ServiceAccount")
            .with_secret("pull", good())
            .account("robot", &["pull"])
            .run_by("robot"),
        private("the secret of the default ServiceAccount")
            .with_secret("pull", good())
            .account("default", &["pull"]),
        private("a ServiceAccount that names an absent secret")
            .account("robot", &["pull"])
            .run_by("robot")
            .fails(DENIED)
            .likely("access-denied")
            .advised("pull-secret-not-found"),
        private("a ServiceAccount whose second secret works")
            .with_secret("stale", pull_secret(&stale_under(&host)))
            .with_secret("pull", good())
            .account("robot", &["stale", "pull"])
            .run_by("robot"),
        private("a secret of the pod instead of the ServiceAccount's")
            .with_secret("pull", good())
            .account("robot", &["pull"])
            .run_by("robot")
            .secret("own", pull_secret(&world.good_under("other.judge.test")))
            .fails(DENIED)
            .proven("access-denied"),
        private("a good secret of the pod instead of a malformed one")
            .with_secret("malformed", malformed())
            .account("robot", &["malformed"])
            .run_by("robot")
            .secret("own", good()),
        private("a malformed secret of the ServiceAccount")
            .with_secret("malformed", malformed())
            .account("robot", &["malformed"])
            .run_by("robot")
            .waits("illegal base64", "illegal base64")
            .proven("pull-secret-malformed"),
    ]
}
