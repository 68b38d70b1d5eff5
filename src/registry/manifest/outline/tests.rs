use super::*;
use crate::image::{Algorithm, Platform};

const HEX: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn read_image(layers: &str) -> Outline {
    let text = format!(r#"{{"config":{{"digest":"{HEX}","size":2}},"layers":[{layers}]}}"#);
    Outline::read(text.as_bytes(), Kind::Image)
}

fn read_index(manifests: &str) -> Outline {
    Outline::read(format!(r#"{{"manifests":[{manifests}]}}"#).as_bytes(), Kind::Index)
}

fn layer(extra: &str) -> String {
    format!(r#"{{"mediaType":"x","digest":"{HEX}","size":7{extra}}}"#)
}

#[test]
fn an_images_parts_are_read_with_what_is_said_of_them() {
    let Outline::Image(parts) = read_image(&layer("")) else { panic!() };
    assert_eq!(parts.config.descriptor.size, Some(2));
    let expected = Descriptor {
        digest: Digest::parse(HEX).unwrap(),
        size: Some(7),
        media_type: "x".to_owned(),
    };
    assert_eq!(parts.layers, [Blob { descriptor: expected, source: Source::Registry }]);
    let none = format!(r#"{{"config":{{"digest":"{HEX}"}},"layers":null}}"#);
    let Outline::Image(parts) = Outline::read(none.as_bytes(), Kind::Image) else { panic!() };
    assert_eq!((parts.layers.len(), parts.config.descriptor.size), (0, Some(0)));
}

#[test]
fn the_size_of_an_image_counts_a_layer_once_and_no_nonsense() {
    let other = layer("").replace("e3", "e4");
    let negative = layer("").replace("e3", "e5").replace(":7", ":-7");
    let Outline::Image(parts) =
        read_image(&[&*layer(""), &*layer(""), &*other, &*negative].join(","))
    else {
        panic!()
    };
    assert_eq!((parts.layers.len(), parts.size()), (4, 14));
    assert_eq!(parts.layers[3].descriptor.size, None);
}

#[test]
fn what_a_descriptor_holds_itself_is_verified_and_what_has_addresses_is_foreign() {
    let digest = Digest::of(Algorithm::Sha256, b"hello!!");
    let inline = layer(r#","data":"aGVsbG8hIQ==""#);
    let intact = inline.replace(HEX, digest.as_str());
    for (text, source) in [
        (intact.clone(), Source::Inline(Some(b"hello!!".to_vec()))),
        (inline, Source::Inline(None)),
        // Of another length than stated, it is not looked at by anybody.
        (intact.replace(":7", ":8"), Source::Registry),
        (layer(r#","data":"""#), Source::Registry),
        (layer(r#","data":null,"urls":null"#), Source::Registry),
        (layer(r#","urls":[]"#), Source::Registry),
        (layer(r#","urls":["https://cdn.test/x"]"#), Source::Foreign),
    ] {
        let Outline::Image(parts) = read_image(&text) else { panic!("{text}") };
        assert_eq!(parts.layers[0].source, source, "{text}");
    }
}

#[test]
fn every_entry_is_read_with_its_platform_and_target() {
    let entries = format!(
        r#"{},{{"digest":"odd","platform":null}},
        {{"platform":{{"os":"windows","architecture":"amd64","os.version":"10.0.1","os.features":["win32k"]}}}}"#,
        layer(r#","platform":{"os":"linux","architecture":"arm","variant":"v7"}"#),
    );
    let Outline::Index(entries) = read_index(&entries) else { panic!() };
    let windows = Platform {
        os_version: "10.0.1".to_owned(),
        os_features: vec!["win32k".to_owned()],
        ..Platform::new("windows", "amd64", "")
    };
    let platforms: Vec<_> = entries.iter().map(|entry| entry.platform.clone()).collect();
    assert_eq!(platforms, [Some(Platform::new("linux", "arm", "v7")), None, Some(windows)]);
    let manifest = Target::Manifest(Descriptor {
        digest: Digest::parse(HEX).unwrap(),
        size: Some(7),
        media_type: "x".to_owned(),
    });
    let targets: Vec<_> = entries.iter().map(|entry| entry.target.clone()).collect();
    assert_eq!(targets, [manifest, Target::Nothing, Target::Nothing]);
}

#[test]
fn an_entry_that_has_addresses_leads_there_and_the_others_where_they_did() {
    let platform = r#","platform":{"os":"linux","architecture":"arm64"}"#;
    let away = layer(&format!(r#","urls":["https://cdn.test/x"]{platform}"#));
    let manifests = [
        away.as_str(),
        &layer(r#","urls":[]"#),
        &layer(r#","urls":null"#),
        // Whatever it leads to, no digest is needed to leave it alone.
        &away.replace(HEX, "odd"),
    ];
    let Outline::Index(entries) = read_index(&manifests.join(",")) else { panic!() };
    assert_eq!(entries[0].platform, Some(Platform::new("linux", "arm64", "")));
    assert_eq!(entries[0].target, Target::Elsewhere);
    assert!(entries[1..3].iter().all(|entry| entry.manifest().is_some()));
    assert_eq!(entries[3].target, Target::Elsewhere);
}

#[test]
fn an_index_that_is_spelled_in_an_unusual_way_is_left_open() {
    let one = layer("");
    for index in [
        r#"{"Manifests":[]}"#.to_owned(),
        format!(r#"{{"manifests":[{one}],"MANIFESTS":[]}}"#),
        format!(r#"{{"manifests":[{one}],"manifests":[]}}"#),
        r#"{"manifests":[{"platform":{"os":null}}]}"#.to_owned(),
        r#"{"manifests":[{"platform":{"OS":"linux"}}]}"#.to_owned(),
        r#"{"manifests":[{"platform":"linux/amd64"}]}"#.to_owned(),
        r#"{"manifests":[{"Platform":{"os":"linux"}}]}"#.to_owned(),
        format!(r#"{{"manifests":[{}]}}"#, layer(r#","data":"aGVsbG8hIQ==""#)),
        format!(r#"{{"manifests":[{}]}}"#, layer(r#","urls":["https://c.test"],"data":"%""#)),
        format!(r#"{{"manifests":[{}]}}"#, vec![one.as_str(); MOST_ENTRIES + 1].join(",")),
        format!(r#"{{"manifests":[{}]}}"#, one.replace('x', &"x".repeat(256))),
        format!(r#"{{"manifests":[{}]}}"#, entry_for(&"x".repeat(129), 1)),
        format!(r#"{{"manifests":[{}]}}"#, entry_for("linux", 17)),
    ] {
        let read = Outline::read(index.as_bytes(), Kind::Index);
        assert_eq!(read, Outline::Unusual, "{index:.200}");
    }
}

/// An entry for this system with so many features.
fn entry_for(os: &str, features: usize) -> String {
    let features = vec![r#""x""#; features].join(",");
    layer(&format!(r#","platform":{{"os":"{os}","os.features":[{features}]}}"#))
}

#[test]
fn an_index_of_as_much_as_is_kept_is_read() {
    let one = entry_for(&"y".repeat(128), 16);
    let one = one.replacen(r#""x""#, &format!(r#""{}""#, "x".repeat(255)), 1);
    let Outline::Index(entries) = read_index(&vec![one; 256].join(",")) else { panic!() };
    assert_eq!(entries.len(), 256);
}

#[test]
fn an_image_that_is_spelled_in_an_unusual_way_is_left_open() {
    let one = layer("");
    let config = format!(r#"{{"digest":"{HEX}","size":2}}"#);
    for image in [
        format!(r#"{{"Config":{config}}}"#),
        format!(r#"{{"config":{config},"Layers":[{one}]}}"#),
        format!(r#"{{"config":{config},"config":{config}}}"#),
        format!(r#"{{"config":{config},"layers":[{}]}}"#, layer(r#","Size":8"#)),
        format!(r#"{{"config":{config},"layers":[{}]}}"#, layer(r#","data":"%""#)),
        format!(
            r#"{{"config":{config},"layers":[{}]}}"#,
            one.replace('x', "application/vnd.oci.image.manifest.v1+json")
        ),
        format!(
            r#"{{"config":{config},"layers":[{}]}}"#,
            vec![one.as_str(); MOST_LAYERS + 1].join(",")
        ),
    ] {
        let read = Outline::read(image.as_bytes(), Kind::Image);
        assert_eq!(read, Outline::Unusual, "{image:.200}");
    }
}
