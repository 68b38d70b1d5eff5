//! The globs of one host label, as Go's filepath.Match reads them: `*`, `?`, `[a-z]`, `[^a-z]`
//! and `\`. Case counts. (`/` is no part of a label, so its special place does not show.)

/// A valid pattern.
#[derive(Debug, Clone)]
pub(super) struct Glob(Vec<Token>);

#[derive(Debug, Clone)]
enum Token {
    Star,
    Any,
    Literal(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Reads a pattern; none if it is malformed, in which case it matches nothing.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => class(&mut rest)?,
                '\\' => Token::Literal(rest.next()?),
                c => Token::Literal(c),
            });
        }
        Some(Self(tokens))
    }

    /// Whether it matches the whole label.
    pub(super) fn matches(&self, label: &str) -> bool {
        let mut tokens = self.0.as_slice();
        let mut rest = label.chars();
        // Where to go on if what follows the last star does not fit here.
        let mut retry = None;
        loop {
            if let [Token::Star, after @ ..] = tokens {
                tokens = after;
                retry = Some((after, rest.clone()));
                continue;
            }
            let mut ahead = rest.clone();
            match (tokens, ahead.next()) {
                ([], None) => return true,
                ([token, after @ ..], Some(c)) if token.fits(c) => {
                    (tokens, rest) = (after, ahead);
                }
                _ => {
                    let Some((after, mut from)) = retry else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    (tokens, rest) = (after, from.clone());
                    retry = Some((after, from));
                }
            }
        }
    }
}

impl Token {
    fn fits(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Literal(literal) => *literal == c,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != *negated
            }
        }
    }
}

/// What follows `[`, up to its `]`: at least one character or range.
fn class(rest: &mut std::str::Chars<'_>) -> Option<Token> {
    let negated = take(rest, '^');
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && take(rest, ']') {
            return Some(Token::Class { negated, ranges });
        }
        let low = member(rest)?;
        let high = if take(rest, '-') { member(rest)? } else { low };
        ranges.push((low, high));
    }
}

/// One character of a class; `-` and `]` only after a backslash.
fn member(rest: &mut std::str::Chars<'_>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        c => Some(c),
    }
}

fn take(rest: &mut std::str::Chars<'_>, c: char) -> bool {
    let found = rest.as_str().starts_with(c);
    if found {
        rest.next();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_labels_as_gos_do() {
        for (pattern, label, matched) in [
            ("", "", true),
            ("", "a", false),
            ("abc", "abc", true),
            ("abc", "Abc", false),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*", "anything", true),
            ("*c", "abc", true),
            ("a*", "ab", true),
            ("a*", "ba", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXc", false),
            ("*ab", "aab", true),
            ("**", "x", true),
            ("?", "a", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("r[0-9]", "r7", true),
            ("r[0-9]", "rx", false),
            ("r[^0-9]", "rx", true),
            ("r[^0-9]", "r7", false),
            ("[ab-d^]", "^", true),
            ("[ab-d^]", "c", true),
            ("[\\]]", "]", true),
            ("[\\--a]", "-", true),
            ("[*]", "*", true),
            ("[*]", "x", false),
            ("[z-a]", "m", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a]", "a]", true),
            ("*[0-9]", "ab7", true),
        ] {
            let glob = Glob::parse(pattern).unwrap_or_else(|| panic!("{pattern} is well-formed"));
            assert_eq!(glob.matches(label), matched, "{pattern} on {label}");
        }
    }

    #[test]
    fn malformed_patterns_are_none() {
        for pattern in
            ["[", "[]", "[]a]", "[a", "[a-", "[a-]", "[-a]", "[^]", "[^]a]", "[^a", "\\", "[\\"]
        {
            assert!(Glob::parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn many_stars_cost_no_exponential_time() {
        let glob = Glob::parse(&"*a".repeat(2_000)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(4_000))));
    }
}
