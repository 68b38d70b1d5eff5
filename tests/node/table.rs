//! The part of `docs/truth.md` that a run of these tests writes.

use super::outcome::Outcome;
use super::word::Findings;

/// Of a message, so much is shown: its end, which is where the cause is.
const SHOWN: usize = 120;

/// One row.
pub struct Row<'a> {
    pub case: &'a str,
    pub outcome: &'a Outcome,
    pub findings: &'a Findings,
}

/// The table, below a line that names the judges.
pub fn page(judges: &str, rows: &[Row<'_>]) -> String {
    let head = "| pod | on the node | pullcheck before | agree |\n|---|---|---|---|\n";
    let rows: String = rows.iter().map(Row::line).collect();
    format!("{judges}\n\n{head}{rows}")
}

impl Row<'_> {
    fn line(&self) -> String {
        let node = match self.outcome {
            Outcome::Runs => "runs".to_owned(),
            Outcome::Waits { reason, message } => {
                let (reason, message) = (steady(reason), steady(message));
                if reason == message { message } else { format!("{reason}: {}", end_of(&message)) }
            }
        };
        let word = self.findings;
        let agree = if self.findings.agree(self.outcome) { "yes" } else { "**no**" };
        format!("| {} | {} | {word} | {agree} |\n", self.case, node.replace('|', "\\|"))
    }
}

fn end_of(message: &str) -> String {
    let skipped = message.chars().count().saturating_sub(SHOWN);
    match skipped {
        0 => message.to_owned(),
        _ => format!("...{}", message.chars().skip(skipped).collect::<String>()),
    }
}

/// The text without what is different in every run: ports, digests, lines.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find([':', '\n', '\t']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let number = after[1..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(after.len() - 1);
        rest = &after[1..];
        match (&after[..1], number) {
            (":", 64) => (out.push_str(":..."), rest = &rest[64..]).0,
            (":", 4..=5) if after[1..=number].bytes().all(|it| it.is_ascii_digit()) => {
                out.push_str(":PORT");
                rest = &rest[number..];
            }
            (":", _) => out.push(':'),
            _ => out.push(' '),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_digests_are_not_part_of_the_page() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!("Head \"https://r.test:40123/v2/a\": no:\n\tsha256:{digest}: gone:80");
        assert_eq!(steady(&text), "Head \"https://r.test:PORT/v2/a\": no:  sha256:...: gone:80");
    }

    #[test]
    fn of_a_long_message_the_end_is_shown() {
        let text = format!("{}the cause", "beginning ".repeat(20));
        let end = end_of(&text);
        assert!(end.starts_with("...") && end.ends_with("the cause"), "{end}");
        assert_eq!(end.len(), SHOWN + 3);
    }
}
