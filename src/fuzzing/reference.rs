//! What stands in a pod's `image` field.

use super::assert_line;
use crate::image::Reference;

/// What normalising may add: `docker.io/library/` before the name, `:latest` behind it.
const MOST_ADDED: usize = 25;

/// Any text as an image: what is accepted prints as what it was read from, in printable ASCII and
/// hardly longer; what is refused is explained within bounds.
pub fn reference(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    match Reference::parse(&raw) {
        Ok(reference) => {
            let printed = reference.to_string();
            assert_line(&printed, raw.len() + MOST_ADDED);
            let name = format!("{}/{}", reference.registry(), reference.repository());
            assert_eq!(reference.name(), name);
            assert!(!reference.host().is_empty() && !reference.pull_by().is_empty());
            assert_eq!(Reference::parse(&printed).as_ref(), Ok(&reference));
        }
        Err(error) => {
            assert_line(&error.to_string(), 145);
            assert_line(&error.fix().unwrap_or_default(), 145);
        }
    }
}
