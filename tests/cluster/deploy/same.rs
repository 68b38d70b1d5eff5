//! The chart and the overlays are one installation, written twice.

use super::rendered::{by_helm, by_kustomize, by_kustomize_of, objects};
use super::variants::{self, Part, Variant};
use crate::parts::helm::Helm;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::skip;

/// What both are rendered by, or why it is not here.
fn parts() -> Result<(Kubernetes, Helm), String> {
    Ok((Kubernetes::built(Release::Current)?, Helm::built()?))
}

#[test]
fn the_chart_and_every_overlay_and_component_render_to_the_same_objects() {
    let (kubernetes, helm) = match parts() {
        Ok(parts) => parts,
        Err(why) => skip!(&why),
    };
    for variant in variants::all() {
        let name = variant.name();
        let ours = objects(&by_kustomize(&kubernetes, &variant));
        let theirs = objects(&by_helm(&helm, &variant));
        let keys: Vec<_> = ours.keys().collect();
        assert_eq!(keys, theirs.keys().collect::<Vec<_>>(), "{name}");
        for (key, object) in &ours {
            assert_eq!(object, &theirs[key], "{name}: {key}");
        }
    }
}

#[test]
fn the_chart_grants_a_namespace_what_the_component_grants_it() {
    let (kubernetes, helm) = match parts() {
        Ok(parts) => parts,
        Err(why) => skip!(&why),
    };
    let grant = "resources: [DEPLOY/components/namespaced/grant]\nnamespace: shop\n";
    let mut granted = objects(&by_kustomize_of(&kubernetes, grant));
    // Both add it to the same installation.
    let plain = variants::with("namespaced");
    granted.extend(objects(&by_kustomize(&kubernetes, &plain)));
    let values = "rbac: {secrets: namespaces, namespaces: [shop]}";
    let with_shop = Variant { components: vec![Part { values, ..plain.components[0] }], ..plain };
    assert_eq!(objects(&by_helm(&helm, &with_shop)), granted);
}
