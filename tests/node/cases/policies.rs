//! Pull policies where the image is on no node, what is not in the registry, and Basic.

use crate::node::case::Case;
use crate::node::secret::{config, login, pull_secret};
use crate::node::world::World;
use crate::support::real_registry::{PASSWORD, USER};

pub async fn cases(world: &World) -> Vec<Case> {
    let host = world.basic.host();
    let with = |user: &str, password: &str| pull_secret(&config(&[(&host, login(user, password))]));
    let open = |name: &'static str| Case::of(name, &world.open(&Case::slug(name)));
    let absent = |name: &'static str, cut: &str, put: &str| {
        Case::of(name, &world.open(&Case::slug(name)).replace(cut, put))
    };
    let digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    vec![
        open("policy Always"),
        open("policy IfNotPresent and nowhere present").policy("IfNotPresent"),
        open("policy Never and nowhere present")
            .policy("Never")
            .waits("ErrImageNeverPull", "is not present with pull policy of Never")
            .unknown("not-checked"),
        absent("an absent tag", ":1.0", ":1.1").fails("not found").proven("tag-not-found"),
        absent("an absent repository", "/an-", "/no-")
            .fails("not found")
            .proven("repository-not-found"),
        absent("an absent digest", ":1.0", digest).fails("not found").proven("digest-not-found"),
        open("an init container whose tag is absent")
            .init(&world.open("init").replace(":1.0", ":1.1"))
            .fails("not found")
            .proven("tag-not-found"),
        Case::of("Basic without a secret", &world.basic("basic/none").await)
            .fails("no basic auth credentials")
            .proven("access-denied"),
        Case::of("Basic with the right secret", &world.basic("basic/right").await)
            .secret("pull", with(USER, PASSWORD)),
        Case::of("Basic with a wrong password", &world.basic("basic/wrong").await)
            .secret("pull", with(USER, "not-the-password"))
            .fails("401 Unauthorized")
            .proven("credential-rejected"),
    ]
}
