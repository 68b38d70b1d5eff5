//! Pages of `docs/` that runs write: each test binary owns the part between two markers of its own.

use std::path::Path;

/// Set to rewrite the generated part instead of comparing it.
const BLESS: &str = "PULLCHECK_BLESS";

/// Holds `docs/truth.md` to what a run shows, as [`hold_in`] does.
#[track_caller]
pub fn hold(name: &str, text: &str, binary: &str) {
    hold_in("docs/truth.md", name, text, binary);
}

/// Holds a page's part between `<!-- NAME -->` and `<!-- /NAME -->` to a text, or rewrites it;
/// `binary` is the `--test` that generates it.
#[track_caller]
pub fn hold_in(page: &str, name: &str, text: &str, binary: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text_of_page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text_of_page.split_once(&begin).expect("the page lacks the first marker");
    let (written, after) = rest.split_once(&end).expect("the page lacks the last marker");
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
        "{page} is not what the run shows; refresh it with {BLESS}=1 cargo test --test \
         {binary}. New or changed lines, at most 20:\n{}",
        different.join("\n")
    );
}
