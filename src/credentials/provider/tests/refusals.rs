//! What the kubelet would not start with.

use super::{USUAL, one, try_read};

/// A change to the usual configuration and what is said of it.
#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let (_, problems) = try_read(&[text]);
    let fits = problems.len() == expected.len()
        && problems.iter().zip(expected).all(|(problem, start)| problem.starts_with(start));
    assert!(fits, "{text}\nis told {problems:#?}, not {expected:#?}");
    for problem in &problems {
        assert!(problem.contains("; ") || problem.ends_with('?'), "no fix: {problem}");
        assert!(problem.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{problem:?}");
    }
}

fn without(key: &str) -> String {
    let lines: Vec<&str> = USUAL.lines().filter(|line| !line.starts_with(key)).collect();
    one(&lines.join("\n"))
}

fn with(key: &str, value: &str) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some((name, _)) if name == key => format!("{key}: {value}"),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = USUAL.lines().map(line).collect();
    one(&lines.join("\n"))
}

#[test]
fn the_document_itself() {
    let usual = one(USUAL);
    let v1 = "kubelet.config.k8s.io/v1\n";
    for (text, expected) in [
        (String::new(), &["apiVersion: is missing", "kind: is missing", "providers: lists no provider"][..]),
        ("[]".to_owned(), &[": is a list; write a mapping"]),
        ("a: [".to_owned(), &[": is not readable as YAML or JSON in line 1"]),
        (usual.replace(v1, "kubelet.config.k8s.io/v2\n"), &["apiVersion: \"kubelet.config.k8s.io/v2\" is not known; write kubelet.config.k8s.io/v1, "]),
        (usual.replace("kind: C", "kind: Kubelet"), &["kind: \"KubeletredentialProviderConfig\" is not known"]),
        (usual.replace("kind: Cred", "Kind: Cred"), &["Kind: is no field; did you mean kind?", "kind: is missing"]),
        (usual.replace(v1, "kubelet.config.k8s.io/v1\nextra: 1\n"), &["extra: is no field, and the kubelet refuses those"]),
        (usual.replace(v1, "kubelet.config.k8s.io/v1\nkind: x\n"), &[": the key kind is there twice in line"]),
        (format!("{usual}---\n{usual}"), &[": a second document begins in line"]),
        (format!("{}providers: []\n", usual.split("providers").next().unwrap()), &["providers: lists no provider"]),
        (format!("{}providers: x\n", usual.split("providers").next().unwrap()), &["providers: is text; write a list"]),
        (r#"{"kind":"CredentialProviderConfig","kind":"CredentialProviderConfig","apiVersion":"kubelet.config.k8s.io/v1","providers":[]}"#.to_owned(), &["kind: is there twice; keep one", "providers: lists"]),
    ] {
        refused(&text, expected);
    }
}

#[test]
fn the_name() {
    for (value, expected) in [
        ("a/b", "\"a/b\" is a path"),
        ("foo/../bar", "\"foo/../bar\" is a path"),
        ("a b", "\"a b\" has a space"),
        (".", "\".\" is a folder"),
        ("..", "\"..\" is a folder"),
        ("''", "is missing"),
        ("~", "is missing"),
        ("7", "is a number, not text; put it in quotes"),
        ("[a]", "is a list, not text"),
    ] {
        refused(&with("name", value), &[&format!("providers[0].name: {expected}")]);
    }
    refused(&without("name"), &["providers[0].name: is missing"]);
    let twice = format!("{}- {}\n", one(USUAL), USUAL.replace('\n', "\n  "));
    refused(&twice, &["providers[1].name: \"ecr\" is there twice"]);
}

#[test]
fn the_version_of_the_protocol() {
    let start = "providers[0].apiVersion: ";
    refused(&without("apiVersion"), &[&format!("{start}is missing; write credentialprovider.")]);
    for wrong in ["v1", "credentialprovider.kubelet.k8s.io/v1alpha0", "kubelet.config.k8s.io/v1"] {
        let expected = format!(
            "{start}\"{wrong}\" is not known; write credentialprovider.kubelet.k8s.io/v1, \
             credentialprovider.kubelet.k8s.io/v1beta1 or credentialprovider.kubelet.k8s.io/v1alpha1"
        );
        refused(&with("apiVersion", wrong), &[&expected]);
    }
}

#[test]
fn the_images() {
    let start = "providers[0].matchImages";
    refused(&without("matchImages"), &[&format!("{start}: is empty")]);
    refused(&with("matchImages", "[]"), &[&format!("{start}: is empty")]);
    refused(&with("matchImages", "r.io"), &[&format!("{start}: is text; write a list")]);
    refused(
        &with("matchImages", "[r.io, '%invalid%', 'a b', 'r.io:x', 8]"),
        // A list of the wrong type is not looked into further.
        &[&format!("{start}[4]: is a number, not text")],
    );
    refused(
        &with("matchImages", "[r.io, '%invalid%', 'a b', 'r.io:x']"),
        &[
            &format!("{start}[1]: \"%invalid%\" cannot be read"),
            &format!("{start}[2]: \"a b\" cannot be read"),
            &format!("{start}[3]: \"r.io:x\" cannot be read"),
        ],
    );
}

#[test]
fn the_cache_duration() {
    let start = "providers[0].defaultCacheDuration: ";
    refused(&without("defaultCacheDuration"), &[&format!("{start}is missing")]);
    for wrong in ["-1m", "12", "a day", "1d"] {
        refused(
            &with("defaultCacheDuration", &format!("'{wrong}'")),
            &[&format!("{start}\"{wrong}\" is no time")],
        );
    }
    refused(&with("defaultCacheDuration", "12"), &[&format!("{start}is a number, not text")]);
}

#[test]
fn arguments_and_variables_are_text_and_never_quoted_back() {
    let secret = "hunter2hunter2";
    for (lines, expected) in [
        ("args: --v=5", "args: is text; write a list"),
        ("args: [5]", "args[0]: is a number, not text; put it in quotes"),
        ("args: [a, [b]]", "args[1]: is a list, not text; write a single text"),
        ("args: [\"a\\0hunter2hunter2\"]", "args[0]: holds a NUL"),
        ("env: {A: hunter2hunter2}", "env: is a mapping; write a list"),
        ("env: [hunter2hunter2]", "env[0]: is text; write a mapping"),
        ("env: [{name: A, value: yes}]", "env[0].value: is a boolean, not text; put it in quotes"),
        ("env: [{name: A, value: 1}]", "env[0].value: is a number, not text"),
        (
            "env: [{name: A, valeu: hunter2hunter2}]",
            "env[0].valeu: is no field; did you mean value?",
        ),
        ("env: [{name: A, value: \"hunter2hunter2\\0\"}]", "env[0]: holds a NUL"),
    ] {
        let text = one(&format!("{USUAL}\n{lines}"));
        refused(&text, &[&format!("providers[0].{expected}")]);
        assert!(!try_read(&[&text]).1.concat().contains(secret), "{lines}");
    }
}

#[test]
fn a_field_that_is_not_known() {
    for (line, expected) in [
        ("matchimages: []", "matchimages: is no field; did you mean matchImages?"),
        ("argz: []", "argz: is no field; did you mean args?"),
        ("unknownField: x", "unknownField: is no field, and the kubelet refuses those; remove it"),
    ] {
        refused(&one(&format!("{USUAL}\n{line}")), &[&format!("providers[0].{expected}")]);
    }
}

const TOKEN: &str = "tokenAttributes:
  serviceAccountTokenAudience: a
  cacheType: Token
  requireServiceAccount: true";

#[test]
fn token_attributes() {
    let given = |change: &dyn Fn(&str) -> String| one(&format!("{USUAL}\n{}", change(TOKEN)));
    let start = "providers[0].tokenAttributes";
    let required = "requiredServiceAccountAnnotationKeys";
    for (from, to, expected) in [
        ("Audience: a", "Audience: ''", ".serviceAccountTokenAudience: is missing".to_owned()),
        (
            "cacheType: Token",
            "",
            ".cacheType: is missing; write ServiceAccount or Token".to_owned(),
        ),
        ("Token\n", "Pod\n", ".cacheType: \"Pod\" is not known".to_owned()),
        ("requireServiceAccount: true", "", ".requireServiceAccount: is missing".to_owned()),
        ("Account: true", "Account: 'x'", ".requireServiceAccount: is text; write true".to_owned()),
        (
            "Account: true",
            "Account: false\n  requiredServiceAccountAnnotationKeys: [a]",
            format!(".{required}: cannot be where requireServiceAccount is false"),
        ),
        (
            "Account: true",
            "Account: true\n  requiredServiceAccountAnnotationKeys: [a, a]",
            format!(".{required}: \"a\" is there twice"),
        ),
        (
            "Account: true",
            "Account: true\n  requiredServiceAccountAnnotationKeys: [a]\n  \
             optionalServiceAccountAnnotationKeys: [a]",
            ": \"a\" is required and optional".to_owned(),
        ),
        ("cacheType:", "cachetype:", ".cachetype: is no field; did you mean cacheType?".to_owned()),
    ] {
        let text = given(&|token| token.replacen(from, to, 1));
        let (_, problems) = try_read(&[&text]);
        let expected = format!("{start}{expected}");
        assert!(problems[0].starts_with(&expected), "{text}\n{problems:#?}\n{expected}");
    }
    for key in ["cantendwithadash-", "", "a/b/c", "/a", "a/", "UP_.er/a", "-a", &"a".repeat(64)] {
        let text = given(&|token| format!("{token}\n  {required}: ['{key}']"));
        refused(&text, &[&format!("{start}.{required}: \"{key}\" can be no annotation")]);
    }
    for version in ["v1beta1", "v1alpha1"] {
        let group = "credentialprovider.kubelet.k8s.io";
        let text =
            given(&str::to_owned).replace(&format!("{group}/v1"), &format!("{group}/{version}"));
        refused(&text, &[&format!("{start}: need {group}/v1")]);
        let text = given(&str::to_owned)
            .replace("kubelet.config.k8s.io/v1", &format!("kubelet.config.k8s.io/{version}"));
        refused(&text, &[&format!("{start}: is known only to kubelet.config.k8s.io/v1")]);
    }
}

#[test]
fn everything_is_told_at_once() {
    let text = "
apiVersion: kubelet.config.k8s.io/v1
providers:
- name: a/b
  apiVersion: v1
- {}
- name: fine
  matchImages: ['[']
  defaultCacheDuration: 5
  apiVersion: credentialprovider.kubelet.k8s.io/v1
";
    refused(
        text,
        &[
            "kind: is missing",
            "providers[2].defaultCacheDuration: is a number",
            "providers[0].name: \"a/b\" is a path",
            "providers[0].matchImages: is empty",
            "providers[0].defaultCacheDuration: is missing",
            "providers[0].apiVersion: \"v1\" is not known",
            "providers[1].name: is missing",
            "providers[1].matchImages: is empty",
            "providers[1].defaultCacheDuration: is missing",
            "providers[1].apiVersion: is missing",
            "providers[2].matchImages[0]: \"[\" cannot be read",
        ],
    );
}
