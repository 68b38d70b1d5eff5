//! The file.

use std::fmt::Write as _;

use super::*;
use crate::glob::{Glob, ImageGlob, RegistryGlob};
use crate::policy::{Exemptions, Override, Selectors};

#[test]
fn an_empty_file_is_fine() {
    for text in ["", "\n", "# nothing yet\n", "---\n", "{}\n", "mode:\nactions:\nexempt: ~\n"] {
        assert_eq!(with_file(text, &[]), Ok(serve(&[]).unwrap()), "{text:?}");
    }
}

#[test]
fn every_part_of_the_policy_comes_from_the_file() {
    let text = "
mode: off
minimumMode: audit
podMutation: secrets
allowedRegistries: [ghcr.io/acme, '*.corp.example']
enforced: [registry-not-allowed]
actions:
  tag-mutable: warn
  registry-not-allowed: deny
overrides:
- users: ['system:serviceaccount:argocd:*']
  actions: {tag-not-found: audit}
- images: [ghcr.io/acme/*]
  namespaces: [team-*]
  actions:
    access-denied: deny
exempt:
  images: [registry.k8s.io/*]
  namespaces: [kube-*]
  users: [admin]
";
    let actions =
        |list: &[(&str, Action)]| list.iter().map(|(name, action)| (code(name), *action)).collect();
    let first = Selectors {
        users: Some(vec![Glob::new("system:serviceaccount:argocd:*")]),
        ..Selectors::default()
    };
    let second = Selectors {
        images: Some(vec![ImageGlob::new("ghcr.io/acme/*")]),
        namespaces: Some(vec![Glob::new("team-*")]),
        users: None,
    };
    let expected = Policy {
        mode: Mode::Off,
        minimum_mode: Mode::Audit,
        actions: actions(&[("tag-mutable", Action::Warn), ("registry-not-allowed", Action::Deny)]),
        overrides: vec![
            Override::new(first, actions(&[("tag-not-found", Action::Audit)])).unwrap(),
            Override::new(second, actions(&[("access-denied", Action::Deny)])).unwrap(),
        ],
        enforced: [code("registry-not-allowed")].into(),
        exempt: Exemptions {
            images: vec![ImageGlob::new("registry.k8s.io/*")],
            namespaces: vec![Glob::new("kube-*")],
            users: vec![Glob::new("admin")],
        },
        allowed_registries: ["ghcr.io/acme", "*.corp.example"].map(RegistryGlob::new).to_vec(),
        pod_mutation: PodMutation::Secrets,
    };
    assert_eq!(with_file(text, &[]).unwrap().policy, expected);
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let text = "\
mode: enfroce
minimum-mode: audit
colour: red

timeout: 5
jobs: 0
caFile: [a, b]
allowAddress:
- 10.0.0.0/8
- 10.0.0.1/8
exempt:
  namespace: [kube-system]
  images: [ghcr.io]
  users: [true]
actions:
  tag-notfound: deny
  access-denied: block
  tag-mutable: off
overrides:
- namespaces: [shop]
- actions: {access-denied: warn}
- namespaces: []
  actions: {access-denied: warn}
- just text
quotaFloor: 50%
nodeMirrors: {}
tlsCert: tls.crt
";
    let expected = "\
the configuration has 20 problems:
  FILE:1: mode: \"enfroce\" is not known; did you mean enforce?
  FILE:2: key \"minimum-mode\" is not known; did you mean minimumMode?
  FILE:3: key \"colour\" is not known; the keys are in docs/configuration.md
  FILE:5: timeout: \"5\" has no unit; write a time with its unit, such as 5s or 500ms
  FILE:6: jobs: \"0\" is no number of 1 to 1024
  FILE:7: caFile: must be a single value
  FILE:10: allowAddress[1]: \"10.0.0.1/8\" has bits beyond its prefix; write 10.0.0.0/8 or the one address 10.0.0.1
  FILE:12: exempt: key \"namespace\" is not known; did you mean namespaces?
  FILE:13: exempt.images[0]: \"ghcr.io\" names no image, only a host; write ghcr.io/*
  FILE:14: exempt.users[0]: is not text; put it in quotes
  FILE:16: actions: \"tag-notfound\" is not known; did you mean tag-not-found?
  FILE:17: actions.access-denied: \"block\" is not known; write deny, warn, audit or ignore
  FILE:18: actions.tag-mutable: \"off\" is a mode; the action is called ignore
  FILE:20: overrides[0]: has no actions; write such as actions: {tag-not-found: audit}
  FILE:21: overrides[1]: selects nobody; write users, images or namespaces, or use actions at the top
  FILE:22: overrides[2].namespaces: is empty and selects nobody; write patterns or leave it out
  FILE:24: overrides[3]: must be a mapping, \"key: value\" one a line
  FILE:25: quotaFloor: \"50%\" is no share; write a number of 0 to 1, such as 0.5
  FILE:26: nodeMirrors: must be a list
  FILE:27: tlsCert: needs tlsKey too";
    assert_eq!(with_file(text, &[]).unwrap_err(), expected);
}

#[test]
fn a_value_of_the_file_is_checked_even_where_a_flag_hides_it() {
    let found = with_file("mode: strict\n", &["--mode", "warn"]).unwrap_err();
    assert!(found.contains("FILE:1: mode: \"strict\" is not known"), "{found}");
}

#[test]
fn yaml_that_cannot_be_read_says_where() {
    for (text, said) in [
        ("mode: warn\njobs: [1\n", "FILE:2: is not readable as YAML: "),
        ("exempt:\n\tusers: []\n", "FILE:2: is not readable as YAML: "),
        ("mode: warn\njobs: 1\nmode: off\n", "FILE:3: \"mode\" is there twice; keep one"),
        ("mode: warn\n---\nmode: off\n", "FILE:3: is not readable as YAML: multiple"),
        ("- mode\n", "FILE:1: is no configuration"),
        ("just words\n", "FILE:1: is no configuration"),
        ("mode: *nobody\n", "FILE:1: is not readable as YAML: "),
    ] {
        let found = with_file(text, &[]).unwrap_err();
        assert!(found.contains(said), "{text:?}: {found}");
        assert_eq!(found.lines().count(), 2, "{found}");
    }
}

#[test]
fn an_unreadable_file_does_not_hide_wrong_flags() {
    let found = serve(&["--config", "/no/such/file.yaml", "--mode", "loud"]).unwrap_err();
    let found = found.to_string();
    assert!(found.contains("  /no/such/file.yaml: cannot be read: "), "{found}");
    assert!(found.contains("  --mode: \"loud\" "), "{found}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("latin.yaml");
    fs::write(&path, b"namespace: caf\xe9\n").unwrap();
    let found = serve(&["--config", path.to_str().unwrap()]).unwrap_err().to_string();
    assert!(found.contains("is not UTF-8 text"), "{found}");
}

#[test]
fn huge_and_recursive_files_are_refused() {
    let huge = format!("# {}\n", "x".repeat(1 << 20));
    assert!(with_file(&huge, &[]).unwrap_err().contains("FILE: is larger than 1048576 bytes"));

    let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..20 {
        let item = format!("*a{}", n - 1);
        writeln!(bomb, "b{n}: &a{n} [{}]", vec![item; 8].join(", ")).unwrap();
    }
    let deep = format!("actions: {}{}\n", "[".repeat(5000), "]".repeat(5000));
    let mut blocks = String::new();
    for n in 0..500 {
        writeln!(blocks, "{}k:", " ".repeat(n)).unwrap();
    }
    for text in [bomb.as_str(), "exempt: &x [*x]\n", &deep, &blocks] {
        let found = with_file(text, &[]).unwrap_err();
        assert!(found.contains("is not readable as YAML"), "{found}");
        assert!(found.len() < 1000, "{found}");
    }
    assert!(serve(&["--config", "/dev/zero"]).unwrap_err().to_string().contains("is larger than"));
}

#[test]
fn a_file_of_secrets_given_by_mistake_is_not_quoted() {
    let docker = r#"{"auths": {"reg.corp": {"auth": "cm9ib3Q6aHVudGVyMg=="}}, "mode": 1}"#;
    let found = with_file(docker, &[]).unwrap_err();
    assert!(found.contains("key \"auths\" is not known") && !found.contains("cm9ib3Q"), "{found}");
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEsecret\n-----END PRIVATE KEY-----\n";
    let found = with_file(key, &[]).unwrap_err();
    assert!(!found.contains("MIIEsecret"), "{found}");
    let url = "insecureRegistry: ['https://robot:hunter2@reg.corp']\n";
    let found = with_file(url, &[]).unwrap_err();
    assert!(found.contains("FILE:1: insecureRegistry[0]") && !found.contains("hunter2"), "{found}");
}
