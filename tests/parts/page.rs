//! Pages under `docs/` with parts that a run of the tests writes, each between two markers of its
//! own.

use std::path::Path;

/// Set to rewrite the generated part instead of comparing it.
pub const BLESS: &str = "PULLCHECK_BLESS";

/// [`hold_part`] of `docs/truth.md`.
#[track_caller]
pub fn hold(name: &str, text: &str, binary: &str) {
    hold_part("docs/truth.md", name, text, binary);
}

/// Holds a page's part between `<!-- NAME -->` and `<!-- /NAME -->` to a text, or rewrites it;
/// `binary` is the `--test` that generates it.
#[track_caller]
pub fn hold_part(page: &str, name: &str, text: &str, binary: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let whole = std::fs::read_to_string(&path).unwrap();
    let (_, written, _) = split(&whole, name);
    if written == text {
        return;
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, with(&whole, name, text)).unwrap();
        return;
    }
    let different = text.lines().filter(|line| !written.lines().any(|it| it == *line));
    let different: Vec<&str> = different.take(20).collect();
    panic!(
        "{page} is not what the run shows; refresh it with {BLESS}=1 cargo test --test \
         {binary}. New or changed lines, at most 20:\n{}",
        different.join("\n")
    );
}

/// The text of the fenced block that is a page's part.
#[track_caller]
pub fn block(page: &str, name: &str) -> String {
    let whole = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let (_, part, _) = split(&whole, name);
    let text = part.strip_prefix("```").and_then(|part| part.strip_suffix("```\n"));
    let text = text.and_then(|text| text.split_once('\n')).map(|(_, text)| text.to_owned());
    text.unwrap_or_else(|| panic!("{name} of {page} is no fenced block"))
}

/// What is before a part of a page's text, in it and after it.
#[track_caller]
pub fn split<'a>(page: &'a str, name: &str) -> (&'a str, &'a str, &'a str) {
    let (begin, end) = markers(name);
    let lacks = |what: &str| panic!("the page lacks the {what} marker of {name}");
    let Some((before, rest)) = page.split_once(&begin) else { lacks("first") };
    let Some((written, after)) = rest.split_once(&end) else { lacks("last") };
    (before, written, after)
}

/// The page with another text as its part.
#[track_caller]
pub fn with(page: &str, name: &str, text: &str) -> String {
    let (before, _, after) = split(page, name);
    let (begin, end) = markers(name);
    format!("{before}{begin}{text}{end}{after}")
}

fn markers(name: &str) -> (String, String) {
    (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"))
}
