//! The facts as causes see them. What several causes ask about the nodes is worked out once for
//! all: how much there is to work out is up to a registry.

use std::cell::OnceCell;
use std::ops::Deref;

use super::landing::{Fate, fate};
use crate::facts::{Candidates, Facts, ImageFact};

/// Facts, and what was worked out of them.
#[derive(Debug)]
pub struct View<'a> {
    facts: &'a Facts<'a>,
    candidates: OnceCell<Vec<Candidates>>,
    /// Of each image; of each word on the nodes; on each kind of node.
    fates: Vec<OnceCell<Vec<Vec<Fate<'a>>>>>,
}

impl<'a> View<'a> {
    pub(super) fn new(facts: &'a Facts<'a>) -> Self {
        let fates = facts.images.iter().map(|_| OnceCell::new()).collect();
        Self { facts, candidates: OnceCell::new(), fates }
    }

    /// The nodes that the pod may land on: [`Facts::candidates`].
    pub(super) fn candidates(&self) -> &[Candidates] {
        self.candidates.get_or_init(|| self.facts.candidates())
    }

    /// What becomes of one of the images on each kind of node, by each word on them.
    pub(super) fn fates(
        &self,
        image: &ImageFact<'_>,
    ) -> impl Iterator<Item = (&Candidates, &[Fate<'a>])> {
        let mut images = self.facts.images.iter().zip(&self.fates);
        let known = images.find(|(own, _)| std::ptr::eq(*own, image));
        let fates = known.map(|(image, fates)| {
            fates.get_or_init(|| {
                let of_word =
                    |word: &Candidates| word.kinds.iter().map(|kind| fate(image, kind)).collect();
                self.candidates().iter().map(of_word).collect()
            })
        });
        self.candidates().iter().zip(fates.into_iter().flatten().map(Vec::as_slice))
    }
}

impl<'a> Deref for View<'a> {
    type Target = Facts<'a>;

    fn deref(&self) -> &Facts<'a> {
        self.facts
    }
}
