//! All nodes, in pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::api::{Api, Failure};
use crate::nodes::{Names, Node};
use crate::workload::tolerant::{Map, Text, object};

/// Nodes of one page. With their images they are some 20 KiB each.
const PAGE: usize = 200;
/// Largest page, in bytes.
const LARGEST: usize = 64 << 20;
/// Longest that one page may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Most nodes. A cluster with more is told of as one whose nodes cannot be read.
const MOST: usize = 20_000;
/// Longest version of a list or token for its next page, far above what there are.
const LONGEST_TOKEN: usize = 4_096;

/// The nodes as they were at some version of the cluster.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// By name.
    pub(super) nodes: BTreeMap<String, Arc<Node>>,
    /// The text they have in common.
    pub(super) names: Names,
    /// `metadata.resourceVersion`: a watch goes on from here.
    pub(super) version: String,
}

/// Reads them all.
pub(super) async fn all(api: &Api) -> Result<Listed, Failure> {
    let mut listed = Listed::default();
    let mut next = String::new();
    let mut seen = 0;
    loop {
        let path = format!("/api/v1/nodes?limit={PAGE}{next}");
        let page = api.page(&path, LARGEST, LIMIT).await?;
        let (items, token) = listed.add(&page)?;
        seen += items;
        match token {
            None => return Ok(listed),
            // Or it would never end.
            Some(_) if items == 0 || seen > MOST => {
                return Err(trouble("API server's list of nodes does not end"));
            }
            Some(token) => next = format!("&continue={}", escaped(&token)),
        }
    }
}

impl Listed {
    /// Adds a page, and says how many nodes it has and where the next one is.
    fn add(&mut self, page: &[u8]) -> Result<(usize, Option<String>), Failure> {
        let read = std::str::from_utf8(page).ok().and_then(|page| {
            let Map(page) = serde_json::from_str::<Map<Page<'_>>>(page).ok()?;
            Some(page)
        });
        let page = read.ok_or_else(|| trouble("API server answered with no list of nodes"))?;
        let metadata = page.metadata.unwrap_or_default();
        self.version = Text::or_empty(metadata.resource_version);
        let items = page.items.unwrap_or_default();
        for node in &items {
            self.set(node.get())?;
        }
        let token = Text::non_empty(metadata.continue_);
        if [Some(&self.version), token.as_ref()]
            .into_iter()
            .flatten()
            .any(|t| t.len() > LONGEST_TOKEN)
        {
            return Err(trouble("API server's list of nodes has no version that fits"));
        }
        Ok((items.len(), token))
    }

    /// Sets one node, and says whether that changes anything. One that says too little of itself
    /// is left out.
    pub(super) fn set(&mut self, json: &str) -> Result<bool, Failure> {
        let Some(node) = Node::read(json, &mut self.names) else { return Ok(false) };
        if self.nodes.get(&node.name).is_some_and(|known| **known == node) {
            return Ok(false);
        }
        self.nodes.insert(node.name.clone(), Arc::new(node));
        if self.nodes.len() > MOST {
            return Err(Failure::Trouble(format!("there are more than {MOST} nodes")));
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
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn trouble(why: &str) -> Failure {
    Failure::Trouble(why.to_owned())
}
