//! An older answer, which stands in for a registry that fails, speaks for an image or not at all.

use crate::causes;
use crate::facts::{Attempt, Facts, ImageFact};

/// Takes back the older answers for every image that anything would be said against for them: that
/// its registry failed is then all that is known of it, as if there had been none.
///
/// A finding that names one image for several may then name the next of them. Each round but the
/// last takes back those of one image more.
pub(super) fn take_back(facts: &mut Facts<'_>) {
    while take_back_once(facts) {}
}

/// One round; whether it took anything back.
fn take_back_once(facts: &mut Facts<'_>) -> bool {
    let rests = |image: &ImageFact<'_>| image.attempts.iter().any(|one| one.stale.is_some());
    if !facts.images.iter().any(rests) {
        return false;
    }
    let with = causes::findings(facts);
    // Some of it is said whatever a registry answers.
    let answers: Vec<Vec<Attempt>> = facts
        .images
        .iter_mut()
        .map(|image| if rests(image) { std::mem::take(&mut image.attempts) } else { Vec::new() })
        .collect();
    let without = causes::findings(facts);
    let mut any = false;
    for (image, mut attempts) in facts.images.iter_mut().zip(answers) {
        if attempts.is_empty() {
            continue;
        }
        let said = |finding: &&causes::Finding| finding.field == image.field;
        let anyway = |code| without.iter().filter(said).any(|finding| finding.code == code);
        if with.iter().filter(said).any(|finding| !anyway(finding.code)) {
            attempts.iter_mut().for_each(Attempt::forget_older);
            any = true;
        }
        image.attempts = attempts;
    }
    any
}

#[cfg(test)]
mod tests;
