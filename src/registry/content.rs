//! From a manifest to all that a node would fetch after it: the config and the layers.
//!
//! Never here: which entry of an index a node takes. Whoever knows that asks for it by itself.

mod blob;
mod config;
mod parts;

use std::sync::Arc;

use super::Step;
use super::manifest::{Outline, Parts};
use super::session::Session;
use crate::facts::{Content, ImageConfig, ImageContent, LeftOut, Unread};
use parts::{Looked, Plan};

pub(super) use blob::{Seen, Unseen, accept, damaged, is_encoded, not_found};
pub(super) use config::Config;

/// What a verified manifest leads to. Of one image, everything is looked at that may be; its end
/// is another outcome if some of it is not there, or could not be seen.
pub(super) async fn of(session: &mut Session<'_>, outline: &Outline) -> Step<Content> {
    session.shown = true;
    match outline {
        Outline::Unusual => Ok(Content::Unread(Unread::Unusual)),
        Outline::Index(entries) => Ok(Content::Index(entries.clone())),
        Outline::Image(image) => self::image(session, image).await,
    }
}

async fn image(session: &Session<'_>, image: &Parts) -> Step<Content> {
    let size = image.size();
    let shared = session.shared;
    let shallow = if session.is_pull_through() {
        Some(LeftOut::PullThrough)
    } else {
        (!shared.layers).then_some(LeftOut::Depth)
    };
    let content = if shallow.is_some() {
        ImageContent { config: ImageConfig::Unread, size, behind_inline: None, left_out: shallow }
    } else {
        let Plan { jobs, left_out } = Plan::of(image);
        let Looked { config, behind_inline } = parts::look(session, jobs).await?;
        let config = config.map_or(ImageConfig::Unread, |read| read.of(image));
        ImageContent { config, size, behind_inline: behind_inline.map(Box::new), left_out }
    };
    Ok(Content::Image(Arc::new(content)))
}
