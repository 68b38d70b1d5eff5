//! The kubelet's rules: what a configuration may be, which images a provider is for, and which
//! answers count.

mod answers;
mod refusals;

use std::time::Duration;

use super::{Document, Provider, Version, read};

/// A configuration of one provider, with these lines in place of the usual ones.
pub(super) fn one(lines: &str) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- {}\n",
        lines.trim().replace('\n', "\n  ")
    )
}

/// What every provider needs.
pub(super) const USUAL: &str = "name: ecr
matchImages: ['*.corp.example']
defaultCacheDuration: 12h
apiVersion: credentialprovider.kubelet.k8s.io/v1";

/// The providers of a file, and what is wrong with it as `field: message`.
pub(super) fn try_read(texts: &[&str]) -> (Vec<Provider>, Vec<String>) {
    let document = |(index, text): (usize, &&str)| Document {
        file: format!("{index}.yaml"),
        text: (*text).to_owned(),
    };
    let documents: Vec<Document> = texts.iter().enumerate().map(document).collect();
    let (providers, _, problems) = read(&documents);
    let told = problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message));
    (providers, told.collect())
}

pub(super) fn provider(lines: &str) -> Provider {
    let (mut providers, problems) = try_read(&[&one(lines)]);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(providers.len(), 1);
    providers.remove(0)
}

#[test]
fn every_field_is_read() {
    let full = provider(
        "name: ecr-credential-provider
matchImages: ['*.dkr.ecr.*.amazonaws.com', public.example/team]
defaultCacheDuration: 1h30m
apiVersion: credentialprovider.kubelet.k8s.io/v1beta1
args: [get-credentials, '--flag=$HOME', '']
env:
- {name: AWS_PROFILE, value: a=b}
- {name: EMPTY}
- {name: AWS_PROFILE, value: last}",
    );
    assert_eq!(full.name, "ecr-credential-provider");
    assert_eq!(full.default_cache_duration, Duration::from_secs(5_400));
    assert_eq!(full.version, Version::V1Beta1);
    assert_eq!(full.args, ["get-credentials", "--flag=$HOME", ""]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let env = [pair("AWS_PROFILE", "a=b"), pair("EMPTY", ""), pair("AWS_PROFILE", "last")];
    assert_eq!(full.env, env);
    assert!(!full.needs_token);
    assert!(full.is_for("1.dkr.ecr.eu-west-1.amazonaws.com/app"));
    assert!(full.is_for("public.example/team/app"));
    // What may be a secret is not shown.
    assert!(!format!("{full:?}").contains("a=b") && !format!("{full:?}").contains("$HOME"));
}

#[test]
fn each_version_of_the_configuration_and_of_the_protocol_is_taken() {
    for config in ["v1", "v1beta1", "v1alpha1"] {
        for version in Version::ALL {
            let text = one(USUAL)
                .replace("kubelet.config.k8s.io/v1", &format!("kubelet.config.k8s.io/{config}"))
                .replace("credentialprovider.kubelet.k8s.io/v1", version.as_str());
            let (providers, problems) = try_read(&[&text]);
            assert_eq!(problems, Vec::<String>::new(), "{text}");
            assert_eq!(providers[0].version, version);
        }
    }
}

#[test]
fn json_and_null_and_the_first_line_of_a_yaml_stream_are_fine() {
    let json = r#"	{"kind":"CredentialProviderConfig","apiVersion":"kubelet.config.k8s.io/v1",
	"providers":[{"name":"a","matchImages":["r.io"],"defaultCacheDuration":"0s",
	"apiVersion":"credentialprovider.kubelet.k8s.io/v1","args":null,"env":null,
	"tokenAttributes":null}]}"#;
    for text in [json.to_owned(), format!("---\n{}", one(USUAL))] {
        let (providers, problems) = try_read(&[&text]);
        assert_eq!((providers.len(), problems), (1, Vec::new()), "{text}");
    }
}

#[test]
fn the_files_of_a_folder_are_one_configuration_in_their_order() {
    let second = one(USUAL).replace("ecr", "gar");
    let empty = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: CredentialProviderConfig\n";
    let (providers, problems) = try_read(&[&one(USUAL), empty, &second]);
    assert_eq!(problems, Vec::<String>::new());
    let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["ecr", "gar"]);
    let (_, problems) = try_read(&[&one(USUAL), &one(USUAL)]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("providers[0].name: \"ecr\" is there twice"), "{problems:?}");
}

/// The cases of the kubelet's own tests, and those of its documentation.
#[test]
fn images_match_by_the_kubelets_rules() {
    for (pattern, name, matches) in [
        ("test.registry.io", "test.registry.io/foo/bar", true),
        ("test.registry.io/foo/bar", "test.registry.io/foo/bar", true),
        ("test.registry.io/foo/bar", "test.registry.io/foo/ba", false),
        ("test.registry.io/foo/ba", "test.registry.io/foo/bar", true),
        ("*.registry.io:8080", "test.registry.io:8080/foo", true),
        ("*.registry.io:8080", "test.registry.io/foo", false),
        ("*.registry.io", "test.registry.io:8080/foo", false),
        ("*.*.registry.io", "foo.bar.registry.io/foo/bar", true),
        ("*.registry.io", "foo.bar.registry.io/foo", false),
        ("*.registry.io", "registry.io/foo", false),
        ("app*.k8s.io", "app1.k8s.io/x", true),
        ("k8s.*", "k8s.io/x", true),
        ("docker.io", "docker.io/library/nginx", true),
        ("docker.io/library", "docker.io/library/nginx", true),
        // Not even where the keyring would fall back to it.
        ("index.docker.io", "docker.io/library/nginx", false),
        ("registry.io/*", "registry.io/foo", false),
        ("REGISTRY.io", "registry.io/foo", false),
        // No scheme is taken off, as it is from the keys of a pull secret.
        ("https://registry.io", "registry.io/foo", false),
        ("registry.io/v1/", "registry.io/foo", false),
    ] {
        let lines = USUAL.replace("'*.corp.example'", &format!("'{pattern}'"));
        assert_eq!(provider(&lines).is_for(name), matches, "{pattern} {name}");
    }
}

#[test]
fn nothing_may_be_kept() {
    for zero in ["0s", "'0'", "-0s", "0h0m"] {
        let lines = USUAL.replace("12h", zero);
        assert_eq!(provider(&lines).default_cache_duration, Duration::ZERO, "{zero}");
    }
}

#[test]
fn token_attributes_are_understood_and_mean_that_it_is_not_run() {
    let lines = format!(
        "{USUAL}
tokenAttributes:
  serviceAccountTokenAudience: registry
  cacheType: Token
  requireServiceAccount: true
  requiredServiceAccountAnnotationKeys: [example.com/Role]
  optionalServiceAccountAnnotationKeys: [other]"
    );
    assert!(provider(&lines).needs_token);
}

#[test]
fn the_request_is_what_the_kubelet_writes() {
    for version in Version::ALL {
        let expected = format!(
            "{{\"kind\":\"CredentialProviderRequest\",\"apiVersion\":\"{}\",\
             \"image\":\"r.io:5000/team/app\"}}\n",
            version.as_str()
        );
        assert_eq!(version.request("r.io:5000/team/app"), expected.as_bytes());
    }
}
