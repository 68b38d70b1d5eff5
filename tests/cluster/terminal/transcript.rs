//! What a page shows of a terminal.

use std::fmt::Write as _;

/// A part of a transcript with a name.
#[derive(Debug)]
pub struct Scene {
    pub name: &'static str,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    File(String),
    /// Commands with what they showed.
    Commands(String),
}

impl Scene {
    pub fn named(name: &'static str) -> Self {
        Self { name, pieces: Vec::new() }
    }

    pub fn file(&mut self, name: &str, text: &str) {
        self.pieces.push(Piece::File(format!("# {name}\n{}", text.trim_start())));
    }

    pub fn command(&mut self, line: &str, shown: &str) {
        let text = format!("$ {line}\n{}", stable(shown));
        if let Some(Piece::Commands(before)) = self.pieces.last_mut() {
            before.push_str(&text);
        } else {
            self.pieces.push(Piece::Commands(text));
        }
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut page = String::new();
        for piece in &self.pieces {
            let (language, text) = match piece {
                Piece::File(text) => ("yaml", text),
                Piece::Commands(text) => ("console", text),
            };
            writeln!(page, "\n```{language}\n{}\n```", text.trim_end()).unwrap();
        }
        page + "\n"
    }
}

/// Fields of an object that differ from run to run.
const VARYING: [&str; 3] = ["creationTimestamp: ", "resourceVersion: ", "uid: "];

/// Without what differs from run to run: in what `kubectl diff` shows, its folders and the times of
/// its files, and the fields above.
fn stable(shown: &str) -> String {
    shown.lines().map(|line| stable_line(line) + "\n").collect()
}

fn stable_line(line: &str) -> String {
    for field in VARYING {
        if let Some((before, _)) = line.split_once(field) {
            return format!("{before}{field}...");
        }
    }
    let file = line.starts_with("--- /") || line.starts_with("+++ /");
    let line = if file { line.split('\t').next().unwrap_or_default() } else { line };
    let parts = line.split_inclusive('/').map(|part| {
        let folder = part.strip_suffix('/').and_then(|folder| folder.split_once('-'));
        match folder {
            Some((kind @ ("LIVE" | "MERGED"), _)) => format!("{kind}/"),
            _ => part.to_owned(),
        }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::stable;

    #[test]
    fn what_differs_from_run_to_run_is_left_out() {
        let shown = "--- /tmp/LIVE-3072/apps.v1.Deployment.shop.web\t2026-01-01 00:00:00\n   \
            resourceVersion: \"463\"\n+      - image: a/LIVE-1:2\n";
        let page = "--- /tmp/LIVE/apps.v1.Deployment.shop.web\n   \
            resourceVersion: ...\n+      - image: a/LIVE-1:2\n";
        assert_eq!(stable(shown), page);
    }
}
