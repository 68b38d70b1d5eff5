//! Any text in a pod's `image` field: what is accepted prints as itself, what is refused is
//! explained within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pullcheck::image::Reference;

fuzz_target!(|raw: &str| {
    match Reference::parse(raw) {
        Ok(reference) => {
            assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }
        Err(error) => {
            for text in [error.to_string(), error.fix().unwrap_or_default()] {
                assert!(text.len() <= 145);
                assert!(text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
            }
        }
    }
});
