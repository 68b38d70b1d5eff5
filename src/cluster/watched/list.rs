//! All objects of a kind, in pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Watched;
use crate::cluster::api::{Accept, Api, Failure};
use crate::percent::{encode, is_unreserved};
use crate::workload::tolerant::{Map, Text, object};

/// Longest that one page may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Longest version of a list or token for its next page, far above what there are.
const LONGEST_TOKEN: usize = 4_096;

/// The objects as they were at some version of the cluster.
#[derive(Debug)]
pub(super) struct Listed<W: Watched> {
    /// By name.
    pub(super) objects: BTreeMap<String, Arc<W::Kept>>,
    /// What reading them needs to remember.
    pub(super) reader: W,
    /// `metadata.resourceVersion`: a watch goes on from here.
    pub(super) version: String,
}

/// Reads them all.
pub(super) async fn all<W: Watched>(api: &Api) -> Result<Listed<W>, Failure> {
    let mut listed =
        Listed { objects: BTreeMap::new(), reader: W::default(), version: String::new() };
    let mut next = String::new();
    let mut seen = 0;
    let accept = if W::METADATA { Accept::MetadataList } else { Accept::Object };
    loop {
        let path = format!("{}?limit={}{next}", W::PATH, W::PAGE);
        let page = api.page(&path, accept, W::LARGEST_PAGE, LIMIT).await?;
        let (items, token) = listed.add(&page)?;
        seen += items;
        match token {
            None => return Ok(listed),
            // Or it would never end.
            Some(_) if items == 0 || seen > W::MOST => {
                return Err(trouble::<W>("does not end"));
            }
            Some(token) => next = format!("&continue={}", escaped(&token)),
        }
    }
}

impl<W: Watched> Listed<W> {
    /// Adds a page, and says how many objects it has and where the next one is.
    fn add(&mut self, page: &[u8]) -> Result<(usize, Option<String>), Failure> {
        let read = std::str::from_utf8(page).ok().and_then(|page| {
            let Map(page) = serde_json::from_str::<Map<Page<'_>>>(page).ok()?;
            Some(page)
        });
        let page = read.ok_or_else(|| trouble::<W>("is none"))?;
        let metadata = page.metadata.unwrap_or_default();
        self.version = Text::or_empty(metadata.resource_version);
        let items = page.items.unwrap_or_default();
        for object in &items {
            self.set(object.get())?;
        }
        let token = Text::non_empty(metadata.continue_);
        if [Some(&self.version), token.as_ref()]
            .into_iter()
            .flatten()
            .any(|t| t.len() > LONGEST_TOKEN)
        {
            return Err(trouble::<W>("has no version that fits"));
        }
        Ok((items.len(), token))
    }

    /// Sets one object, and says whether that changes anything. One that says too little of itself
    /// is left out.
    pub(super) fn set(&mut self, json: &str) -> Result<bool, Failure> {
        let Some(kept) = self.reader.read(json) else { return Ok(false) };
        let name = W::name(&kept);
        if self.objects.get(name).is_some_and(|known| **known == kept) {
            return Ok(false);
        }
        self.objects.insert(name.to_owned(), Arc::new(kept));
        if self.objects.len() > W::MOST {
            let (most, them) = (W::MOST, W::PLURAL);
            return Err(Failure::Trouble(format!("there are more than {most} {them}")));
        }
        Ok(true)
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default, deserialize_with = "object")]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    resource_version: Option<Text<'a>>,
    #[serde(borrow, default, rename = "continue")]
    continue_: Option<Text<'a>>,
}

/// As a value of a query: a token is opaque, and base64 holds what means something there.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    encode(text.as_bytes(), is_unreserved, &mut escaped);
    escaped
}

fn trouble<W: Watched>(what: &str) -> Failure {
    Failure::Trouble(format!("API server's list of {} {what}", W::PLURAL))
}
