//! What runtimes do differently with the same image: one row for each oddity and range of
//! versions.
//!
//! A row says what a runtime does as it comes. Where its own configuration decides, and where
//! nobody has looked, nothing is certain.

use super::{Runtime, RuntimeName};
use crate::image::platform::Choice;

use Certain::{Fails, Nothing, Pulls};
use Quirk::{
    Artifact, InlineData, NestedIndex, OtherLayers, SchemaOne, ShortName, WrongInlineData,
};
use RuntimeName::{Containerd, CriO};

/// Something that not every runtime does alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// An image whose config is nothing to run: a Helm chart, an empty config.
    Artifact,
    /// A config for another number of layers than the manifest has.
    OtherLayers,
    /// A part that only the manifest itself holds (OCI image spec, `descriptor.md`, `data`).
    InlineData,
    /// A part that the manifest itself holds with other bytes than its digest promises.
    WrongInlineData,
    /// A manifest of Docker's schema 1.
    SchemaOne,
    /// An index whose entry for the node is an index again.
    NestedIndex,
    /// A name without a registry.
    ShortName,
}

/// What is known of a pull beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certain {
    /// It comes to an image, as far as this is concerned.
    Pulls,
    /// It comes to nothing.
    Fails,
    /// Neither: it hangs on what is not known.
    Nothing,
}

/// From a version on, until the next row of the same runtime.
struct Row(Quirk, RuntimeName, (u32, u32), Certain);

/// The table, by rising versions.
const ROWS: &[Row] = &[
    // `image.go`, `getLayers`: "mismatched image rootfs and manifest layers". Later releases of
    // 1.6, and all since 1.7, leave alone what they cannot unpack.
    Row(Artifact, Containerd, (0, 0), Fails),
    Row(Artifact, Containerd, (1, 6), Nothing),
    Row(Artifact, Containerd, (1, 7), Pulls),
    // Not looked at: since it mounts artifacts it may take more than it did.
    Row(Artifact, CriO, (0, 0), Nothing),
    // `core/unpack/unpacker.go` (1.6: `unpacker.go`), "number of layers and diffIDs don't match".
    Row(OtherLayers, Containerd, (0, 0), Fails),
    // containers/image `storage/storage_dest.go` looks at the config's list only for some layers,
    // and puts up with an empty one.
    Row(OtherLayers, CriO, (0, 0), Nothing),
    // `core/remotes/handlers.go`, `Fetch`: since 1.7 it takes `data` that is as long as stated,
    // and asks nobody. containers/image was not looked at.
    Row(InlineData, Containerd, (0, 0), Fails),
    Row(InlineData, Containerd, (1, 7), Pulls),
    Row(InlineData, CriO, (0, 0), Nothing),
    Row(WrongInlineData, Containerd, (0, 0), Pulls),
    Row(WrongInlineData, Containerd, (1, 7), Fails),
    Row(WrongInlineData, CriO, (0, 0), Nothing),
    // `docs/containerd-2.0.md`, "Docker Schema 1 image support is disabled by default", to be
    // enabled by an environment variable; removed with 2.1.
    Row(SchemaOne, Containerd, (0, 0), Pulls),
    Row(SchemaOne, Containerd, (2, 0), Nothing),
    Row(SchemaOne, Containerd, (2, 1), Fails),
    // containers/image `manifest/docker_schema1.go` converts it.
    Row(SchemaOne, CriO, (0, 0), Pulls),
    // `core/images/handlers.go`, `FilterPlatforms` and `LimitManifests`, go down at every level.
    Row(NestedIndex, Containerd, (0, 0), Pulls),
    // containers/image `copy/single.go` is handed the chosen entry, and takes no list for it.
    Row(NestedIndex, CriO, (0, 0), Fails),
    // `distribution/reference`, `ParseNormalizedNamed`: Docker Hub.
    Row(ShortName, Containerd, (0, 0), Pulls),
    // containers/image `pkg/shortnames`: aliases and the search list of `registries.conf`; with
    // `short_name_mode = "enforcing"` a name that may mean several is refused.
    Row(ShortName, CriO, (0, 0), Nothing),
];

/// What is known of such a pull by this runtime; where it is not known, nothing.
pub fn certain(quirk: Quirk, runtime: Option<Runtime>) -> Certain {
    let Some(runtime) = runtime else { return Nothing };
    let applies = |row: &&Row| row.0 == quirk && row.1 == runtime.name && row.2 <= runtime.version;
    ROWS.iter().rev().find(applies).map_or(Nothing, |row| row.3)
}

/// How a pull goes through an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Way {
    /// How it compares entries with the node.
    pub choice: Choice,
    /// It fetches every entry that matches, and fails if one of them does.
    pub every: bool,
    /// It leaves entries aside whose `os.features` the node does not have.
    pub by_features: bool,
}

/// containerd's own client (`client/pull.go`): the best match, fallbacks among them.
const CLIENT: Way = Way { choice: Choice::Compatible, every: false, by_features: true };
/// containerd's transfer service (`core/transfer/local/pull.go`): every exact match.
const TRANSFER: Way = Way { choice: Choice::Exact, every: true, by_features: true };
/// Up to containerd 2.2: `containerd/platforms` looks at features from v1.0.0-rc.3 on.
const OLD_CLIENT: Way = Way { by_features: false, ..CLIENT };
const OLD_TRANSFER: Way = Way { by_features: false, ..TRANSFER };
/// containers/image (`internal/manifest`, `ChooseInstance`): the nearest of its own processor.
const CONTAINERS_IMAGE: Way = Way { choice: Choice::StepsDown, every: false, by_features: false };

/// The ways that a pull by this runtime may go. From containerd 2.1 on the transfer service is the
/// default, and `use_local_image_pull`, `discard_unpacked_layers` and other settings bring the
/// client back (`internal/cri/config/config.go`): some providers' nodes have them.
pub fn ways(runtime: Option<Runtime>) -> &'static [Way] {
    match runtime {
        Some(Runtime { name: Containerd, version }) if version < (2, 1) => &[OLD_CLIENT],
        Some(Runtime { name: Containerd, version }) if version < (2, 3) => {
            &[OLD_CLIENT, OLD_TRANSFER]
        }
        Some(Runtime { name: Containerd, .. }) => &[CLIENT, TRANSFER],
        Some(Runtime { name: CriO, .. }) => &[CONTAINERS_IMAGE],
        None => &[CLIENT, TRANSFER, OLD_CLIENT, OLD_TRANSFER],
    }
}

/// How a pod with an undecodable pull secret shows on a node: up to Kubernetes 1.32 as
/// `ErrImagePull`, and later with the decoder's own text as the reason (kubelet
/// `pkg/kubelet/images/image_manager.go`). None where the nodes differ or are not known.
pub fn malformed_secret_is_err_image_pull(
    kubelets: impl IntoIterator<Item = Option<(u32, u32)>>,
) -> Option<bool> {
    let mut all = kubelets.into_iter().map(|kubelet| kubelet.map(|version| version < (1, 33)));
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "not every runtime is known")]
    fn containerd(major: u32, minor: u32) -> Option<Runtime> {
        Some(Runtime { name: Containerd, version: (major, minor) })
    }

    const CRI_O: Option<Runtime> = Some(Runtime { name: CriO, version: (1, 34) });

    #[test]
    fn every_oddity_has_its_ranges_of_versions() {
        for (quirk, runtime, expected) in [
            (Artifact, containerd(1, 5), Fails),
            (Artifact, containerd(1, 6), Nothing),
            (Artifact, containerd(1, 7), Pulls),
            (Artifact, containerd(2, 4), Pulls),
            (Artifact, CRI_O, Nothing),
            (OtherLayers, containerd(1, 6), Fails),
            (OtherLayers, containerd(2, 4), Fails),
            (OtherLayers, CRI_O, Nothing),
            (InlineData, containerd(1, 6), Fails),
            (InlineData, containerd(1, 7), Pulls),
            (InlineData, CRI_O, Nothing),
            (WrongInlineData, containerd(1, 6), Pulls),
            (WrongInlineData, containerd(1, 7), Fails),
            (WrongInlineData, CRI_O, Nothing),
            (SchemaOne, containerd(1, 7), Pulls),
            (SchemaOne, containerd(2, 0), Nothing),
            (SchemaOne, containerd(2, 1), Fails),
            (SchemaOne, containerd(3, 0), Fails),
            (SchemaOne, CRI_O, Pulls),
            (NestedIndex, containerd(1, 6), Pulls),
            (NestedIndex, containerd(2, 4), Pulls),
            (NestedIndex, CRI_O, Fails),
            (ShortName, containerd(2, 4), Pulls),
            (ShortName, CRI_O, Nothing),
        ] {
            assert_eq!(certain(quirk, runtime), expected, "{quirk:?} {runtime:?}");
            assert_eq!(certain(quirk, None), Nothing, "{quirk:?}");
        }
    }

    #[test]
    fn every_runtime_stands_in_the_table_from_its_first_version_on() {
        for quirk in
            [Artifact, OtherLayers, InlineData, WrongInlineData, SchemaOne, NestedIndex, ShortName]
        {
            for name in [Containerd, CriO] {
                let of = |row: &&Row| row.0 == quirk && row.1 == name;
                let versions: Vec<_> = ROWS.iter().filter(of).map(|row| row.2).collect();
                assert_eq!(versions.first(), Some(&(0, 0)), "{quirk:?} {name:?}");
                assert!(versions.is_sorted(), "{quirk:?} {name:?}");
            }
        }
    }

    #[test]
    fn only_old_containerd_and_cri_o_have_one_way_through_an_index() {
        assert_eq!(ways(containerd(1, 6)), [OLD_CLIENT]);
        assert_eq!(ways(containerd(2, 0)), [OLD_CLIENT]);
        assert_eq!(ways(containerd(2, 1)), [OLD_CLIENT, OLD_TRANSFER]);
        assert_eq!(ways(containerd(2, 2)), [OLD_CLIENT, OLD_TRANSFER]);
        assert_eq!(ways(containerd(2, 3)), [CLIENT, TRANSFER]);
        assert_eq!(ways(None), [CLIENT, TRANSFER, OLD_CLIENT, OLD_TRANSFER]);
        assert_eq!(ways(CRI_O), [CONTAINERS_IMAGE]);
        assert_eq!(CONTAINERS_IMAGE.choice, Choice::StepsDown);
    }

    #[test]
    fn how_a_malformed_secret_shows_is_told_where_the_kubelets_agree() {
        for (kubelets, expected) in [
            (vec![], None),
            (vec![None], None),
            (vec![Some((1, 32))], Some(true)),
            (vec![Some((1, 33)), Some((1, 36))], Some(false)),
            (vec![Some((1, 32)), Some((1, 33))], None),
            (vec![Some((1, 32)), None], None),
        ] {
            assert_eq!(
                malformed_secret_is_err_image_pull(kubelets.clone()),
                expected,
                "{kubelets:?}"
            );
        }
    }
}
