//! Manifests.

use crate::facts::{Descriptor, Entry, ManifestFault};
use crate::image::{Algorithm, Digest};
use crate::registry::content::Config;
use crate::registry::manifest::{Kind, Outline, Source, check, is_modest, kind, outline};

/// Any bytes as an image's manifest, as an index and as a config: taken only under their own
/// digest, and what is kept of them is in proportion to them.
///
/// # Panics
/// Where that does not hold.
pub fn manifest(data: &[u8]) {
    for is in [Kind::Image, Kind::Index] {
        let other = Digest::of(Algorithm::Sha256, b"something else");
        if data != b"something else" {
            assert!(check(data, &other, is).is_err());
        }
        let mut verdicts = Algorithm::ALL.map(|algorithm| {
            let digest = Digest::of(algorithm, data);
            assert!(digest.verify(data));
            check(data, &digest, is)
        });
        verdicts.sort_by_key(Result::is_ok);
        assert_eq!(verdicts.first(), verdicts.last(), "whichever digest it is asked for by");
        match verdicts {
            [Ok(()), ..] => read(&outline(data, is), is, data.len()),
            [Err(fault), ..] => assert_eq!(fault == ManifestFault::Empty, data.is_empty()),
        }
    }
    let config = Config::read(data);
    assert!(config.size() <= data.len() + 16 * size_of::<String>());
    let content_type = str::from_utf8(data).ok();
    assert!(kind(content_type).is_err() || data.len() >= 39);
}

fn read(outline: &Outline, is: Kind, length: usize) {
    match outline {
        Outline::Image(parts) => {
            assert_eq!(is, Kind::Image);
            // A descriptor's digest alone takes longer to write than its struct is large.
            assert!(outline.size() <= 4 * length, "{} of {length}", outline.size());
            assert!(parts.layers.len() <= 10_000);
            for blob in std::iter::once(&parts.config).chain(&parts.layers) {
                sound(&blob.descriptor);
                if let Source::Inline(Some(bytes)) = &blob.source {
                    assert!(blob.descriptor.digest.verify(bytes));
                    assert_eq!(blob.descriptor.size, Some(bytes.len() as u64));
                }
            }
            let sum = parts.layers.iter().filter_map(|layer| layer.descriptor.size);
            assert!(parts.size() <= sum.fold(0, u64::saturating_add));
        }
        Outline::Index(entries) => {
            assert_eq!(is, Kind::Index);
            // An entry may be as short as `{}`, but there are few.
            let fixed = entries.len() * (size_of::<Entry>() + 16 * size_of::<String>());
            assert!(!entries.is_empty() && entries.len() <= 256);
            assert!(outline.size() <= length + fixed, "{} of {length}", outline.size());
            for entry in entries.iter() {
                entry.manifest().into_iter().for_each(sound);
                assert!(entry.platform.as_ref().is_none_or(is_modest));
            }
        }
        Outline::Unusual => assert_eq!(outline.size(), 0),
    }
}

fn sound(descriptor: &Descriptor) {
    assert_eq!(Digest::parse(descriptor.digest.as_str()).as_ref(), Ok(&descriptor.digest));
    assert!(descriptor.media_type.len() <= 255);
}
