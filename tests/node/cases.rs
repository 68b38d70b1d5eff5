//! The pods.

mod accounts;
mod depth;
mod logins;
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
    cases.extend(depth::cases(world));
    cases.extend(logins::cases(world));
    cases.extend(presence::holders(world));
    cases
}

/// What the node itself logs in with.
pub fn of_the_node(world: &World) -> String {
    logins::of_the_node(world)
}

/// What the node must know to have before the second round, and what the registries have no more
/// then.
pub fn between(world: &World) -> Vec<String> {
    presence::take_away(world);
    presence::brought(world)
}

/// Images that come to the node by another way than its kubelet.
pub fn preloaded(world: &World) -> [String; 2] {
    presence::preloaded(world)
}

/// Those whose images the first ones have brought to the node.
pub fn second(world: &World) -> Vec<Case> {
    presence::cases(world)
}
