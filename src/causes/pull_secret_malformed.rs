//! A pull secret that the kubelet cannot decode.

use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, presence, words};
use crate::credentials::{DecodedSecret, SecretState};
use crate::facts::{Facts, Front};
use crate::nodes::quirks::malformed_secret_is_err_image_pull;

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("pull-secret-malformed"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "WontPull, Proven (Likely where nodes already hold all images of the pod)",
    what: "A pull secret has the right type and content that the kubelet cannot decode.",
    why: "One undecodable entry, even for another host, fails every pull of the pod: the kubelet \
          builds one keyring from all secrets and gives up on the first error.",
    fix: "Create the secret anew with kubectl create secret docker-registry.",
    seen_as: &[
        "illegal base64 data at input byte 0",
        "unable to parse auth field, must be formatted as base64(username:password)",
        "json: cannot unmarshal",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    if facts.images.iter().all(|image| !image.asked) {
        return; // Nothing is pulled, so no keyring is built.
    }
    for fact in &facts.secrets {
        let SecretState::Read(DecodedSecret::Malformed(error)) = &fact.secret.state else {
            continue;
        };
        // A Secret that was read from the cluster has been taken by the API server.
        let what = if facts.front == Front::Check && error.fault.is_refused_by_api_server() {
            "is refused by the API server"
        } else {
            "fails every pull of the pod"
        };
        let seen = match malformed_secret_is_err_image_pull(kubelets(facts)) {
            Some(true) => " (ErrImagePull)",
            Some(false) => " (raw error)",
            None => "",
        };
        let certainty = if presence::of_all(facts) { Certainty::Likely } else { Certainty::Proven };
        findings.push(Finding::of_object(
            &CAUSE,
            Severity::WontPull,
            certainty,
            (&fact.field, &fact.secret.name),
            &format!(
                "{} {what}{seen}: {error}",
                words::object("Secret", facts, &fact.secret.name, 40)
            ),
            error.fix(),
        ));
    }
}

fn kubelets(facts: &Facts<'_>) -> impl Iterator<Item = Option<(u32, u32)>> {
    facts.nodes.iter().flatten().map(|node| node.kubelet)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::Settings;
    use crate::workload::PullPolicy;

    #[test]
    fn the_entry_and_its_fault_are_named_and_nothing_of_its_content() {
        let settings = Settings::default();
        let mut facts = facts(vec![image("nginx:1", Vec::new())], &settings);
        let json = r#"{"auths":{"ghcr.io":{"auth":"cGFudHM="}}}"#;
        facts.secrets.push(secret("regcred", docker_config(json), false));
        let (severity, certainty, message) = only(&CAUSE, &facts);
        assert_eq!((severity, certainty), (Severity::WontPull, Certainty::Proven));
        assert!(
            message.starts_with(
                "spec.imagePullSecrets[0] \"regcred\": Secret shop/regcred fails every pull of the \
                 pod: entry ghcr.io: auth decodes to something without a colon"
            ),
            "{message}"
        );
        assert!(!message.contains("pants"));
    }

    #[test]
    fn the_kubelets_say_how_it_shows_and_what_is_there_needs_no_pull() {
        let settings = Settings::default();
        for (kubelet, seen, held, expected) in [
            (
                (1, 32),
                "fails every pull of the pod (ErrImagePull): entry",
                "nginx:2",
                Certainty::Proven,
            ),
            ((1, 36), "fails every pull of the pod (raw error)", "nginx:2", Certainty::Proven),
            (
                (1, 32),
                "fails every pull of the pod (ErrImagePull): entry",
                "nginx:1",
                Certainty::Likely,
            ),
        ] {
            let mut nginx = image("nginx:1", Vec::new());
            nginx.pull_policy = PullPolicy::IfNotPresent;
            let mut facts = facts(vec![nginx], &settings);
            let json = r#"{"auths":{"ghcr.io":{"auth":"cGFudHM="}}}"#;
            facts.secrets.push(secret("regcred", docker_config(json), false));
            let holder = crate::nodes::Node {
                kubelet: Some(kubelet),
                images: vec![held.into()],
                ..node("linux/amd64", "containerd/1.7")
            };
            facts.nodes = nodes(vec![holder]);
            let (_, certainty, message) = only(&CAUSE, &facts);
            assert_eq!(certainty, expected, "{held}");
            assert!(message.contains(seen), "{message}");
        }
    }
}
