//! A Node as the API server tells it, reduced to what is kept.
//!
//! Whatever is missing or of another type than the API gives it counts as not told.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use super::labels::LONGEST_KEY;
use super::range::own_range;
use super::runtime::major_minor;
use super::taints::{Effect, Taint};
use super::{Names, Node, Runtime, quantity};
use crate::image::Platform;
use crate::workload::tolerant::{List, Map, Text, object};

/// Most labels of one node, far above what there are.
const MOST_LABELS: usize = 1_000;
/// Most taints of one node.
const MOST_TAINTS: usize = 100;
/// Most image names of one node. The kubelet tells 50 images of up to 5 names each unless its
/// `nodeStatusMaxImages` says otherwise.
const MOST_IMAGES: usize = 1_000;
/// Longest image name: a repository, a tag and a digest.
const LONGEST_IMAGE: usize = 1_024;
/// Most ranges of pods of one node: there is one for each family.
const MOST_RANGES: usize = 8;
/// Longest name of a system or a processor, longest version of a kernel.
const LONGEST_WORD: usize = 64;

impl Node {
    /// Reads a Node; `None` if it is none, or does not say its platform yet: nothing can be said
    /// about such a node.
    pub fn read(json: &str, names: &mut Names) -> Option<Self> {
        let Map(node) = serde_json::from_str::<Map<Raw<'_>>>(json).ok()?;
        let (metadata, spec) = (node.metadata?, node.spec.unwrap_or_default());
        let status = node.status?;
        let info = &status.node_info;
        Some(Self {
            name: Text::non_empty(metadata.name).filter(|name| name.len() <= 253)?,
            labels: labels(metadata.labels, names),
            platform: platform(info)?,
            runtime: info.container_runtime_version.as_ref().and_then(|v| Runtime::of_node(&v.0)),
            kubelet: info.kubelet_version.as_ref().and_then(|v| major_minor(&v.0)),
            ephemeral_storage: status
                .allocatable
                .ephemeral_storage
                .and_then(|text| quantity::whole(&text.0)),
            disk_pressure: status.conditions.0.iter().any(Condition::is_disk_pressure),
            images: images(status.images, names),
            pod_ranges: pod_ranges(&spec),
            taints: taints(spec.taints, names),
            unschedulable: spec.unschedulable,
        })
    }
}

fn labels(
    raw: BTreeMap<Text<'_>, Option<Text<'_>>>,
    names: &mut Names,
) -> BTreeMap<Arc<str>, Arc<str>> {
    let pairs = raw.into_iter().map(|(key, value)| (key, Text::or_default(value)));
    pairs
        .filter(|(key, value)| key.0.len() <= LONGEST_KEY && value.len() <= LONGEST_WORD)
        .take(MOST_LABELS)
        .map(|(key, value)| (names.of(&key.0), names.of(&value)))
        .collect()
}

/// `operatingSystem`, `architecture` and, of Windows, the kernel's version.
fn platform(info: &NodeInfo<'_>) -> Option<Platform> {
    let word = |text: &Option<Text<'_>>| {
        let word = text.as_ref()?.0.as_ref();
        (!word.is_empty() && word.len() <= LONGEST_WORD).then(|| word.to_owned())
    };
    let os = word(&info.operating_system)?;
    let architecture = word(&info.architecture)?;
    let mut platform = Platform::new(&os, &architecture, "");
    if os == "windows" {
        // The kubelet ends it with a line break (K pkg/kubelet/winstats/version.go).
        let kernel = info.kernel_version.as_ref().map_or("", |text| &text.0);
        let is_version = |c: &char| c.is_ascii_digit() || *c == '.';
        platform.os_version = kernel.chars().take(LONGEST_WORD).take_while(is_version).collect();
    }
    Some(platform)
}

fn images(raw: List<Image<'_>>, names: &mut Names) -> Vec<Arc<str>> {
    let told = raw.0.into_iter().flat_map(|image| image.names);
    told.filter(|name| !name.0.is_empty() && name.0.len() <= LONGEST_IMAGE)
        .take(MOST_IMAGES)
        .map(|name| names.of(&name.0))
        .collect()
}

fn taints(raw: List<RawTaint<'_>>, names: &mut Names) -> Vec<Taint> {
    let taints = raw.0.into_iter().filter_map(|taint| {
        let effect = Effect::find(&taint.effect?.0)?;
        let (key, value) = (Text::or_default(taint.key), Text::or_default(taint.value));
        if key.len() > LONGEST_KEY || value.len() > LONGEST_WORD {
            return None;
        }
        Some(Taint { key: names.of(&key), value: names.of(&value), effect })
    });
    taints.take(MOST_TAINTS).collect()
}

/// `podCIDRs`, of which `podCIDR` is the first.
fn pod_ranges(spec: &Spec<'_>) -> Vec<IpNet> {
    let all = spec.pod_cidrs.iter().map(|Text(range)| range.as_ref());
    let first = spec.pod_cidr.iter().map(|Text(range)| range.as_ref());
    let mut ranges: Vec<IpNet> = all.chain(first).take(MOST_RANGES).filter_map(own_range).collect();
    ranges.sort_unstable();
    ranges.dedup();
    ranges
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    spec: Option<Spec<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    status: Option<Status<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    labels: BTreeMap<Text<'a>, Option<Text<'a>>>,
}

#[derive(Deserialize, Default)]
struct Spec<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    taints: List<RawTaint<'a>>,
    #[serde(borrow, default, rename = "podCIDRs", deserialize_with = "lenient")]
    pod_cidrs: Vec<Text<'a>>,
    #[serde(borrow, default, rename = "podCIDR", deserialize_with = "lenient")]
    pod_cidr: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    unschedulable: bool,
}

#[derive(Deserialize, Default)]
struct RawTaint<'a> {
    #[serde(borrow, default)]
    key: Option<Text<'a>>,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
    #[serde(borrow, default)]
    effect: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    node_info: NodeInfo<'a>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    allocatable: Allocatable<'a>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    conditions: List<Condition<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    images: List<Image<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct NodeInfo<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    operating_system: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    architecture: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    kernel_version: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    container_runtime_version: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    kubelet_version: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct Allocatable<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    ephemeral_storage: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
struct Condition<'a> {
    #[serde(borrow, default, rename = "type")]
    type_: Option<Text<'a>>,
    #[serde(borrow, default)]
    status: Option<Text<'a>>,
}

impl Condition<'_> {
    fn is_disk_pressure(&self) -> bool {
        let is = |text: &Option<Text<'_>>, word| text.as_ref().is_some_and(|text| text.0 == word);
        is(&self.type_, "DiskPressure") && is(&self.status, "True")
    }
}

#[derive(Deserialize, Default)]
struct Image<'a> {
    #[serde(borrow, default, deserialize_with = "lenient")]
    names: Vec<Text<'a>>,
}

/// A value of the right type, or nothing.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
