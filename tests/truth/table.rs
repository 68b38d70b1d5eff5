//! The run as a table in `docs/truth.md`.
//!
//! What a node said is told by the fragment that the case expects: it was found in the error, and
//! is the same in every run, where ports and digests are not.

use std::fmt::Write as _;

use crate::support::contract::Certainty;

use super::case::{Case, Node};
use super::verdict::Row;

/// The name of this run's part of the page.
pub const PART: &str = "truth";

/// The table of every case that pullcheck can be held to, family by family.
pub fn markdown(judges: &[String], families: &[(&str, Vec<Row>)]) -> String {
    let rows = || families.iter().flat_map(|(_, rows)| rows);
    let ready = rows().filter(|row| row.said.is_some()).count();
    let mut text = String::new();
    writeln!(text, "Judges: {}.\n", judges.join(", ")).unwrap();
    writeln!(text, "{ready} cases.").unwrap();
    for (family, rows) in families {
        writeln!(text, "\n### {family}\n").unwrap();
        text.push_str("| case | containerd 2 | containerd 1.6 | pullcheck | agree |\n");
        text.push_str("|---|---|---|---|---|\n");
        for row in rows.iter().filter(|row| row.said.is_some()) {
            let case = &row.case;
            let (current, old) = (node(case.current), node(case.old));
            let said = says(case);
            writeln!(text, "| {} | {current} | {old} | {said} | {} |", case.name, agree(case))
                .unwrap();
        }
    }
    text
}

fn node(node: Node) -> String {
    match node {
        Node::Pulls => "pulls".to_owned(),
        Node::Fails(text) => format!("fails: {text}"),
    }
}

fn says(case: &Case) -> String {
    match case.says {
        None => "nothing".to_owned(),
        Some(says) => format!("`{}`, {:?}", says.code, says.certainty),
    }
}

/// Whether both are right, or why it stays open.
fn agree(case: &Case) -> String {
    if let Some(why) = case.undecidable {
        return format!("no: {why}");
    }
    match case.says.map(|says| says.certainty) {
        Some(Certainty::Unknown) => "not denied: what failed may be our own view".to_owned(),
        _ if case.differs() => "as the version says".to_owned(),
        _ => "yes".to_owned(),
    }
}
