//! "Did you mean": the nearest of a bounded list of names. Pure.

/// Names longer than this are not compared: the cost is the product of the lengths, and nobody
/// types them by hand.
const LONGEST: usize = 64;
/// Candidates beyond this many are not looked at.
const MOST: usize = 5_000;

/// The candidate nearest to `wanted`, if one is near enough to be a typing mistake.
///
/// Near enough is one edit (insertion, deletion, substitution, transposition) for every three
/// characters, at least one and at most four; among equals the first candidate wins.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > LONGEST {
        return None;
    }
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .take(MOST)
        .filter(|candidate| *candidate != wanted && candidate.len() <= LONGEST)
        .filter(|candidate| candidate.len().abs_diff(wanted.len()) <= allowed)
        .map(|candidate| (strsim::damerau_levenshtein(wanted, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typing_mistake_finds_its_neighbour() {
        assert_eq!(nearest("latests", ["1.27", "latest", "stable"]), Some("latest"));
        assert_eq!(nearest("ngnix", ["nginx", "node"]), Some("nginx"));
        assert_eq!(nearest("regcred", ["reg-cred", "other"]), Some("reg-cred"));
    }

    #[test]
    fn what_is_far_away_is_not_suggested() {
        assert_eq!(nearest("v2", ["stable", "2024-01-01"]), None);
        assert_eq!(nearest("latest", ["latest"]), None);
    }
}
