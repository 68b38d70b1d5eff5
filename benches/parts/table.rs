//! What divan prints as the table of the page: asked to write it, this process runs itself once
//! more and reads that.

use std::process::Command;

use super::page::{self, Table};

/// Set for the run that is read.
const READ: &str = "PULLCHECK_BENCH_READ";

pub fn main() {
    if !page::is_written() || std::env::var_os(READ).is_some() {
        divan::main();
        return;
    }
    let run = Command::new(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1))
        .env(READ, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{printed}");
    let mut table = Table::new(["part", "median", "fastest"]);
    for (name, fastest, median) in printed.lines().filter_map(line) {
        table.row([name.replace('_', " "), median, fastest]);
    }
    page::put("parts", "cargo bench --bench parts", &table.markdown());
}

/// `│  ├─ name   fastest │ slowest │ median │ mean │ samples │ iters`; a group has no figures.
fn line(line: &str) -> Option<(&str, String, String)> {
    let line = line.trim_start_matches(['│', '├', '╰', '─', ' ']);
    let (name, figures) = line.split_once(' ')?;
    let figures: Vec<&str> = figures.split('│').map(str::trim).collect();
    let [fastest, _, median, ..] = figures.as_slice() else { return None };
    fastest.ends_with('s').then(|| (name, (*fastest).to_owned(), (*median).to_owned()))
}
