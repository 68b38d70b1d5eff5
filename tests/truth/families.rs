//! The cases by family. A case has a repository of its own, and bytes that no other case has: a
//! runtime never fetches what it holds.

mod absence;
mod credentials;
mod damage;
mod depth;
mod good;
mod limits;
mod manifests;
pub mod mirrors;
mod names;
mod network;
mod platforms;
mod tls;
mod tokens;

use super::case::Case;
use super::world::World;

/// Every family's title and cases; what they pull is in the registries afterwards.
pub async fn all(world: &World) -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Good images", good::cases(world).await),
        ("Names", names::cases(world)),
        ("Absence", absence::cases(world).await),
        ("Credentials", credentials::cases(world).await),
        ("Token servers", tokens::cases(world)),
        ("Platforms", platforms::cases(world).await),
        ("Manifests", manifests::cases(world)),
        ("Configs, layers and entries", depth::cases(world)),
        ("Damage", damage::cases(world).await),
        ("Network", network::cases(world)),
        ("TLS", tls::cases(world)),
        ("Rate limits and errors", limits::cases(world)),
        ("Mirrors", mirrors::cases(world)),
    ]
}
