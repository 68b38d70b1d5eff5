//! The table in `docs/reliability.md`: which rows it has is compared in every run, and what came
//! of each is written there where it is asked for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::table::ROWS;
use super::trial::{Figures, Form};
use crate::parts::page::{BLESS, split, with};

/// The part of the page.
const NAME: &str = "chaos";
const NOT_RUN: &str = "not run | | | | ";

/// How a process inside tells the one outside.
const TOLD: &str = "chaos figures: ";

pub fn tell(figures: &Figures) {
    println!("{TOLD}{}", serde_json::to_string(figures).unwrap());
}

pub fn told(printed: &str) -> Figures {
    let line = printed.lines().find_map(|line| line.split_once(TOLD));
    serde_json::from_str(line.expect("the inner run tells its figures").1).unwrap()
}

/// Fails where figures of the long form would be written beside what is said of the short one.
pub fn may_be_written() {
    let would_mix = std::env::var_os(BLESS).is_some() && Form::asked().is_long;
    assert!(
        !would_mix,
        "the table is of the short form: set {BLESS} or PULLCHECK_CHAOS=long, and not both"
    );
}

/// Writes what came of a trial to its row, if that is asked for.
pub fn keep(trouble: &str, figures: &Figures) {
    if std::env::var_os(BLESS).is_none() {
        return;
    }
    let Figures { reviews, in_time, wrong, panics, recovered, .. } = figures;
    let recovered = format!("{}.{} s", recovered / 1000, recovered % 1000 / 100);
    let cells = format!("{reviews} | {in_time} | {wrong} | {panics} | {recovered}");
    // Trials run side by side.
    let path = path();
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    file.lock().unwrap();
    let mut page = String::new();
    file.read_to_string(&mut page).unwrap();
    let mut rows = kept(split(&page, NAME).1);
    rows.insert(trouble.to_owned(), cells);
    let page = with(&page, NAME, &table(&rows));
    file.set_len(0).unwrap();
    file.rewind().unwrap();
    file.write_all(page.as_bytes()).unwrap();
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md")
}

/// What came of each trial, as the page has it.
fn kept(table: &str) -> HashMap<String, String> {
    let rows = table.lines().filter_map(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (trouble, rest) = cells.split_once(" | ")?;
        Some((trouble.to_owned(), rest.split_once(" | ")?.1.to_owned()))
    });
    rows.collect()
}

fn table(kept: &HashMap<String, String>) -> String {
    let mut text = String::from(
        "| trouble | meanwhile | reviews | in time | wrong | panics | well again after |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let cells = kept.get(row.trouble).map_or(NOT_RUN, String::as_str);
        writeln!(text, "| {} | {} | {cells} |", row.trouble, row.meanwhile()).unwrap();
    }
    text
}

/// Figures differ from run to run; that there are some, and that all was in time and nothing
/// wrong, does not.
#[test]
fn the_page_has_a_row_with_figures_for_everything_that_is_tried_and_no_other() {
    if std::env::var_os(BLESS).is_some() {
        return;
    }
    let page = std::fs::read_to_string(path()).unwrap();
    let written = split(&page, NAME).1;
    let kept = kept(written);
    let same = written == table(&kept);
    assert!(same, "docs/reliability.md has other rows; {BLESS}=1 cargo test --test chaos");
    for row in ROWS {
        let cells: Vec<&str> = kept[row.trouble].split(" | ").collect();
        let [reviews, in_time, wrong, panics, _] = cells[..] else {
            panic!("{}: not run; {BLESS}=1 cargo test --test chaos", row.trouble)
        };
        assert!(reviews.parse::<u64>().unwrap() > 0, "{}", row.trouble);
        assert_eq!((in_time, wrong, panics), (reviews, "0", "0"), "{}", row.trouble);
    }
}
