//! The chart and the overlays are one installation, written twice.

use super::rendered::{by_helm, by_kustomize, objects};
use super::variants;
use crate::parts::helm::Helm;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::skip;

#[test]
fn the_chart_and_every_overlay_and_component_render_to_the_same_objects() {
    let parts = Kubernetes::built(Release::Current).and_then(|it| Ok((it, Helm::built()?)));
    let (kubernetes, helm) = match parts {
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
