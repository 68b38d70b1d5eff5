//! Whether a blob is there, asked as cheaply as the registry lets us, and in the node's own way
//! before anything is said against it.

use http::header::CONTENT_ENCODING;
use http::{HeaderValue, Method, StatusCode};

use crate::facts::{
    Damage, Descriptor, Evidence, Outcome, Part, PartFault, TroubleKind, Unchecked,
};
use crate::registry::Step;
use crate::registry::memory::Key;
use crate::registry::progress::{Phase, enter};
use crate::registry::session::Session;
use crate::registry::transport::Answer;
use crate::registry::trouble::{trouble, unexpected};

/// The longest media type that is asked for by name (RFC 6838, 4.2: 127 characters either side).
const LONGEST_MEDIA_TYPE: usize = 255;

/// A blob that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) struct Seen {
    /// How long it is, where that was told and means the blob itself.
    pub(in crate::registry) length: Option<u64>,
    /// Not the registry itself has told so.
    redirected: bool,
    /// It was asked for as a node does.
    by_get: bool,
}

/// Why it is not known to be there.
#[derive(Debug, Clone)]
pub(in crate::registry) enum Unseen {
    /// The registry itself has no such blob.
    Missing(Evidence),
    Ended(Outcome),
}

/// Looks whether the registry has what `descriptor` names, and that it is as long as `stated`,
/// where anything is.
pub(super) async fn look(
    session: &mut Session<'_>,
    part: Part,
    descriptor: &Descriptor,
    stated: Option<u64>,
) -> Step<()> {
    let question = Question {
        path: format!("blobs/{}", descriptor.digest),
        accept: accept(&descriptor.media_type),
        key: session.key(&descriptor.digest),
    };
    let broken = |fault| damaged(part, descriptor, fault);
    let unseen = |unseen| match unseen {
        Unseen::Missing(evidence) => broken(PartFault::Missing(evidence)),
        Unseen::Ended(outcome) => outcome,
    };
    let (mut seen, fresh) = question.once(session).await.map_err(unseen)?;
    let differs = |seen: Seen| match (stated, seen.length) {
        (Some(stated), Some(served)) if stated != served => Some((served, stated)),
        _ => None,
    };
    // Only what a GET is answered now proves anything.
    if differs(seen).is_some() && !(fresh && seen.by_get) {
        seen = question.get(session).await.map_err(unseen)?;
        let tenant = &session.who.tenant;
        session.shared.memory.blobs.insert(tenant, question.key, seen);
    }
    match differs(seen) {
        None => Ok(()),
        Some((served, stated)) if seen.redirected => {
            let words = format!("{served} bytes behind a redirect in place of {stated}");
            Err(trouble(TroubleKind::Error, session.authority.as_str(), words))
        }
        Some((served, stated)) => Err(broken(PartFault::Size { served, stated })),
    }
}

/// What is wrong with a part, as the end of a lookup.
pub(in crate::registry) fn damaged(
    part: Part,
    descriptor: &Descriptor,
    fault: PartFault,
) -> Outcome {
    Outcome::Broken(Damage { part, digest: descriptor.digest.clone(), fault })
}

/// What containerd accepts of a descriptor's type.
pub(in crate::registry) fn accept(media_type: &str) -> HeaderValue {
    let named = (!media_type.is_empty() && media_type.len() <= LONGEST_MEDIA_TYPE)
        .then(|| HeaderValue::from_str(&format!("{media_type}, */*")).ok());
    named.flatten().unwrap_or(HeaderValue::from_static("*/*"))
}

/// Whether what is sent is not the content itself.
pub(in crate::registry) fn is_encoded(answer: &Answer) -> bool {
    let encoding = answer.headers.get(CONTENT_ENCODING);
    encoding.is_some_and(|encoding| !encoding.is_empty() && encoding != "identity")
}

/// The length that an answer tells of the content itself.
pub(super) fn told_length(answer: &Answer) -> Option<u64> {
    answer.length().filter(|_| answer.status == StatusCode::OK && !is_encoded(answer))
}

/// The registry's own 404.
pub(in crate::registry) async fn not_found(session: &Session<'_>, answer: Answer) -> Evidence {
    let host = answer.host.clone();
    let code = session.error_body(answer).await.code;
    Evidence::new(StatusCode::NOT_FOUND.as_u16(), code, host)
}

/// One blob, as a question.
struct Question {
    path: String,
    accept: HeaderValue,
    key: Key,
}

impl Question {
    /// Asks once for all who want to know at the same time; and whether it was asked just now.
    /// What ends another's budget or time is no answer for this one, who then asks by itself.
    async fn once(&self, session: &mut Session<'_>) -> Result<(Seen, bool), Unseen> {
        let blobs = &session.shared.memory.blobs;
        enter(Phase::Request, session.authority.as_str());
        let mut asked = false;
        let tenant = session.who.tenant.clone();
        let shared = {
            // The cache would hold it several times over.
            let ask = Box::pin(async {
                asked = true;
                self.head_or_get(session).await
            });
            blobs.get_or_try(&tenant, self.key, ask).await
        };
        match shared {
            Ok(seen) => Ok((**seen, asked)),
            Err(unseen) if !asked && matches!(*unseen, Unseen::Ended(Outcome::NotChecked(_))) => {
                let seen = self.head_or_get(session).await?;
                blobs.insert(&tenant, self.key, seen);
                Ok((seen, true))
            }
            Err(unseen) => Err(Unseen::clone(&unseen)),
        }
    }

    /// HEAD, and GET where that is not plainly answered: proxy caches answer 404 for what they
    /// have not fetched yet (Harbor), some registries 401 (ECR Public), and an address that was
    /// signed for GET 403.
    async fn head_or_get(&self, session: &mut Session<'_>) -> Result<Seen, Unseen> {
        let memory = &session.shared.memory;
        let mut refused = false;
        if !memory.is_headless(session.authority.as_str()) {
            match session.try_head(&self.path, &self.accept).await {
                Ok(answer) => match answer.status {
                    StatusCode::TOO_MANY_REQUESTS => {
                        return Err(Unseen::Ended(unexpected(&answer)));
                    }
                    status => {
                        if let length @ Some(_) = told_length(&answer) {
                            let redirected = answer.redirected;
                            return Ok(Seen { length, redirected, by_get: false });
                        }
                        refused = !status.is_success() && status != StatusCode::NOT_FOUND;
                    }
                },
                Err(Outcome::Refused(_)) => refused = true,
                // GET may need no login.
                Err(Outcome::NotChecked(Unchecked::Budget(_))) => {}
                Err(ended) => return Err(Unseen::Ended(ended)),
            }
        }
        let seen = self.get(session).await?;
        if refused {
            memory.keep_headless(&session.who.tenant, session.authority.as_str());
        }
        Ok(seen)
    }

    /// GET, closed after its headers.
    async fn get(&self, session: &mut Session<'_>) -> Result<Seen, Unseen> {
        let answer = session.ask_for(Method::GET, &self.path, &self.accept).await;
        let answer = answer.map_err(Unseen::Ended)?;
        match answer.status {
            status if status.is_success() => Ok(Seen {
                length: told_length(&answer),
                redirected: answer.redirected,
                by_get: true,
            }),
            StatusCode::NOT_FOUND => Err(Unseen::Missing(not_found(session, answer).await)),
            _ => Err(Unseen::Ended(unexpected(&answer))),
        }
    }
}
