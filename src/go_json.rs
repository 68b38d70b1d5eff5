//! The names of JSON members as Go's `encoding/json` matches them to the fields of a struct.
//! Plain values without I/O.
//!
//! Source: `foldName` in Go's standard library, which folds letters as Unicode does.

/// Whether Go takes a member of this name for the field that is `known`, in lower case ASCII.
pub fn folds_to(name: &str, known: &str) -> bool {
    // Two letters beyond ASCII fold to one within.
    let fold = |letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).eq(known.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_as_unicode_folds_them() {
        for (name, known, is_it) in [
            ("layers", "layers", true),
            ("LaYeRS", "layers", true),
            ("layer\u{17f}", "layers", true),
            ("\u{212a}ind", "kind", true),
            ("layer", "layers", false),
            ("layers ", "layers", false),
            ("la_yers", "layers", false),
            // Folds to another letter beyond ASCII, and to none within.
            ("\u{130}d", "id", false),
            ("", "layers", false),
        ] {
            assert_eq!(folds_to(name, known), is_it, "{name} {known}");
        }
    }
}
