//! The parts of one image, a few at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Method, StatusCode};

use super::blob::{self, accept, damaged, is_encoded, not_found, told_length};
use super::config::{self, Config, is_image_config};
use crate::facts::{Damage, Descriptor, LeftOut, Outcome, Part, PartFault, TroubleKind};
use crate::image::Digest;
use crate::registry::Step;
use crate::registry::hosts::Endpoint;
use crate::registry::manifest::{Parts, Source};
use crate::registry::progress;
use crate::registry::session::Session;
use crate::registry::transport::BodyFailure;
use crate::registry::trouble::{trouble, unexpected};
use crate::registry::walk::Fetched;

/// Layers looked at.
const MOST_LAYERS: usize = 256;
/// Requests at a time for one image; containerd downloads three.
const AT_ONCE: usize = 4;
/// Failures of our own view after which no more is asked for.
const MOST_TROUBLE: usize = 3;

/// What is to be looked at of an image.
pub(super) struct Plan<'a> {
    pub(super) jobs: Vec<Job<'a>>,
    /// Why not all of it.
    pub(super) left_out: Option<LeftOut>,
}

/// One part to be looked at.
#[derive(Debug, Clone)]
pub(super) struct Job<'a> {
    part: Part,
    descriptor: &'a Descriptor,
    /// Its size, unless the manifest is of two minds.
    stated: Option<u64>,
    how: How<'a>,
}

/// How a part is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How<'a> {
    /// Whether it is there.
    Presence,
    /// It is fetched and read.
    Fetch,
    /// It came with the manifest, and is the config if anything.
    Here(Option<&'a [u8]>),
}

impl<'a> Plan<'a> {
    /// What a node would fetch. The same digest is asked for once.
    pub(super) fn of(image: &'a Parts) -> Self {
        let mut plan = Self { jobs: Vec::new(), left_out: None };
        let mut places: HashMap<&Digest, usize> = HashMap::new();
        let here: HashSet<&Digest> = std::iter::once(&image.config)
            .chain(&image.layers)
            .filter(|blob| matches!(blob.source, Source::Inline(Some(_))))
            .map(|blob| &blob.descriptor.digest)
            .collect();
        let of = image.layers.len();
        let layers = image.layers.iter().enumerate().take(MOST_LAYERS);
        let layers = layers.map(|(index, layer)| (Part::Layer { number: index + 1, of }, layer));
        // Layers are fetched for what is unpacked, and that is what has an image's config.
        let unpacked = is_image_config(&image.config.descriptor.media_type);
        for (part, blob) in std::iter::once((Part::Config, &image.config)).chain(layers) {
            let descriptor = &blob.descriptor;
            if part != Part::Config && !unpacked && is_layer(&descriptor.media_type) {
                continue;
            }
            let how = match (&blob.source, part) {
                (Source::Foreign, _) => {
                    plan.left_out = Some(LeftOut::ForeignUrls);
                    continue;
                }
                (Source::Inline(bytes), _) => How::Here(bytes.as_deref()),
                (Source::Registry, _) if here.contains(&descriptor.digest) => continue,
                (Source::Registry, Part::Config)
                    if descriptor.size.is_none_or(|size| size <= config::LARGEST) =>
                {
                    How::Fetch
                }
                (Source::Registry, _) => How::Presence,
            };
            let job = Job { part, descriptor, stated: descriptor.size, how };
            if matches!(how, How::Here(_)) {
                plan.jobs.push(job);
                continue;
            }
            let first = places.get(&descriptor.digest).and_then(|place| plan.jobs.get_mut(*place));
            if let Some(first) = first {
                // Which size counts is up to chance: a node fetches it for either.
                first.stated = first.stated.filter(|stated| Some(*stated) == job.stated);
            } else {
                places.insert(&descriptor.digest, plan.jobs.len());
                plan.jobs.push(job);
            }
        }
        if of > MOST_LAYERS {
            plan.left_out = Some(LeftOut::Layers(of));
        }
        plan
    }
}

/// What the parts say.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What the config says, if it was read.
    pub(super) config: Option<Config>,
    /// What is wrong in the registry with a part that came with the manifest.
    pub(super) behind_inline: Option<Damage>,
}

/// Looks at the parts. What proves that the image is broken
/// goes before our own trouble, and what comes first in the image before what comes later.
pub(super) async fn look(session: &Session<'_>, jobs: Vec<Job<'_>>) -> Step<Looked> {
    let mut found = Found::default();
    let mut jobs = jobs.into_iter();
    if session.is_basic() {
        // A HEAD that is refused counts as a refused login: what the first one learns spares the
        // others.
        for job in jobs.by_ref().take(2) {
            found.add(job.look(session).await)?;
        }
    }
    let others: Vec<BoxFuture<'_, _>> =
        jobs.map(|job| progress::lane(job.look(session)).boxed()).collect();
    let mut others = stream::iter(others).buffered(AT_ONCE);
    while let Some(ended) = others.next().await {
        found.add(ended)?;
    }
    match found.trouble {
        Some(trouble) => Err(trouble),
        None => Ok(found.looked),
    }
}

/// What the parts come to so far.
#[derive(Default)]
struct Found {
    looked: Looked,
    trouble: Option<Outcome>,
    troubles: usize,
}

impl Found {
    /// Adds how one part ended; an error if no other can change the end.
    fn add(&mut self, ended: Step<Looked>) -> Step<()> {
        match ended {
            Ok(Looked { config, behind_inline }) => {
                self.looked.config = self.looked.config.take().or(config);
                self.looked.behind_inline = self.looked.behind_inline.take().or(behind_inline);
                Ok(())
            }
            Err(outcome @ (Outcome::Broken(_) | Outcome::Refused(_))) => Err(outcome),
            Err(outcome) => {
                let of_this_part = matches!(
                    &outcome,
                    Outcome::Trouble(trouble) if trouble.kind == TroubleKind::Error
                );
                let first = self.trouble.get_or_insert(outcome);
                self.troubles += 1;
                if of_this_part && self.troubles < MOST_TROUBLE {
                    Ok(())
                } else {
                    Err(first.clone())
                }
            }
        }
    }
}

impl Job<'_> {
    /// Looks at this part. What came with the manifest is nothing that every runtime takes from
    /// there: what the registry has of it is told, and where that cannot be seen, nothing is.
    async fn look(self, session: &Session<'_>) -> Step<Looked> {
        let How::Here(bytes) = self.how else {
            let config = self.anywhere(session).await?;
            return Ok(Looked { config, behind_inline: None });
        };
        let Some(bytes) = bytes else {
            return Err(damaged(self.part, self.descriptor, PartFault::Inline));
        };
        let config = (self.part == Part::Config).then(|| Config::read(bytes));
        let there = Self { how: How::Presence, ..self }.anywhere(session).await;
        let behind_inline = match there {
            Err(Outcome::Broken(damage)) => Some(damage),
            _ => None,
        };
        Ok(Looked { config, behind_inline })
    }

    /// Looks at this part wherever a node would get it from.
    async fn anywhere(self, session: &Session<'_>) -> Step<Option<Config>> {
        let mut said = Fetched::of(&session.crew, session.reference);
        let mut asked = Vec::new();
        for endpoint in session.crew.in_turn() {
            let ended = self.at(session, &endpoint).await;
            asked.push(endpoint.clone());
            match said.add(ended) {
                Some(Err(wrong @ Outcome::Broken(_))) => {
                    return self.unless_before(session, &endpoint, &asked, wrong).await;
                }
                Some(ended) => return ended,
                None => session.crew.has_failed(&endpoint),
            }
        }
        Err(said.nowhere())
    }

    /// What is wrong at one host counts only if no host that a node asks before it has a good one:
    /// some of those are asked last here.
    async fn unless_before(
        &self,
        session: &Session<'_>,
        host: &Arc<Endpoint>,
        asked: &[Arc<Endpoint>],
        wrong: Outcome,
    ) -> Step<Option<Config>> {
        for endpoint in session.crew.before(host) {
            if asked.iter().any(|other| Arc::ptr_eq(other, &endpoint)) {
                continue;
            }
            match self.at(session, &endpoint).await {
                Err(Outcome::Broken(_) | Outcome::Refused(_)) => {}
                ended => return ended,
            }
        }
        Err(wrong)
    }

    /// Looks at this part at one host.
    async fn at(&self, session: &Session<'_>, endpoint: &Arc<Endpoint>) -> Step<Option<Config>> {
        let mut there = session.at(endpoint);
        if let Some(refusal) = there.standing_refusal_elsewhere(session) {
            return Err(Outcome::Refused(refusal));
        }
        there.take_leave_elsewhere(session)?;
        let ended = self.clone().run(&mut there).await;
        if !there.is_with(session) {
            match &ended {
                Ok(_) => there.note_answer(),
                Err(outcome) => there.note_end(outcome),
            }
        }
        ended
    }

    /// Looks at this part; what it says, if it is the config.
    async fn run(self, session: &mut Session<'_>) -> Step<Option<Config>> {
        if self.how == How::Fetch {
            return self.fetch(session).await;
        }
        let Self { part, descriptor, stated, .. } = self;
        blob::look(session, part, descriptor, stated).await.map(|()| None)
    }

    async fn fetch(&self, session: &mut Session<'_>) -> Step<Option<Config>> {
        let key = session.key(&self.descriptor.digest);
        let memory = &session.shared.memory;
        let tenant = session.who.tenant.clone();
        if let Some(kept) = memory.configs.get(&tenant, &key)
            && self.stated.is_none_or(|stated| stated == kept.0)
        {
            return Ok(Some(kept.1.clone()));
        }
        let path = format!("blobs/{}", self.descriptor.digest);
        let accept = accept(&self.descriptor.media_type);
        let answer = session.ask_for(Method::GET, &path, &accept).await?;
        let broken = |fault| damaged(self.part, self.descriptor, fault);
        match answer.status {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => {
                return Err(broken(PartFault::Missing(not_found(session, answer).await)));
            }
            _ => return Err(unexpected(&answer)),
        }
        if is_encoded(&answer) || answer.status != StatusCode::OK {
            return Ok(None);
        }
        let (host, redirected, told) =
            (answer.host.clone(), answer.redirected, told_length(&answer));
        let fault = |fault| {
            if redirected {
                trouble(TroubleKind::Error, &host, "another config behind a redirect")
            } else {
                broken(fault)
            }
        };
        let size = |served| {
            let stated = self.stated.filter(|stated| *stated != served);
            stated.map(|stated| fault(PartFault::Size { served, stated }))
        };
        if let Some(wrong) = told.and_then(size) {
            return Err(wrong);
        }
        let most = usize::try_from(config::LARGEST).unwrap_or(usize::MAX);
        let bytes = match answer.bytes(most, session.shared.transport.limits.body).await {
            Ok(bytes) => bytes,
            Err(BodyFailure::TooLong(Some(_))) => return Ok(None),
            Err(failure) => return Err(failure.outcome(&host)),
        };
        if let Some(wrong) = size(bytes.len() as u64) {
            return Err(wrong);
        }
        if !self.descriptor.digest.verify(&bytes) {
            return Err(fault(PartFault::Digest));
        }
        let config = Config::read(&bytes);
        memory.configs.insert(&tenant, key, (bytes.len() as u64, config.clone()));
        Ok(Some(config))
    }
}

/// What some containerd takes for a layer, and so fetches only to unpack it
/// (`core/images/mediatypes.go`, `IsLayerType`).
fn is_layer(media_type: &str) -> bool {
    let families = [
        "application/vnd.oci.image.layer.",
        "application/vnd.docker.image.rootfs.",
        "application/vnd.erofs.",
    ];
    families.iter().any(|family| media_type.starts_with(family))
}
