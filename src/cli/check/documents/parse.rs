//! One document's text to values, in bounds, and in words that quote none of it: it may be a
//! Secret.

use serde_json::Value;
use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

/// Deepest nesting. Manifests have a dozen levels and the schemas in CRDs some fifty; without
/// optimisation a level takes 20 KiB of the main thread's stack.
const DEEPEST: usize = 100;
/// Most nodes of one document: a List of ten thousand pods.
const MOST_NODES: usize = 3_000_000;
/// Most that aliases may add to that; a few lines of them can stand for billions.
const MOST_REPLAYED: usize = 300_000;

/// What both parsers say of what is nested deeper than they follow.
const TOO_DEEP: &str = "recursion limit exceeded";

/// What one document's text came to.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The values, each with the number of lines above it. More than one only for JSON objects
    /// that follow each other.
    pub values: Vec<(usize, Value)>,
    /// What is wrong, and the number of lines above that.
    pub problem: Option<(usize, String)>,
    /// What kubectl would take without a word and the user may not mean, likewise.
    pub note: Option<(usize, String)>,
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Parsed {
    if !text.trim_start().starts_with('{') {
        return yaml(text);
    }
    // JSON is faster read as what it is, may follow on JSON, and may hold tabs.
    let json = json(text);
    if json.problem.is_none() {
        return json;
    }
    let yaml = yaml(text);
    let is_json =
        text.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'));
    if yaml.problem.is_some() && is_json { json } else { yaml }
}

fn json(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let rest = text.get(stream.byte_offset()..).unwrap_or_default();
        let start = text.len() - rest.trim_start().len();
        match stream.next() {
            None => return parsed,
            Some(Ok(value)) => parsed.values.push((lines(text, start), value)),
            Some(Err(error)) => {
                // Its words are its own; only its place is at the end, and is told already.
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or_default();
                let why = if said == TOO_DEEP {
                    too_deep()
                } else {
                    format!("not JSON: {said}{}", template(text))
                };
                parsed.problem = Some((error.line().saturating_sub(1), why));
                return parsed;
            }
        }
    }
}

fn lines(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count()
}

fn yaml(text: &str) -> Parsed {
    let duplicate = match read(text, DuplicateKeyPolicy::Error) {
        Ok(value) => return Parsed { values: vec![(0, value)], ..Parsed::default() },
        Err(Error::DuplicateMappingKey { key, location }) => (key, above(location)),
        Err(error) => return broken(text, &error),
    };
    // kubectl takes the last one without a word.
    match read(text, DuplicateKeyPolicy::LastWins) {
        Ok(value) => {
            let (key, above) = duplicate;
            let key = key.filter(|key| is_name(key)).unwrap_or_else(|| "a key".to_owned());
            let why = format!("{key} is there twice; the last one counts");
            Parsed { values: vec![(0, value)], note: Some((above, why)), problem: None }
        }
        Err(error) => broken(text, &error),
    }
}

fn read(text: &str, duplicate_keys: DuplicateKeyPolicy) -> Result<Value, Error> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: duplicate_keys,
        // Nothing of a pull is a float; the API server has its own word on those.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_NODES,
            max_events: 2 * MOST_NODES,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn broken(text: &str, error: &Error) -> Parsed {
    let why = match cause(error) {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => too_deep(),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "its aliases stand for more than any manifest holds".to_owned()
        }
        Error::Budget { .. } => "larger than any manifest".to_owned(),
        Error::UnknownAnchor { .. } => "not YAML: an alias (*) without its anchor (&)".to_owned(),
        // The scanner's words are its own; those about values may quote them.
        Error::Message { .. } | Error::ExternalMessage { .. } => {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            if said == TOO_DEEP {
                too_deep()
            } else {
                format!("not YAML: {said}{}", advice(text, error))
            }
        }
        _ => format!("not YAML that a manifest could hold{}", advice(text, error)),
    };
    let above = error.location().map_or(0, above);
    Parsed { problem: Some((above, why)), ..Parsed::default() }
}

/// What went wrong below an alias is told like anything else.
fn cause(error: &Error) -> &Error {
    match error {
        Error::AliasError { error, .. } => cause(error),
        error => error,
    }
}

fn too_deep() -> String {
    format!("nested deeper than {DEEPEST} levels, which no manifest is")
}

fn above(location: serde_saphyr::Location) -> usize {
    usize::try_from(location.line().saturating_sub(1)).unwrap_or_default()
}

/// What most often is behind it.
fn advice(text: &str, error: &Error) -> &'static str {
    let at = error.location().map_or(0, above);
    let line = text.lines().nth(at).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|before| text.lines().nth(before));
    let opens_block = before.is_some_and(|line| {
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        [": |", ": >", ": |-", ": >-"].iter().any(|end| line.ends_with(end))
    });
    if text.contains("{{") {
        template(text)
    } else if opens_block && line.trim_start().starts_with(['{', '}', '"']) {
        "; indent the text below the | by two more spaces than its key"
    } else if line.trim_start_matches(' ').starts_with('\t') {
        "; indent with spaces"
    } else {
        ""
    }
}

fn template(text: &str) -> &'static str {
    if text.contains("{{") { "; it is a template, check what helm template prints" } else { "" }
}

/// Text that can be told: keys may be pasted secrets too.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (usize, String) {
        parse(text).problem.unwrap_or_else(|| panic!("{text} is fine"))
    }

    #[test]
    fn json_objects_may_follow_each_other() {
        let parsed = parse("{\"a\":1}\n{\"b\":\n2}  {\"c\":3}\n");
        let at: Vec<usize> = parsed.values.iter().map(|(above, _)| *above).collect();
        assert_eq!((at, parsed.problem), (vec![0, 1, 2], None));
        let parsed = parse("{\"a\":1}\n{\"b\":\n");
        assert_eq!(parsed.values.len(), 1);
        assert_eq!(parsed.problem.unwrap().0, 2);
    }

    #[test]
    fn flow_mappings_and_tabs_in_json_are_read() {
        for text in ["{a: 1, b: [x]}", "{\"a\":1,}", "{\n\t\"a\":\t1\n}"] {
            assert_eq!(parse(text).values[0].1["a"], 1, "{text}");
        }
    }

    #[test]
    fn a_duplicate_key_is_noted_and_the_last_one_counts() {
        let parsed = parse("a: 1\nb: 2\na: 3\n");
        assert_eq!(parsed.values[0].1["a"], 3);
        assert_eq!(parsed.note, Some((2, "a is there twice; the last one counts".to_owned())));
    }

    #[test]
    fn anchors_and_merge_keys_are_read() {
        let parsed = parse("x: &x {image: a}\nc:\n- <<: *x\n  name: nn\n- <<: [*x]\n  image: b\n");
        let (_, value) = &parsed.values[0];
        assert_eq!(value["c"][0], serde_json::json!({"image": "a", "name": "nn"}));
        assert_eq!(value["c"][1]["image"], "b");
    }

    /// On a stack smaller than the main thread's, whatever the harness gives.
    #[test]
    fn depth_and_aliases_are_bounded() {
        let bounded = std::thread::Builder::new().stack_size(4 << 20).spawn(bounds);
        bounded.unwrap().join().unwrap();
    }

    /// Mappings in mappings, each below the one before.
    fn steps(count: usize) -> String {
        (0..count).fold(String::new(), |text, n| text + &" ".repeat(n) + "a:\n")
    }

    fn bounds() {
        for (text, word) in [
            ("[".repeat(200_000), "nested"),
            ("{\"a\":".repeat(200_000), "nested"),
            (format!("a: {}", "{a: ".repeat(200)), "nested"),
            (steps(400), "nested"),
        ] {
            assert!(problem(&text).1.contains(word), "{:?}", problem(&text));
        }
        let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for pair in ('a'..='z').collect::<Vec<_>>().windows(2) {
            let many = vec![format!("*{}", pair[0]); 9].join(", ");
            laughs = format!("{laughs}{}: &{} [{many}]\n", pair[1], pair[1]);
        }
        assert!(problem(&laughs).1.contains("aliases"), "{:?}", problem(&laughs));
        assert!(parse("a: &a [*a]").problem.is_some());
        assert_eq!(parse(&steps(90)).problem, None);
    }

    #[test]
    fn what_is_told_is_what_helps_and_nothing_of_the_text() {
        for (text, above, word) in [
            ("a: |\n{\"auths\": {}}\n", 1, "indent the text below the |"),
            ("x:\n  a: |\n  {\"auths\": {}}\n", 2, "indent the text below the |"),
            ("a: {{ .Values.a }}\n", 0, "template"),
            ("{{ if x }}\na: 1\n", 0, "template"),
            ("a:\n\tb: 1\n", 1, "spaces"),
            ("a: *b\n", 0, "without its anchor"),
            ("{\"a\" 1}", 0, "not JSON: expected `:`"),
        ] {
            let (at, why) = problem(text);
            assert!(why.contains(word), "{text}: {why}");
            assert_eq!(at, above, "{text}: {why}");
        }
        let secret = "hunter2-of-the-lagoon";
        for text in [
            format!("{secret}: 1\n{secret}/{secret}: 1\n? {secret}@\n: 2\n{secret}@: 3\n"),
            format!("a: !{secret} b\nb: [\n"),
            format!("a: \"{secret}\\q\"\n"),
            format!("a: *{secret}\n"),
            format!("&{secret} a: {secret}: b\n"),
            format!("{{\"a\": \"{secret}\" \"{secret}\"}}"),
        ] {
            let parsed = parse(&text);
            let told = format!("{:?} {:?}", parsed.problem, parsed.note);
            assert!(!told.contains(secret), "{told}");
        }
    }
}
