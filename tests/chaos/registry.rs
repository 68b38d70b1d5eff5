//! Troubles of registries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::link::Link;
use super::load::Order;
use super::names::{self, Names};
use super::process::peak_memory;
use super::trial::{Came, Figures, Trial, here};
use crate::support::images;
use crate::support::misbehaving::{Access, Fault, Registry, faults};
use crate::support::token_server::{Mood, TokenServer};
use crate::support::webhook::{Launch, Webhook};

/// A registry of everybody's, behind a link, and a webhook.
pub struct Scene {
    pub registry: Arc<Registry>,
    pub link: Link,
    pub webhook: Webhook,
}

impl Scene {
    pub async fn set() -> Self {
        Self::of(Access::anonymous(), Launch::alone()).await
    }

    pub async fn of(access: Access, launch: Launch) -> Self {
        let registry = Arc::new(Registry::start(access).await);
        let link = Link::to(&registry.host());
        let webhook = launch.mode("enforce").start().await;
        Self { registry, link, webhook }
    }

    pub fn names(&self) -> Names {
        Names::at(&self.registry, &self.link.host())
    }

    pub fn order(&self) -> Order {
        Order::new(&self.webhook, self.webhook.ca(), &self.names())
    }

    /// All repositories misbehave like that for a while.
    async fn suffers(&self, fault: impl Fn() -> Fault) -> Figures {
        let trial = Trial::begin(self.order().with_known()).await;
        names::misbehave(&self.registry, fault);
        trial.lasts().await;
        names::heal(&self.registry);
        trial.over(&self.webhook).await
    }

    /// One repository does all the time, whose images are denied for it, while others do not.
    async fn has_victims(&self, fault: Fault, code: &'static str) -> Figures {
        let image = images::simple("a victim");
        self.registry.misbehave("victim/app", fault);
        let (registry, next) = (self.registry.clone(), AtomicU64::new(0));
        let host = self.link.host();
        let victim = Arc::new(move || {
            let tag = format!("v{}", next.fetch_add(1, Ordering::Relaxed));
            registry.add("victim/app", &tag, &image);
            format!("{host}/victim/app:{tag}")
        });
        let order = Order { victim: Some((victim, code)), ..self.order() };
        let trial = Trial::begin(order).await;
        trial.lasts().await;
        trial.over(&self.webhook).await
    }
}

pub fn the_registry_is_killed(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order().with_known()).await;
        scene.link.down();
        trial.lasts().await;
        scene.link.open();
        trial.over(&scene.webhook).await
    })
}

pub fn the_registry_hangs(_: &str) -> Came {
    here(async { Scene::set().await.suffers(faults::hang).await })
}

pub fn the_registry_drips(_: &str) -> Came {
    // What drips promises a length of its own, which would be another than a manifest says of a
    // blob, for the reviews that are just between the two.
    here(async { Scene::set().await.suffers(|| faults::drip().on_manifests()).await })
}

pub fn the_registry_fails(_: &str) -> Came {
    here(async {
        let next = AtomicU64::new(0);
        let statuses = [500, 502, 503, 504];
        let fault = || {
            let turn = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
            faults::server_error(statuses[turn % statuses.len()])
        };
        Scene::set().await.suffers(fault).await
    })
}

pub fn the_registry_wants_less(_: &str) -> Came {
    here(async { Scene::set().await.suffers(|| faults::too_many_requests(Some("1"))).await })
}

pub fn the_registry_redirects_in_circles(_: &str) -> Came {
    here(async { Scene::set().await.suffers(faults::redirect_loop).await })
}

pub fn a_registry_lies_about_sizes(_: &str) -> Came {
    here(async {
        let layer = images::simple("a victim").blobs[1].digest.clone();
        Scene::set().await.has_victims(faults::longer_blob(&layer), "blob-mismatch").await
    })
}

pub fn a_manifest_has_300_mib(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let figures = scene.has_victims(faults::huge_manifest(false), "manifest-invalid").await;
        let peak = peak_memory(&scene.webhook);
        assert!(peak < 256 << 20, "{} MiB at the most", peak >> 20);
        figures
    })
}

pub fn the_registry_vanishes(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let trial = Trial::begin(scene.order().with_known()).await;
        scene.link.silent();
        trial.lasts().await;
        scene.link.open();
        trial.over(&scene.webhook).await
    })
}

pub fn the_token_server_is_down(_: &str) -> Came {
    here(async {
        let tokens = TokenServer::start().await;
        names::repositories().for_each(|name| tokens.publish(&name));
        let scene = Scene::of(Access::bearer(&tokens), Launch::alone()).await;
        let trial = Trial::begin(scene.order()).await;
        for mood in [Mood::Hangs, Mood::Refuses(503)] {
            tokens.mood(mood);
            tokens.forget_tokens();
            trial.lasts().await;
        }
        tokens.mood(Mood::Well);
        trial.over(&scene.webhook).await
    })
}
