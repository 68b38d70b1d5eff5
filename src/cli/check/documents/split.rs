//! A file's text to the texts of its documents, each with its line. Never here: what they hold.

/// The documents of a YAML stream: each with the line, from 1, on which its content begins.
/// What holds nothing but comments is none.
///
/// `---` and `...` at the start of a line always end a document: inside a block scalar every line
/// is indented, and elsewhere YAML forbids them there.
pub(super) fn split(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if is_marker(line) {
            documents.extend(content(start_line, text.get(start..offset).unwrap_or_default()));
            // What follows the marker on its line belongs to the document: `--- {a: b}`.
            (start, start_line) = (offset + 3, index + 1);
        }
        offset += line.len();
    }
    documents.extend(content(start_line, text.get(start..).unwrap_or_default()));
    documents
}

fn is_marker(line: &str) -> bool {
    ["---", "..."].iter().any(|marker| {
        line.strip_prefix(marker)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
    })
}

/// The part without the blank lines, comments and directives before its content.
fn content(line: usize, part: &str) -> Option<(usize, &str)> {
    let mut skipped = 0;
    for (index, text) in part.split_inclusive('\n').enumerate() {
        let bare = text.trim();
        if !(bare.is_empty() || bare.starts_with(['#', '%'])) {
            return Some((line + index, part.get(skipped..)?));
        }
        skipped += text.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, &str)> {
        split(text).into_iter().map(|(line, part)| (line, part.trim())).collect()
    }

    #[test]
    fn every_spelling_of_the_marker_ends_a_document() {
        for marker in ["---", "--- ", "---\t", "--- # Source: chart/a.yaml", "...\n---", "---\r"] {
            let text = format!("{marker}\na: 1\n{marker}\nb: 2\n{marker}");
            let parts: Vec<&str> = lines(&text).into_iter().map(|(_, part)| part).collect();
            assert_eq!(parts, ["a: 1", "b: 2"], "{marker:?}");
        }
        assert_eq!(lines("--- {a: 1}\n--- {b: 2}"), [(1, "{a: 1}"), (2, "{b: 2}")]);
    }

    #[test]
    fn what_only_begins_like_a_marker_is_content() {
        for text in ["a: |\n  ---\n  x", "----", "---a: 1", "....", "a: '\n ---\n '"] {
            assert_eq!(lines(text), [(1, text)]);
        }
    }

    #[test]
    fn a_line_is_that_of_the_content() {
        let text = "%YAML 1.2\n---\n\n# why\r\na: 1\n---\n# nothing\n---\n\n\nb: 2";
        assert_eq!(lines(text), [(5, "a: 1"), (11, "b: 2")]);
        assert_eq!(lines("\n \n# only\n---\n"), []);
    }
}
