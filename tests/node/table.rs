//! The part of `docs/truth.md` that a run of these tests writes.

use super::outcome::Outcome;
use super::word::Findings;

/// Words of the kubelet and of containerd around the cause; what is before them is left out.
const AROUND: [&str; 4] = [
    "failed to resolve image: ",
    "may require authorization: ",
    "failed to authorize: ",
    "couldn't parse image name ",
];

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
                if reason == message { message } else { format!("{reason}: {}", cause(&message)) }
            }
        };
        let word = self.findings;
        let agree = if self.findings.agree(self.outcome) { "yes" } else { "**no**" };
        format!("| {} | {} | {word} | {agree} |\n", self.case, node.replace('|', "\\|"))
    }
}

/// The cause that a message ends with.
fn cause(message: &str) -> &str {
    let after = |around: &&str| Some(message.rfind(*around)? + around.len());
    &message[AROUND.iter().filter_map(after).max().unwrap_or(0)..]
}

/// The text without what is different in every run: ports, digests, queries of URLs and lines.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find([':', '?', '\n', '\t']) {
        out.push_str(&rest[..at]);
        let mark = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        let length = |which: fn(char) -> bool| rest.find(|c| !which(c)).unwrap_or(rest.len());
        let hexadecimal = length(|c| c.is_ascii_hexdigit());
        let digits = length(|c| c.is_ascii_digit());
        let (short, left_out) = match mark {
            b':' if hexadecimal == 64 => (":...", 64),
            b':' if (4..=5).contains(&digits) => (":PORT", digits),
            b':' => (":", 0),
            b'?' => ("?...", rest.find([' ', '"']).unwrap_or(rest.len())),
            _ => (" ", 0),
        };
        out.push_str(short);
        // A colon behind a URL is the message's own.
        let url = &rest[..left_out];
        rest = &rest[left_out - usize::from(url.ends_with(':'))..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_not_part_of_the_page() {
        let digest = "0123456789abcdef".repeat(4);
        let text =
            format!("GET https://r.test:40123/v2/a?b=c%3A1: no:\n\tsha256:{digest}: gone:80");
        assert_eq!(steady(&text), "GET https://r.test:PORT/v2/a?...: no:  sha256:...: gone:80");
    }

    #[test]
    fn of_a_message_the_cause_is_shown() {
        let text = "failed to pull \"a\": failed to resolve image: pull access denied, \
            repository does not exist or may require authorization: no basic auth credentials";
        assert_eq!(cause(text), "no basic auth credentials");
        assert_eq!(cause("it is not there"), "it is not there");
    }
}
