//! The one line a person meets: what happened, why, and how to fix it.
//!
//! Every line is printable ASCII and at most [`LONGEST`] characters: the API server drops a
//! warning that holds a control character without a word, and cuts all of them once their sum
//! grows too large. Foreign text enters a message only through [`printable`].

use crate::causes::Code;

/// Longest line, in characters (all of them ASCII).
pub const LONGEST: usize = 256;

/// What becomes of an image that the webhook could not look at; not said where an operator's
/// action denies it all the same.
pub const ADMITTED: &str = "admitted unverified, ";

/// Most of an image name that a message shows.
const LONGEST_IMAGE: usize = 100;

/// `text` in printable ASCII, at most `most` characters: the rest is escaped, the middle cut out.
pub fn printable(text: &str, most: usize) -> String {
    let needs_escape = |c: char| !(c == ' ' || c.is_ascii_graphic());
    // Only the two ends can survive the cut, so a huge text is not escaped whole.
    let ends: String = if text.len() > most * 2 + 2 {
        let head = text.chars().take(most);
        let tail: Vec<char> = text.chars().rev().take(most).collect();
        head.chain(tail.into_iter().rev()).collect()
    } else {
        text.to_owned()
    };
    let escaped: String = ends
        .chars()
        .flat_map(|c| {
            let escape = needs_escape(c).then(|| c.escape_default());
            let plain = escape.is_none().then_some(c);
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect();
    shorten(&escaped, most)
}

/// ASCII `text` with its middle replaced by `...` where it is longer than `most`.
fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    if most < 4 {
        return text.get(..most).unwrap_or_default().to_owned();
    }
    let kept = most - 3;
    let head = kept - kept / 2;
    let tail = text.len() - kept / 2;
    format!("{}...{}", text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default())
}

/// Joins the parts of one finding: `<field> "<image>": <what>; <fix> [<code>]`.
///
/// What is too long loses from the image first, then from `what`; the fix and the code stay.
pub fn line(field: &str, image: Option<&str>, what: &str, fix: &str, code: Code) -> String {
    let field = printable(field, 80);
    let what = printable(what, LONGEST);
    let fix = printable(fix, 100);
    let tail = if fix.is_empty() { format!(" [{code}]") } else { format!("; {fix} [{code}]") };
    let Some(image) = image else {
        let room = LONGEST.saturating_sub(field.len() + 2 + tail.len());
        return format!("{field}: {}{tail}", shorten(&what, room));
    };
    let quoted = |image: &str, what: &str| format!("{field} \"{image}\": {what}{tail}");
    let fixed = quoted("", "").len();
    let room = LONGEST.saturating_sub(fixed);
    let image_room = room.saturating_sub(what.len()).clamp(40.min(room), LONGEST_IMAGE);
    let image = printable(image, image_room);
    let what = shorten(&what, room.saturating_sub(image.len()));
    quoted(&image, &what)
}

/// `a, b and c`, with at most `most` names and "N more" for the rest.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<String> = names.into_iter().map(|name| printable(name, 60)).collect();
    let more = names.len().saturating_sub(most);
    let mut shown = names;
    shown.truncate(most);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    match shown.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code::find("tag-not-found").unwrap()
    }

    #[test]
    fn a_line_reads_what_then_fix_then_code() {
        let line = line(
            "spec.containers[0].image",
            Some("nginx:latests"),
            "docker.io/library/nginx has no tag latests (404)",
            "did you mean latest?",
            code(),
        );
        assert_eq!(
            line,
            "spec.containers[0].image \"nginx:latests\": docker.io/library/nginx has no tag \
             latests (404); did you mean latest? [tag-not-found]"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_api_server_keeps() {
        let long = "x".repeat(5_000);
        for image in [None, Some(long.as_str()), Some("a")] {
            for what in ["short", long.as_str()] {
                for fix in ["", "fix it", long.as_str()] {
                    for field in ["spec", long.as_str()] {
                        let line = line(field, image, what, fix, code());
                        assert!(line.len() <= LONGEST, "{} {line}", line.len());
                        assert!(line.ends_with(" [tag-not-found]"), "{line}");
                    }
                }
            }
        }
    }

    #[test]
    fn control_characters_and_foreign_scripts_are_escaped() {
        let shown = printable("a\nb\u{1b}[31m\u{e4}\t::error", 100);
        assert_eq!(shown, "a\\nb\\u{1b}[31m\\u{e4}\\t::error");
        assert!(printable(&"\u{1b}".repeat(100_000), 50).len() <= 50);
    }

    #[test]
    fn a_list_names_a_few_and_counts_the_rest() {
        assert_eq!(list(["a"], 3), "a");
        assert_eq!(list(["a", "b"], 3), "a and b");
        assert_eq!(list(["a", "b", "c", "d", "e"], 2), "a, b and 3 more");
        assert_eq!(list([], 2), "");
    }
}
