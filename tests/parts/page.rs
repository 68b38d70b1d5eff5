//! `docs/truth.md`: each test binary that writes to it owns the part between two markers.

use std::path::Path;

/// Set to rewrite the generated part instead of comparing it.
const BLESS: &str = "PULLCHECK_BLESS";

/// Holds the page's part between `<!-- NAME -->` and `<!-- /NAME -->` to a text, or rewrites it;
/// `binary` is the `--test` that generates it.
#[track_caller]
pub fn hold(name: &str, text: &str, binary: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/truth.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).expect("docs/truth.md lacks the first marker");
    let (written, after) = rest.split_once(&end).expect("docs/truth.md lacks the last marker");
    if written == text {
        return;
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, format!("{before}{begin}{text}{end}{after}")).unwrap();
        return;
    }
    let different = text.lines().filter(|line| !written.lines().any(|it| it == *line));
    let different: Vec<&str> = different.take(20).collect();
    panic!(
        "docs/truth.md is not what the run shows; refresh it with {BLESS}=1 cargo test --test \
         {binary}. New or changed lines, at most 20:\n{}",
        different.join("\n")
    );
}
