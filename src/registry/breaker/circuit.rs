//! Lookups that failed in a row, and when to ask again after too many of them. Pure: the time
//! comes in.

use std::time::Duration;

use tokio::time::Instant;

use crate::facts::{Trouble, TroubleKind};

/// Failures in a row after which one lookup at a time is enough. By default one namespace asks a
/// registry four things at a time, so that the first four that time out together are enough.
const ENOUGH: u32 = 4;
/// And how long they must have gone on: a registry that is started anew refuses a hundred at once,
/// and answers again a moment later.
const LASTING: Duration = Duration::from_secs(2);
/// The first pause before it is asked again; each failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: a person who has put the registry right tries again within seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A lookup that failed at a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) trouble: &'a Trouble,
    /// On whose behalf.
    pub(super) tenant: &'a str,
    pub(super) repository: &'a str,
    /// When the lookup began.
    pub(super) begun: Instant,
}

/// What a circuit takes for proof that nobody gets an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The word of one namespace.
    One,
    /// The word of two: what one alone meets may be its own repository's fault.
    Two,
}

/// Lets everybody through until too many lookups have failed without a good one between them,
/// and then one at a time.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    run: Option<Run>,
    open: Option<Open>,
}

/// Failures without an answer between them.
#[derive(Debug)]
struct Run {
    failures: u32,
    /// Those in which the host did not say anything.
    silent: u32,
    since: Instant,
    last: Trouble,
    repositories: Told,
    tenants: Told,
}

/// Whether several have told the same. Who they are is nothing to keep.
#[derive(Debug)]
struct Told {
    first: Box<str>,
    by_several: bool,
}

#[derive(Debug)]
struct Open {
    pause: Duration,
    /// From then on it may be asked.
    next: Instant,
    /// Somebody asks now.
    probing: bool,
}

impl Told {
    fn by(who: &str) -> Self {
        Self { first: who.into(), by_several: false }
    }

    fn add(&mut self, who: &str) {
        self.by_several |= *self.first != *who;
    }
}

impl Run {
    fn begin(failure: Failure<'_>) -> Self {
        let Failure { trouble, tenant, repository, begun } = failure;
        let silent = is_silence(trouble).into();
        let (tenants, repositories) = (Told::by(tenant), Told::by(repository));
        Self { failures: 1, silent, since: begun, last: trouble.clone(), repositories, tenants }
    }

    fn add(&mut self, failure: Failure<'_>) {
        self.failures = self.failures.saturating_add(1);
        self.silent = self.silent.saturating_add(is_silence(failure.trouble).into());
        self.since = self.since.min(failure.begun);
        self.last = failure.trouble.clone();
        self.repositories.add(failure.repository);
        self.tenants.add(failure.tenant);
    }

    /// A status, however bad, may be about one repository alone.
    fn is_enough(&self, proof: Proof, now: Instant) -> bool {
        self.failures >= ENOUGH
            && now.saturating_duration_since(self.since) >= LASTING
            && (self.silent >= ENOUGH || self.repositories.by_several)
            && (proof == Proof::One || self.tenants.by_several)
    }
}

/// Whether nothing came that could be about one repository.
fn is_silence(trouble: &Trouble) -> bool {
    !matches!(trouble.kind, TroubleKind::Error | TroubleKind::RateLimited)
}

impl Circuit {
    /// Whether only one at a time is let through.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether somebody is to ask now: nobody else does, and the pause is over. Whoever is `new`
    /// does not wait for the pause.
    pub(super) fn wants_a_probe(&self, new: bool, now: Instant) -> bool {
        self.open.as_ref().is_some_and(|open| !open.probing && (new || now >= open.next))
    }

    /// Somebody asks now.
    pub(super) fn probe(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = true;
        }
    }

    /// Whoever asked has come to an end.
    pub(super) fn probed(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// The host may be asked at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            open.next = open.next.min(now);
        }
    }

    /// There was an answer in between.
    pub(super) fn forget_failures(&mut self) {
        if self.open.is_none() {
            self.run = None;
        }
    }

    /// A lookup failed; whether that was one too many. One that began before it opened says
    /// nothing new of when to ask again: only a `probe` does.
    pub(super) fn failed(
        &mut self,
        failure: Failure<'_>,
        proof: Proof,
        probe: bool,
        now: Instant,
    ) -> bool {
        match &mut self.run {
            Some(run) => run.add(failure),
            None => self.run = Some(Run::begin(failure)),
        }
        match &mut self.open {
            Some(open) => {
                if probe {
                    open.pause = (open.pause * 2).min(LONGEST_PAUSE);
                    open.next = now + open.pause;
                }
                false
            }
            None if self.run.as_ref().is_some_and(|run| run.is_enough(proof, now)) => {
                let next = now + FIRST_PAUSE;
                self.open = Some(Open { pause: FIRST_PAUSE, next, probing: false });
                true
            }
            None => false,
        }
    }

    /// How many lookups have failed, and since when.
    pub(super) fn failures(&self, now: Instant) -> (u32, Duration) {
        let run = self.run.as_ref();
        run.map_or_else(Default::default, |run| {
            (run.failures, now.saturating_duration_since(run.since))
        })
    }

    /// What is said instead of asking the host `authority`: the last failure, and how long it has
    /// been like that.
    pub(super) fn trouble(&self, authority: &str, now: Instant) -> Option<Trouble> {
        let (run, open) = (self.run.as_ref()?, self.open.as_ref()?);
        let (failures, since) = self.failures(now);
        let left = if open.probing {
            FIRST_PAUSE
        } else {
            open.next.saturating_duration_since(now).max(FIRST_PAUSE)
        };
        Some(Trouble {
            kind: run.last.kind,
            host: authority.to_owned(),
            detail: format!(
                "{}, {failures} times in {} s; asked again in {} s",
                run.last.detail,
                since.as_secs(),
                left.as_secs()
            ),
            waited: None,
            retry_after: Some(left),
        })
    }
}
