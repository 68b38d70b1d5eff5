//! The pods.

mod accounts;
mod names;
mod policies;
mod presence;
mod secrets;
mod shapes;
mod volumes;

use super::case::Case;
use super::world::World;

/// Those whose images no node has seen.
pub async fn first(world: &World) -> Vec<Case> {
    let mut cases = secrets::cases(world);
    cases.extend(shapes::cases(world));
    cases.extend(accounts::cases(world));
    cases.extend(policies::cases(world).await);
    cases.extend(names::cases(world));
    cases.extend(volumes::cases(world));
    cases.extend(presence::holders(world));
    cases
}

/// What the node must know to have before the second round, and what the registries have no more
/// then.
pub fn between(world: &World) -> Vec<String> {
    presence::take_away(world);
    presence::brought(world)
}

/// An image that comes to the node by another way than its kubelet.
pub fn preloaded(world: &World) -> String {
    presence::preloaded(world)
}

/// Those whose images the first ones have brought to the node.
pub fn second(world: &World) -> Vec<Case> {
    let mut cases = presence::cases(world);
    cases.retain(|case| !AWAITED.contains(&case.name));
    cases
}

/// For these pullcheck has to know what nodes hold.
const AWAITED: &[&str] = &[
    "present and IfNotPresent, gone from the registry",
    "pulled with another's secret, without one",
    "pulled with another's secret, by digest without one",
    "pulled with another's secret, with a stale one",
    "preloaded, without a secret",
    "preloaded, with a stale secret",
    "the same password in another secret, gone from the registry",
    "a volume that is present, gone from the registry",
];
