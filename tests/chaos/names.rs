//! Images to be reviewed: some that are there and some that are not, new ones each time, so that
//! no answer is known before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::images;
use crate::support::misbehaving::{Fault, Registry};

/// Repositories that the images are spread over.
pub const REPOSITORIES: u64 = 8;

type Make = dyn Fn(u64) -> String + Send + Sync;

/// Where names come from; clones are the same.
#[derive(Clone)]
pub struct Names {
    next: Arc<AtomicU64>,
    good: Arc<Make>,
    bad: Arc<Make>,
}

impl Names {
    /// From functions of a number that never comes again.
    pub fn of(
        good: impl Fn(u64) -> String + Send + Sync + 'static,
        bad: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { next: Arc::default(), good: Arc::new(good), bad: Arc::new(bad) }
    }

    /// In a registry's repositories, under the host by which it is reached.
    pub fn at(registry: &Arc<Registry>, host: &str) -> Self {
        let host = host.to_owned();
        Self::at_each(registry, move |_| host.clone())
    }

    /// The same, under hosts of which each number has one.
    pub fn at_each(
        registry: &Arc<Registry>,
        host: impl Fn(u64) -> String + Clone + Send + Sync + 'static,
    ) -> Self {
        let (registry, other) = (registry.clone(), host.clone());
        let images: Vec<_> = (0..4).map(|n| images::simple(&format!("chaos {n}"))).collect();
        repositories().for_each(|name| drop(registry.add(&name, "first", &images[0])));
        let good = move |number: u64| {
            let repository = repository(number);
            let tag = format!("good-{number}");
            let image = &images[usize::try_from(number).unwrap() % images.len()];
            registry.add(&repository, &tag, image);
            format!("{}/{repository}:{tag}", host(number))
        };
        let bad = move |number| format!("{}/{}:bad-{number}", other(number), repository(number));
        Self::of(good, bad)
    }

    /// One that is there.
    pub fn good(&self) -> String {
        (self.good)(self.number())
    }

    /// One whose tag is not there.
    pub fn bad(&self) -> String {
        (self.bad)(self.number())
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

pub fn repository(number: u64) -> String {
    // The load has every fourth image missing; they are to be missing everywhere.
    format!("team-{}/app", (number + number / REPOSITORIES) % REPOSITORIES)
}

/// All of them.
pub fn repositories() -> impl Iterator<Item = String> {
    (0..REPOSITORIES).map(|number| format!("team-{number}/app"))
}

/// Makes a registry misbehave in all of these repositories.
pub fn misbehave(registry: &Registry, fault: impl Fn() -> Fault) {
    repositories().for_each(|name| registry.misbehave(&name, fault()));
}

/// Ends it.
pub fn heal(registry: &Registry) {
    repositories().for_each(|name| registry.heal(&name));
}
