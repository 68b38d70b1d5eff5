//! What divan prints as the table of the page: asked to write it, this process runs itself once
//! more and reads that.

use std::process::Command;

use super::page::{self, Table};

/// Set for the run that is read.
const READ: &str = "PULLCHECK_BENCH_READ";

/// Characters before the name of a benchmark: it is part of a module, and that of the program. One
/// of several sizes stands below it.
const BENCHMARK: usize = 6;

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
    let mut group = String::new();
    for line in printed.lines().map(Line::read) {
        match line.figures {
            Some((fastest, median)) => {
                let name = line.name.replace('_', " ");
                let name = if line.depth > BENCHMARK { format!("{group}, {name}") } else { name };
                table.row([&name, median, fastest]);
            }
            None => group = line.name.replace('_', " "),
        }
    }
    page::put("parts", "cargo bench --bench parts", &table.markdown());
}

/// `│  ├─ name   fastest │ slowest │ median │ mean │ samples │ iters`; a group has no figures.
#[derive(Debug)]
struct Line<'a> {
    /// Characters before the name.
    depth: usize,
    name: &'a str,
    /// The fastest and the median.
    figures: Option<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let text = line.trim_start_matches(['│', '├', '╰', '─', ' ']);
        let depth = line.chars().count() - text.chars().count();
        let (name, figures) = text.split_once(' ').unwrap_or((text, ""));
        let figures: Vec<&str> = figures.split('│').map(str::trim).collect();
        let figures = match figures.as_slice() {
            [fastest, _, median, ..] if fastest.ends_with('s') => Some((*fastest, *median)),
            _ => None,
        };
        Self { depth, name, figures }
    }
}
