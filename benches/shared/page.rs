//! The tables of `docs/performance.md`, each between two markers of its own name, so that every
//! measurement writes its own and leaves the others alone.

use std::fmt::Write as _;
use std::path::Path;

#[path = "../../tests/parts/page.rs"]
#[expect(dead_code, reason = "pages that are compared are the tests'")]
mod parts;

const PAGE: &str = "docs/performance.md";

/// A Markdown table: what the first column names, the others measure.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self::default();
        table.row(columns);
        table
    }

    /// One more row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table in Markdown, figures to the right.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            writeln!(text, "| {} |", row.join(" | ")).unwrap();
            if index == 0 {
                writeln!(text, "|---|{}", "---:|".repeat(row.len() - 1)).unwrap();
            }
        }
        text
    }
}

/// Prints what was measured and, if asked to, writes it into the page between
/// `<!-- table: NAME -->` and `<!-- /table: NAME -->`, below a line that says on what machine, when
/// and by which command.
pub fn put(name: &str, command: &str, markdown: &str) {
    let text = format!("{}\n\n{}\n", made_by(command), markdown.trim_end());
    println!("\n{name}\n\n{text}");
    if is_written() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        let page = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, with(&page, name, &text)).unwrap();
    }
}

/// Whether the page is to be written.
pub fn is_written() -> bool {
    std::env::var_os(parts::BLESS).is_some()
}

/// The page with another text between the markers of a name.
pub fn with(page: &str, name: &str, text: &str) -> String {
    parts::with(page, &format!("table: {name}"), text)
}

/// The machine, the day and the command, on one line.
fn made_by(command: &str) -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| Some(line.strip_prefix("model name")?.trim()));
    let model = model.map_or("CPU unknown", |model| model.trim_start_matches([':', ' ']));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split(' ').rev().nth(1));
    let gib = kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default().div_ceil(1 << 20);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    format!(
        "{day}, {cores} cores ({model}), {gib} GiB, Linux {}, made by `{command}`.",
        kernel.trim()
    )
}
