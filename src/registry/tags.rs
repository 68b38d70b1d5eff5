//! A repository's tags, bounded in pages, names, bytes and time.

use http::header::LINK;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::content;
use super::session::Session;
use crate::facts::{Evidence, SpecCode};

/// Names asked for in one page.
const PAGE: &str = "tags/list?n=1000";
/// Pages read.
const MOST_PAGES: usize = 5;
/// Names kept.
const MOST_NAMES: usize = 5_000;
/// Bytes of one page.
const LONGEST_PAGE: usize = 2 * 1024 * 1024;
/// The longest tag there is.
const LONGEST_TAG: usize = 128;

/// What the list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TagList {
    /// The registry knows no such repository.
    NoRepository(Evidence),
    /// The first tags; empty if there are none.
    Tags(Vec<String>),
    /// What was read before something failed, or the bounds were met.
    Partial(Vec<String>),
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// The end of a list, sooner or later.
enum End {
    Complete,
    NoRepository(Evidence),
    Failed,
}

/// Reads the tags of the session's repository. What fails is left out.
pub(super) async fn list(session: &mut Session<'_>) -> TagList {
    let until = Instant::now() + session.shared.transport.limits.tag_list;
    let mut tags = Vec::new();
    let end = timeout_at(until, pages(session, &mut tags)).await.unwrap_or(End::Failed);
    match end {
        End::NoRepository(evidence) => TagList::NoRepository(evidence),
        End::Complete => TagList::Tags(tags),
        End::Failed => TagList::Partial(tags),
    }
}

async fn pages(session: &mut Session<'_>, tags: &mut Vec<String>) -> End {
    let mut path = PAGE.to_owned();
    for page in 0..MOST_PAGES {
        let Ok(answer) = session.ask(Method::GET, &path).await else { return End::Failed };
        if page == 0 && answer.status == StatusCode::NOT_FOUND {
            return no_list(content::not_found(session, answer).await);
        }
        if !answer.status.is_success() {
            return End::Failed;
        }
        let next = next(session, &answer.headers);
        let limit = session.shared.transport.limits.body;
        let Ok(body) = answer.bytes(LONGEST_PAGE, limit).await else { return End::Failed };
        let Ok(read) = serde_json::from_slice::<Page>(&body) else { return End::Failed };
        let usable = read.tags.unwrap_or_default();
        let usable = usable.into_iter().filter(|tag| tag.len() <= LONGEST_TAG);
        tags.extend(usable.take(MOST_NAMES - tags.len()));
        match next {
            Some(next) if tags.len() < MOST_NAMES => path = next,
            _ => return End::Complete,
        }
    }
    End::Failed
}

/// Only NAME_UNKNOWN speaks of the repository: many proxies serve no list and say so by a bare 404.
fn no_list(said: Evidence) -> End {
    match said.code {
        Some(SpecCode::NameUnknown) => End::NoRepository(said),
        _ => End::Failed,
    }
}

/// The path of the next page below the repository, if the `Link` header leads to one.
fn next(session: &Session<'_>, headers: &HeaderMap) -> Option<String> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let path = next_path(link, session.authority.as_str())?;
    session.below(path.as_str()).map(str::to_owned)
}

/// The target of a `rel="next"` link, if it is on this authority.
fn next_path(link: &str, authority: &str) -> Option<PathAndQuery> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let parameters = parameters.to_ascii_lowercase().replace(['"', ' '], "");
    if !parameters.split([';', ',']).any(|parameter| parameter == "rel=next") {
        return None;
    }
    let target: Uri = target.parse().ok()?;
    let here =
        target.authority().is_none_or(|there| there.as_str().eq_ignore_ascii_case(authority));
    target.path_and_query().filter(|_| here).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_next_link_on_the_same_authority_is_followed() {
        for (link, expected) in [
            (r#"</v2/a/tags/list?last=x&n=2>; rel="next""#, Some("/v2/a/tags/list?last=x&n=2")),
            ("</v2/a/tags/list?n=2>;rel=next", Some("/v2/a/tags/list?n=2")),
            (r#"<https://reg.test/v2/a/tags/list?n=2>; rel="next""#, Some("/v2/a/tags/list?n=2")),
            (r#"<https://evil.test/v2/a/tags/list>; rel="next""#, None),
            (r#"<https://u:p@reg.test/v2/a/tags/list>; rel="next""#, None),
            (r#"</v2/a/tags/list>; rel="prev""#, None),
            ("/v2/a/tags/list; rel=next", None),
            ("<", None),
            ("", None),
        ] {
            let path = next_path(link, "reg.test");
            assert_eq!(path.as_ref().map(PathAndQuery::as_str), expected, "{link}");
        }
    }
}
