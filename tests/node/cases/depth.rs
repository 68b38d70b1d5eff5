//! Images whose name can be resolved and that cannot be pulled all the same.

use crate::node::case::Case;
use crate::node::world::World;
use crate::support::images::{Format, image, index, machine};

pub fn cases(world: &World) -> Vec<Case> {
    let add = |name: &'static str, image| {
        let reference = world.open.add(&Case::slug(name), "1.0", image);
        Case::of(name, &reference)
    };
    let foreign = || image(Format::Oci, "linux/s390x", "foreign");
    let lost = |name: &'static str, digest: &str| world.open.lose(&Case::slug(name), digest);

    let both = index(&[foreign(), world.image("own-platform")]);
    // Of its own: a layer that came to the node with another image is not asked for again.
    let without_layer = image(Format::Oci, &machine(), "without-layer");
    let layer = without_layer.blobs[1].digest.clone();
    let without_child = index(&[world.image("without-child")]);
    let cases = vec![
        add("an index with the node's platform", &both),
        add("an index without the node's platform", &index(&[foreign()]))
            .fails("no match for platform in manifest")
            .likely("platform-missing"),
        add("an image without its layer", &without_layer).fails("not found").proven("blob-missing"),
        add("an index without the manifest it names", &without_child)
            .fails("not found")
            .proven("manifest-missing"),
    ];
    lost("an image without its layer", &layer);
    lost("an index without the manifest it names", &without_child.children[0].digest);
    cases
}
