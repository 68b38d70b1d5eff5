//! `imagePullSecrets` beside the place where it counts, or misspelt in it. The API server drops
//! such a field (with a warning to kubectl), so that only manifests can have any.
//!
//! Never here: the ones inside containers, which `extract` meets on its way.

use serde_json::Value;

use super::{FieldPath, Kind};

const NAME: &str = "imagePullSecrets";

/// Every such field above the pod's containers, from the outside in.
pub fn misplaced_pull_secrets(kind: &Kind, object: &Value) -> Vec<FieldPath> {
    let mut found = Vec::new();
    let mut place = Some(object);
    let mut path = String::new();
    let mut rest = kind.pod.path().split('.');
    while let Some(here) = place {
        let next = rest.next();
        let is_pod = next.is_none();
        fields(here, &path, |key| key != NAME || !is_pod, &mut found);
        if let Some(metadata) = here.get("metadata") {
            fields(metadata, &join(&path, "metadata"), |_| true, &mut found);
        }
        let Some(next) = next else { break };
        path = join(&path, next);
        place = here.get(next);
    }
    found
}

/// The keys of `map` that mean pull secrets and that `is_wrong` says are so.
fn fields(map: &Value, path: &str, is_wrong: impl Fn(&str) -> bool, found: &mut Vec<FieldPath>) {
    let keys = map.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let wrong = keys.filter(|key| is_meant(key) && is_wrong(key));
    found.extend(wrong.map(|key| FieldPath::of(join(path, key))));
}

/// The name in another case, or of one secret: letters only, so that it can be shown.
fn is_meant(key: &str) -> bool {
    key.eq_ignore_ascii_case(NAME) || key.eq_ignore_ascii_case("imagePullSecret")
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(kind: &str, object: &Value) -> Vec<String> {
        let kind = super::super::KINDS.iter().find(|row| row.kind == kind).unwrap();
        misplaced_pull_secrets(kind, object).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_the_right_name_in_the_right_place_is_right() {
        let list = json!([{ "name": "x" }]);
        let object = json!({
            "imagePullSecrets": list,
            "metadata": { "imagePullSecrets": list, "annotations": { "imagePullSecrets": "" } },
            "spec": {
                "imagePullSecrets": list,
                "template": {
                    "imagepullsecrets": list,
                    "spec": { "imagePullSecrets": list, "imagePullSecret": "x" },
                },
            },
        });
        assert_eq!(
            found("Deployment", &object),
            [
                "imagePullSecrets",
                "metadata.imagePullSecrets",
                "spec.imagePullSecrets",
                "spec.template.imagepullsecrets",
                "spec.template.spec.imagePullSecret",
            ]
        );
        let pod = json!({ "spec": { "imagePullSecrets": list } });
        assert_eq!(found("Pod", &pod), Vec::<String>::new());
        for odd in [json!(null), json!({ "spec": 1 }), json!({ "spec": [], "metadata": 1 })] {
            assert_eq!(found("CronJob", &odd), Vec::<String>::new());
        }
    }
}
