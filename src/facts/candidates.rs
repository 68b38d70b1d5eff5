//! The nodes that a pod may land on, as far as a pull goes: platforms and runtimes, whose word they
//! are, and which entries of an index they would take.
//!
//! Never here: what they mean for an image (`causes`).

use super::{Entry, Facts};
use crate::image::Platform;
use crate::image::platform::{Choice, rank, rank_without_features};
use crate::nodes::quirks::ways;
use crate::nodes::{Node, Runtime};

#[cfg(test)]
mod tests;

/// Whose word it is what nodes there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The pod's: it names system and processor.
    Pinned,
    /// The operator's, narrowed by what the pod names.
    Declared,
    /// The pod's, of the processor alone: nearly always Linux, and nobody said so.
    Half,
    /// That of the nodes which are there. Others may come.
    Present,
    /// Nobody's. Good only for choosing what to look at.
    Assumed,
}

impl Whose {
    /// Whether there are no nodes but these.
    pub fn is_all(self) -> bool {
        matches!(self, Self::Pinned | Self::Declared)
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread compared all entries of an index with a node.
    pub(crate) static RANKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A kind of node that the pod may land on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Its platform.
    pub platform: Platform,
    /// What decides between entries of its system and processor is not known: the version of a
    /// Windows, the variant of an arm.
    pub loose: bool,
    /// Its runtime, where that is known.
    pub runtime: Option<Runtime>,
}

impl Candidate {
    /// What a pull by such a node may fetch of an index: one of these sets, all of it. An empty
    /// set is a pull that finds nothing to fetch.
    pub fn picks(&self, entries: &[Entry]) -> Vec<Vec<usize>> {
        let ranked = |choice, by_features, node| {
            #[cfg(test)]
            RANKED.set(RANKED.get() + 1);
            let platforms = entries.iter().map(|entry| entry.platform.as_ref());
            if by_features {
                rank(choice, node, platforms)
            } else {
                rank_without_features(choice, node, platforms)
            }
        };
        let ways = ways(self.runtime);
        if self.loose {
            // The greatest arm takes all others; a Windows without a version every version.
            let variant = if self.platform.architecture == "arm" { "v8" } else { "" };
            let widest = Platform { variant: variant.to_owned(), ..self.platform.clone() };
            let by_features = ways.iter().all(|way| way.by_features);
            let any = ranked(Choice::Compatible, by_features, &widest);
            let picks: Vec<Vec<usize>> = any.into_iter().map(|index| vec![index]).collect();
            return if picks.is_empty() { vec![Vec::new()] } else { picks };
        }
        let mut picks = Vec::new();
        for way in ways {
            let mut taken = ranked(way.choice, way.by_features, &self.platform);
            if !way.every {
                taken.truncate(1);
            }
            if !picks.contains(&taken) {
                picks.push(taken);
            }
        }
        picks
    }
}

/// Most kinds of nodes that an image is looked at for; clusters have a few.
const MOST_KINDS: usize = 32;

/// The kinds of nodes that the pod may land on, on one word. Never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// Whose word it is.
    pub whose: Whose,
    /// Each kind once, up to a bound.
    pub kinds: Vec<Candidate>,
    /// There are more of them.
    pub more: bool,
    /// Their runtimes are the operator's word.
    pub runtimes_declared: bool,
}

/// What is looked at where nobody knows the nodes.
const ASSUMED: [(&str, &str); 3] = [("linux", "amd64"), ("linux", "arm64"), ("windows", "amd64")];

impl Facts<'_> {
    /// The nodes that the pod may land on. Where what is sure leaves open what the present nodes
    /// tell (the version of a Windows), theirs is a second, weaker word.
    pub fn candidates(&self) -> Vec<Candidates> {
        let present = self.nodes.as_deref().unwrap_or_default();
        let Some((whose, platforms)) = self.said() else {
            let word = if present.is_empty() {
                let assumed: Vec<Platform> = self.assumed().collect();
                self.kinds(Whose::Assumed, assumed.iter().map(|platform| (platform, None)))
            } else {
                self.kinds(Whose::Present, present.iter().map(|node| own(node)))
            };
            return vec![word];
        };
        let like = |platform: &Platform| -> Vec<&Node> {
            let alike = |node: &&Node| {
                node.platform.os == platform.os
                    && node.platform.architecture == platform.architecture
            };
            present.iter().map(AsRef::as_ref).filter(alike).collect()
        };
        let with_runtimes = platforms.iter().flat_map(|platform| {
            let mut runtimes: Vec<_> = like(platform).iter().map(|node| node.runtime).collect();
            if runtimes.is_empty() {
                runtimes.push(None);
            }
            runtimes.into_iter().map(move |runtime| (platform, runtime))
        });
        let mut words = vec![self.kinds(whose, with_runtimes)];
        let nodes: Vec<&Node> = platforms.iter().flat_map(like).collect();
        let open = words.iter().flat_map(|word| &word.kinds).any(|kind| kind.loose);
        if open && !nodes.is_empty() {
            words.push(self.kinds(Whose::Present, nodes.into_iter().map(own)));
        }
        words
    }

    /// The runtimes that the operator declared, else those of the present nodes, as far as they are
    /// known.
    pub fn runtimes(&self) -> impl Iterator<Item = Runtime> {
        let declared = &self.settings.runtimes;
        let nodes = self.nodes.iter().flatten().filter(|_| declared.is_empty());
        declared.iter().copied().chain(nodes.filter_map(|node| node.runtime))
    }

    /// What the pod or the operator says.
    fn said(&self) -> Option<(Whose, Vec<Platform>)> {
        let pins = self.pins;
        let allowed = |platform: &&Platform| {
            pins.os.is_none_or(|os| os == platform.os)
                && pins.architecture.is_none_or(|one| one == platform.architecture)
        };
        let declared: Vec<Platform> =
            self.settings.platforms.iter().filter(allowed).cloned().collect();
        let known = self.nodes.as_ref().is_some_and(|nodes| !nodes.is_empty());
        match (pins.os, pins.architecture) {
            // What was declared may know the variant or the version of the system.
            _ if !declared.is_empty() => Some((Whose::Declared, declared)),
            (Some(os), Some(architecture)) => {
                Some((Whose::Pinned, vec![Platform::new(os, architecture, "")]))
            }
            (None, Some(architecture)) if !known => {
                Some((Whose::Half, vec![Platform::new("linux", architecture, "")]))
            }
            _ => None,
        }
    }

    fn assumed(&self) -> impl Iterator<Item = Platform> {
        let os = self.pins.os.filter(|os| *os == "windows").unwrap_or("linux");
        let of_it = ASSUMED.into_iter().filter(move |(system, _)| *system == os);
        of_it.map(|(os, architecture)| Platform::new(os, architecture, ""))
    }

    /// Each kind once, with the runtimes that the operator declared in place of any other.
    fn kinds<'p>(
        &self,
        whose: Whose,
        nodes: impl Iterator<Item = (&'p Platform, Option<Runtime>)>,
    ) -> Candidates {
        let declared: Vec<Option<Runtime>> =
            self.settings.runtimes.iter().copied().map(Some).collect();
        let mut kinds: Vec<Candidate> = Vec::new();
        let mut more = false;
        for (platform, own) in nodes {
            let runtimes = if declared.is_empty() { &[own] } else { declared.as_slice() };
            for &runtime in runtimes {
                let known =
                    |kind: &Candidate| kind.runtime == runtime && kind.platform == *platform;
                if kinds.iter().any(known) {
                    continue;
                }
                if kinds.len() == MOST_KINDS {
                    more = true;
                    continue;
                }
                let unknown_version = platform.os == "windows" && platform.os_version.is_empty();
                let unknown_variant = whose != Whose::Declared
                    && platform.architecture == "arm"
                    && platform.variant.is_empty();
                let loose = unknown_version || unknown_variant;
                kinds.push(Candidate { platform: platform.clone(), loose, runtime });
            }
        }
        Candidates { whose, kinds, more, runtimes_declared: !declared.is_empty() }
    }
}

fn own(node: &Node) -> (&Platform, Option<Runtime>) {
    (&node.platform, node.runtime)
}
