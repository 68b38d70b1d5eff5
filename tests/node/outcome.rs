//! What became of a pod, as its status tells.

use serde_json::Value;

use super::case::OnNode;

/// A status that says something about the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All images were pulled and all containers run, or have run.
    Runs,
    /// The first container that waits for more than its turn.
    Waits { reason: String, message: String },
}

/// Reasons for which a container waits when nothing is wrong.
const IN_TURN: [&str; 2] = ["ContainerCreating", "PodInitializing"];

impl Outcome {
    /// What the status says, if it says anything yet.
    pub fn of(pod: &Value) -> Option<Self> {
        let status = &pod["status"];
        let lists = [&status["initContainerStatuses"], &status["containerStatuses"]];
        let containers: Vec<&Value> =
            lists.iter().filter_map(|list| list.as_array()).flatten().collect();
        for container in &containers {
            let waiting = &container["state"]["waiting"];
            let Some(reason) = waiting["reason"].as_str() else { continue };
            if !IN_TURN.contains(&reason) {
                let message = waiting["message"].as_str().unwrap_or_default();
                return Some(Self::waits(reason, message));
            }
        }
        let started = |it: &&Value| {
            let state = &it["state"];
            state["running"].is_object() || state["terminated"].is_object()
        };
        let all = !containers.is_empty() && containers.iter().all(started);
        all.then_some(Self::Runs)
    }

    /// While the kubelet backs off it repeats what it said first, behind a beginning of its own.
    fn waits(reason: &str, message: &str) -> Self {
        let first = match reason {
            "ImagePullBackOff" => {
                message.split_once("\": ").and_then(|(_, it)| it.split_once(": "))
            }
            _ => None,
        };
        let (reason, message) = first.unwrap_or((reason, message));
        Self::Waits { reason: reason.to_owned(), message: message.to_owned() }
    }

    /// Whether it is what was expected.
    pub fn is(&self, expected: OnNode) -> bool {
        match (self, expected) {
            (Self::Runs, OnNode::Runs) => true,
            (Self::Waits { reason, message }, OnNode::Waits(like, text)) => {
                reason.contains(like) && message.contains(text)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(states: &[Value]) -> Value {
        let statuses: Vec<Value> = states.iter().map(|it| json!({ "state": it })).collect();
        json!({ "status": { "containerStatuses": statuses } })
    }

    fn waiting(reason: &str, message: &str) -> Value {
        json!({ "waiting": { "reason": reason, "message": message } })
    }

    #[test]
    fn a_pod_is_undecided_until_every_container_has_said_something() {
        let running = json!({ "running": {} });
        assert_eq!(Outcome::of(&json!({})), None);
        assert_eq!(Outcome::of(&pod(&[waiting("ContainerCreating", "")])), None);
        assert_eq!(Outcome::of(&pod(&[running.clone(), waiting("PodInitializing", "")])), None);
        assert_eq!(Outcome::of(&pod(&[running.clone(), running])), Some(Outcome::Runs));
    }

    #[test]
    fn backing_off_is_the_failure_before_it() {
        let message = r#"Back-off pulling image "a:1": ErrImagePull: rpc error: it is not there"#;
        let first = waiting("ErrImagePull", "rpc error: it is not there");
        let outcome = Outcome::of(&pod(&[waiting("ImagePullBackOff", message)]));
        assert_eq!(outcome, Outcome::of(&pod(&[first])));
        assert!(outcome.unwrap().is(OnNode::Waits("ErrImagePull", "not there")));
    }
}
