//! Registries whose disks have lost something.

use crate::support::images::{Format, Image, image, index, simple};
use crate::truth::case::{Case, Feature};
use crate::truth::store::{Damage, Store, warm};
use crate::truth::world::World;

/// What of an image is damaged.
#[derive(Clone, Copy)]
enum Part {
    Config,
    Layer,
    Child,
    Top,
}

impl Part {
    fn digest(self, image: &Image) -> &str {
        match self {
            Self::Config => &image.blobs[0].digest,
            Self::Layer => &image.blobs[1].digest,
            Self::Child => &image.children[0].digest,
            Self::Top => image.digest(),
        }
    }
}

struct Damaged<'a> {
    store: &'a Store,
    release: &'static str,
}

impl Damaged<'_> {
    async fn push(&self, repository: &str, part: Part, damage: Damage) -> String {
        let marker = format!("damage {} {repository}", self.release);
        let image = match part {
            Part::Child => index(&[
                image(Format::Oci, "linux/amd64", &marker),
                image(Format::Oci, "linux/arm64", &marker),
            ]),
            _ => simple(&marker),
        };
        let name = self.store.push(&format!("damage/{repository}"), "v1", &image).await;
        self.store.damage(part.digest(&image), damage);
        name
    }
}

pub async fn cases(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    let current = Damaged { store: &world.store, release: "3" };
    let old = Damaged { store: &world.old_store, release: "2.8" };
    // The name of a case is the same in both registries but for its end.
    let named = |current, old| [current, old];
    for (at, damaged) in [&current, &old].into_iter().enumerate() {
        let push = async |repository, part, damage| damaged.push(repository, part, damage).await;
        let case =
            |names: [&'static str; 2], image| Case::new(names[at], image).awaits(Feature::Depth);
        let replace = Damage::Replace(b"{\"schemaVersion\":2}".to_vec());
        cases.extend([
            case(
                named("a layer is gone", "a layer is gone, registry 2.8"),
                push("no-layer", Part::Layer, Damage::Delete).await,
            )
            .fails("not found")
            .proven("blob-missing"),
            case(
                named("the config is gone", "the config is gone, registry 2.8"),
                push("no-config", Part::Config, Damage::Delete).await,
            )
            .fails("not found")
            .proven("blob-missing"),
            case(
                named("the node's manifest is gone", "the node's manifest is gone, registry 2.8"),
                push("no-child", Part::Child, Damage::Delete).await,
            )
            .fails("not found")
            .proven("manifest-missing"),
            case(
                named("a layer is cut short", "a layer is cut short, registry 2.8"),
                push("short-layer", Part::Layer, Damage::Truncate).await,
            )
            .fails("unexpected EOF")
            .proven("blob-mismatch"),
            case(
                named("a layer is empty", "a layer is empty, registry 2.8"),
                push("empty-layer", Part::Layer, Damage::Empty).await,
            )
            .fails("unexpected EOF")
            .proven("blob-mismatch"),
            case(
                named("the config is cut short", "the config is cut short, registry 2.8"),
                push("short-config", Part::Config, Damage::Truncate).await,
            )
            .fails("unexpected EOF")
            .proven("blob-mismatch"),
            case(
                named(
                    "a bit of the config is flipped",
                    "a bit of the config is flipped, registry 2.8",
                ),
                push("flipped-config", Part::Config, Damage::Flip).await,
            )
            .fails("unexpected commit digest")
            .proven("blob-mismatch"),
            case(
                named("a bit of a layer is flipped", "a bit of a layer is flipped, registry 2.8"),
                push("flipped-layer", Part::Layer, Damage::Flip).await,
            )
            .fails("unexpected commit digest")
            .undecidable("a layer of the right length and wrong bytes"),
            case(
                named("the manifest is other JSON", "the manifest is other JSON, registry 2.8"),
                push("tampered", Part::Top, replace).await,
            )
            .fails("unexpected commit digest")
            .proven("manifest-invalid"),
            case(
                named("the manifest is empty", "the manifest is empty, registry 2.8"),
                push("empty", Part::Top, Damage::Empty).await,
            )
            .fails("500 Internal Server Error")
            .unknown("registry-error"),
            case(
                named("the manifest is no JSON", "the manifest is no JSON, registry 2.8"),
                push("junk", Part::Top, Damage::Replace(b"junk".to_vec())).await,
            )
            .fails("500 Internal Server Error")
            .unknown("registry-error"),
            case(
                named("the manifest is gone", "the manifest is gone, registry 2.8"),
                push("gone", Part::Top, Damage::Delete).await,
            )
            .fails("not found")
            .proven("tag-not-found"),
        ]);
    }
    let image = current.push("warm-layer", Part::Layer, Damage::Delete).await;
    cases.push(
        Case::new("a layer is gone, and the registry remembers it", warm(&image))
            .fails("unexpected EOF")
            .undecidable("a layer that the registry remembers and its disk has lost"),
    );
    cases
}
