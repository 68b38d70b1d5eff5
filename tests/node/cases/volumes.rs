//! Images as volumes: the same secrets, policies and names.

use crate::node::case::Case;
use crate::node::secret::pull_secret;
use crate::node::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let open = |name: &'static str| Case::of(name, &world.open(&Case::slug(name)));
    let private = |name: &str| world.private(&format!("volumes/{name}"));

    vec![
        open("a volume from an open registry").volume(&world.open("volumes/open"), "Always"),
        open("a volume with the right secret")
            .volume(&private("right"), "IfNotPresent")
            .secret("pull", pull_secret(&world.good_under(&world.host()))),
        open("a volume without a secret")
            .volume(&private("none"), "IfNotPresent")
            .fails("insufficient_scope")
            .proven("access-denied"),
        open("a volume whose tag is absent")
            .volume(&world.open("volumes/absent").replace(":1.0", ":1.1"), "Always")
            .fails("not found")
            .proven("tag-not-found"),
        open("a volume with an invalid name")
            .volume(&format!("{}/Files:1.0", world.open.host()), "Always")
            .waits("InvalidImageName", "couldn't parse image name")
            .proven("reference-invalid"),
        open("a volume that is never pulled")
            .volume(&world.open("volumes/never"), "Never")
            .waits("ErrImageNeverPull", "is not present with pull policy of Never")
            .unknown("not-checked"),
    ]
}
