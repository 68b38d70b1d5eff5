//! What is wrong in the values is refused before anything is installed, in words.

use tempfile::TempDir;

use super::CHART;
use crate::parts::helm::Helm;
use crate::support::skip;

/// Values, and what must be said of them.
const BAD: &[(&str, &[&str])] = &[
    ("replica: 3", &["additional properties 'replica' not allowed"]),
    ("replicas: 0", &["/replicas", "minimum"]),
    ("replicas: two", &["/replicas", "got string, want integer"]),
    ("image: {repo: x}", &["/image", "'repo' not allowed"]),
    ("image: {repository: ''}", &["/image/repository", "minLength"]),
    ("image: {digest: abc}", &["/image/digest", "does not match pattern"]),
    ("image: {pullPolicy: always}", &["/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"]),
    ("config: {mode: deny}", &["/config/mode", "'enforce', 'warn', 'audit', 'off'"]),
    // What YAML makes of `mode: off` without quotes.
    ("config: {mode: off}", &["/config/mode", "'enforce', 'warn', 'audit', 'off'"]),
    ("config: {minmode: warn}", &["/config", "'minmode' not allowed"]),
    ("config: {listen: ':1'}", &["/config", "'listen' not allowed"]),
    ("config: {actions: {tag-not-fuond: deny}}", &["/config/actions", "tag-not-fuond"]),
    (
        "config: {actions: {tag-not-found: 'off'}}",
        &["/config/actions/tag-not-found", "'deny', 'warn', 'audit', 'ignore'"],
    ),
    ("config: {overrides: [{actions: {tag-not-found: audit}}]}", &["/config/overrides/0"]),
    ("config: {quotaFloor: 2}", &["/config/quotaFloor", "maximum"]),
    ("config: {timeout: 5}", &["/config/timeout", "got number, want string"]),
    ("certificates: {source: self}", &["/certificates/source", "'secret'"]),
    ("certificates: {caBundle: LS0t}", &["/certificates/caBundle", "does not match pattern"]),
    ("webhook: {failurePolicy: ignore}", &["/webhook/failurePolicy", "'Ignore', 'Fail'"]),
    ("webhook: {timeoutSeconds: 31}", &["/webhook/timeoutSeconds", "maximum"]),
    ("hostNetwork: {webhookPort: 443}", &["/hostNetwork/webhookPort", "minimum"]),
    ("node: {certsD: certs.d}", &["/node/certsD", "does not match pattern"]),
    ("name: Pullcheck", &["/name", "does not match pattern"]),
    ("extraArgs: --mode", &["/extraArgs", "got string, want array"]),
    // What no schema sees.
    (
        "config: {minimumMode: warn}",
        &["config.minimumMode", "set webhook.offLabelExcludes to false"],
    ),
    ("config: {enforced: [tag-mutable]}", &["config.enforced", "webhook.offLabelExcludes"]),
    ("rbac: {namespaces: [shop]}", &["rbac.namespaces needs rbac.secrets"]),
    ("node: {credentialProviders: {config: /etc/x.json}}", &["both config and binDir"]),
    (
        "certificates: {source: certManager, caBundle: '-----BEGIN CERTIFICATE-----'}",
        &["certificates.caBundle belongs to the source secret"],
    ),
    ("certificates: {issuerRef: {name: x}}", &["belongs to the source certManager"]),
    ("name: 1st", &["/name", "does not match pattern"]),
    // The namespace in which the cases are rendered.
    ("{}", &["must not be default", "--namespace"]),
];

#[test]
fn a_bad_value_is_refused_with_its_place_and_what_would_be_right() {
    let helm = match Helm::built() {
        Ok(helm) => helm,
        Err(why) => skip!(&why),
    };
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("values.yaml");
    for (values, told) in BAD {
        std::fs::write(&file, values).unwrap();
        let mut command = helm.command(dir.path());
        let output =
            command.args(["template", "pullcheck", CHART, "--values"]).arg(&file).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{values} is taken");
        for told in *told {
            assert!(stderr.contains(told), "{values}: {stderr}");
        }
    }
}

#[test]
fn a_release_whose_name_no_service_can_have_is_refused() {
    let helm = match Helm::built() {
        Ok(helm) => helm,
        Err(why) => skip!(&why),
    };
    let dir = TempDir::new().unwrap();
    for (release, more, taken) in [
        ("1st", "", false),
        ("image.check", "", false),
        ("image.check", "name=image-check", true),
        ("image-check", "", true),
    ] {
        let mut command = helm.command(dir.path());
        command.args(["template", release, CHART, "--namespace", "pullcheck", "--set", more]);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), taken, "{release} {more}: {stderr}");
        assert!(taken || stderr.contains("a Service cannot be called"), "{stderr}");
    }
}

#[test]
fn a_budget_for_drains_is_there_only_where_two_replicas_are() {
    let helm = match Helm::built() {
        Ok(helm) => helm,
        Err(why) => skip!(&why),
    };
    let dir = TempDir::new().unwrap();
    for (values, there) in [
        ("replicas=2", true),
        ("replicas=1", false),
        ("autoscaling.enabled=true,replicas=1", true),
        ("autoscaling.enabled=true,autoscaling.minReplicas=1", false),
    ] {
        let mut command = helm.command(dir.path());
        command.args(["template", "pullcheck", CHART, "--namespace", "pullcheck", "--set", values]);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{values}");
        assert_eq!(text.contains("kind: PodDisruptionBudget"), there, "{values}");
    }
}

#[test]
fn the_chart_passes_the_strict_lint() {
    let helm = match Helm::built() {
        Ok(helm) => helm,
        Err(why) => skip!(&why),
    };
    let dir = TempDir::new().unwrap();
    let output = helm.command(dir.path()).args(["lint", "--strict", CHART]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 chart(s) linted, 0 chart(s) failed"), "{told}");
}
