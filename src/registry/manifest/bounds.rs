//! How much foreign text is kept of a manifest or a config. What has more is left open: it is
//! remembered for every image that leads to it, and compared with every kind of node.

use std::sync::Arc;

use crate::image::Platform;
use crate::registry::{on_heap, shared_on_heap};

/// Entries of an index; real ones have a few dozen.
pub(super) const MOST_ENTRIES: usize = 256;
/// Bytes of a media type: what RFC 6838 4.2 allows for both of its names.
pub(super) const LONGEST_MEDIA_TYPE: usize = 255;
/// Bytes of each text of a platform.
const LONGEST_TEXT: usize = 128;
/// `os.features` of a platform.
const MOST_FEATURES: usize = 16;

/// Whether no more is written of a platform than anybody needs.
pub(in crate::registry) fn is_modest(platform: &Platform) -> bool {
    let Platform { os, architecture, variant, os_version, os_features } = platform;
    let texts = [os, architecture, variant, os_version];
    os_features.len() <= MOST_FEATURES
        && texts.into_iter().chain(os_features).all(|text| text.len() <= LONGEST_TEXT)
}

/// Bytes that a platform's texts have elsewhere on the heap.
pub(super) fn platform_size(platform: &Platform) -> usize {
    let Platform { os, architecture, variant, os_version, os_features } = platform;
    let texts = [os, architecture, variant, os_version]
        .into_iter()
        .chain(os_features)
        .map(|text| on_heap(text.len()));
    texts.sum::<usize>() + on_heap(size_of::<String>() * os_features.len())
}

/// The same of one that may be shared with many, the whole of it; nothing of one that surely is.
pub fn shared_platform_size(platform: &Arc<Platform>) -> usize {
    if platform.is_common() {
        return 0;
    }
    shared_on_heap(size_of::<Platform>()) + platform_size(platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_of_long_texts_or_many_features_is_not_kept() {
        let long = "x".repeat(LONGEST_TEXT);
        let many = vec![long.clone(); MOST_FEATURES];
        let widest = Platform {
            os_version: long.clone(),
            os_features: many.clone(),
            ..Platform::new(&long, &long, &long)
        };
        assert!(is_modest(&widest));
        let longer = format!("{long}x");
        for platform in [
            Platform { os: longer.clone(), ..Platform::default() },
            Platform { architecture: longer.clone(), ..Platform::default() },
            Platform { variant: longer.clone(), ..Platform::default() },
            Platform { os_version: longer.clone(), ..Platform::default() },
            Platform { os_features: vec![longer], ..Platform::default() },
            Platform { os_features: vec![String::new(); MOST_FEATURES + 1], ..Platform::default() },
        ] {
            assert!(!is_modest(&platform), "{platform:?}");
        }
    }
}
