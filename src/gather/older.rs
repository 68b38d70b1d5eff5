//! An older answer, which stands in for a registry that fails, speaks for an image or not at all.

use crate::causes;
use crate::facts::{Attempt, Facts, ImageFact};

/// Takes back the older answers for every image that anything would be said against for them: that
/// its registry failed is then all that is known of it, as if there had been none.
pub(super) fn take_back(facts: &mut Facts<'_>) {
    let rests = |image: &ImageFact<'_>| image.attempts.iter().any(|one| one.stale.is_some());
    if !facts.images.iter().any(rests) {
        return;
    }
    let with = causes::findings(facts);
    // Some of it is said whatever a registry answers.
    let answers: Vec<Vec<Attempt>> = facts
        .images
        .iter_mut()
        .map(|image| if rests(image) { std::mem::take(&mut image.attempts) } else { Vec::new() })
        .collect();
    let without = causes::findings(facts);
    for (image, mut attempts) in facts.images.iter_mut().zip(answers) {
        if attempts.is_empty() {
            continue;
        }
        let said = |finding: &&causes::Finding| finding.field == image.field;
        let anyway = |code| without.iter().filter(said).any(|finding| finding.code == code);
        if with.iter().filter(said).any(|finding| !anyway(finding.code)) {
            attempts.iter_mut().for_each(Attempt::forget_older);
        }
        image.attempts = attempts;
    }
}
