//! Properties of all input.

use proptest::prelude::*;

use crate::image::{BrokenRule, Reference};

fn valid() -> impl Strategy<Value = String> {
    let domain = r"([a-zA-Z0-9]{1,3}(-[a-z0-9])?\.){1,2}[a-z]{2}(:[0-9]{1,5})?|localhost|\[[0-9a-f]{0,4}:[0-9a-f:]{0,5}\](:[0-9]{1,5})?|[a-z]{1,4}:[0-9]{1,5}|docker\.io|index\.docker\.io";
    let component = r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}";
    (
        proptest::option::of(domain),
        proptest::collection::vec(component, 1..4),
        proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
        proptest::option::of("sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"),
    )
        .prop_map(|(domain, path, tag, digest)| {
            let mut text = domain.map(|domain| domain + "/").unwrap_or_default();
            text += &path.join("/");
            text += &tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            text += &digest.map(|digest| format!("@{digest}")).unwrap_or_default();
            text
        })
}

/// Strings made of what references are made of, so that many are nearly valid.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        3 => "[a-zA-Z0-9._:/@-]{1,4}",
        2 => valid(),
        1 => Just("docker.io/".to_owned()),
        1 => Just("${X}".to_owned()),
        1 => Just("https://".to_owned()),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

fn check_whatever(raw: &str) -> Result<(), TestCaseError> {
    match Reference::parse(raw) {
        Ok(reference) => {
            let printed = reference.to_string();
            let again = Reference::parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&reference), "{:?} printed as {:?}", raw, &printed);
            prop_assert!(printed.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!reference.registry().is_empty() && !reference.host().is_empty());
            let repository = reference.repository();
            prop_assert!((1..=255).contains(&repository.len()));
            let lower =
                |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-/".contains(&c);
            prop_assert!(repository.bytes().all(lower));
            prop_assert!(reference.tag().is_none_or(|tag| (1..=128).contains(&tag.len())));
            prop_assert!(reference.tag().is_some() || reference.digest().is_some());
        }
        Err(error) => {
            let texts = [error.to_string(), error.fix().unwrap_or_default()];
            for text in &texts {
                prop_assert!(text.len() <= 145, "{}", text);
                prop_assert!(text.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{}", text);
            }
            if let Some(("", meant)) = texts[1].split_once("write ")
                && error.meant.is_some()
                && *error.rule() != BrokenRule::TagPlus
            {
                prop_assert!(Reference::parse(meant).is_ok(), "{} is suggested", meant);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_the_grammar_generates_is_accepted_and_survives_printing(raw in valid()) {
        prop_assert!(Reference::parse(&raw).is_ok(), "{}", raw);
        check_whatever(&raw)?;
    }

    #[test]
    fn any_string_is_judged_without_panic_and_within_bounds(raw in any::<String>()) {
        check_whatever(&raw)?;
    }

    #[test]
    fn nearly_valid_strings_keep_the_invariants(raw in nearly()) {
        check_whatever(&raw)?;
    }
}
