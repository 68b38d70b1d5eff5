//! The image has more bytes than the operator wants, or than a node has room for.

use super::landing::{fetched, unseen};
use super::{Basis, Cause, Certainty, Code, Finding, Severity, Standing, View, certainty, words};
use crate::facts::{Conclusion, Facts};

pub(super) const CAUSE: Cause = Cause {
    code: Code::new("image-too-large"),
    standing: Standing::ByMode,
    basis: Basis::Pull,
    class: "Advice, Proven (Likely where it hangs on the platform); WontPull, Likely where no node \
            that the pod may land on has room for it",
    what: "The image's layers have more bytes than the configured limit (maxImageSize), or than any \
           node's allocatable ephemeral storage.",
    why: "The registry tells the compressed size, so that the node needs more than that: it keeps \
          the layers and unpacks them.",
    fix: "Build a smaller image (another base, fewer files, several stages), or give the nodes \
          larger disks.",
    seen_as: &[
        "no space left on device",
        "The node was low on resource: ephemeral-storage",
        "DiskPressure",
    ],
    detect,
};

fn detect(facts: &View<'_>, findings: &mut Vec<Finding>) {
    let limit = facts.settings.max_image_size;
    let largest_disk = largest_disk(facts);
    if limit.is_none() && largest_disk.is_none() {
        return;
    }
    let Some(nodes) = facts.candidates().first() else { return };
    for image in &facts.images {
        if !matches!(image.conclusion(), Conclusion::Pulls(_)) {
            continue;
        }
        let sizes: Vec<u64> =
            fetched(nodes, image).into_iter().map(|content| content.size).collect();
        let (Some(&least), Some(&most)) = (sizes.iter().min(), sizes.iter().max()) else {
            continue;
        };
        // What some node would fetch and was not seen may be smaller.
        let all_seen = unseen(facts, image).is_none();
        if let Some(disk) = largest_disk.filter(|disk| all_seen && *disk < least) {
            let doubt = certainty::of_image(facts, image);
            let what = format!(
                "it has at least {} in layers, compressed, and no node that it may land on has \
                 more than {} for it{}{}",
                words::bytes(least),
                words::bytes(disk),
                pressed(facts),
                doubt.clause()
            );
            let fix = "make it smaller or the nodes' disks larger";
            let (severity, certainty) = (Severity::WontPull, Certainty::Likely);
            findings.push(Finding::of_image(&CAUSE, severity, certainty, image, &what, fix));
        } else if let Some(limit) = limit.filter(|limit| *limit < most) {
            let all = limit < least && !nodes.more && all_seen;
            let certainty = if all { Certainty::Proven } else { Certainty::Likely };
            let what = format!(
                "it has at least {} in layers, compressed, and the limit is {}{}",
                words::bytes(most),
                words::bytes(limit),
                pressed(facts)
            );
            let fix = "make it smaller";
            findings.push(Finding::of_image(
                &CAUSE,
                Severity::Advice,
                certainty,
                image,
                &what,
                fix,
            ));
        }
    }
}

/// Bytes of the largest disk among the nodes; none if one does not tell, or there is no node.
fn largest_disk(facts: &Facts<'_>) -> Option<u64> {
    let disks = facts.nodes.iter().flatten().map(|node| node.ephemeral_storage);
    disks.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// How many of the nodes have too little room already.
fn pressed(facts: &Facts<'_>) -> String {
    let nodes = facts.nodes.as_deref().unwrap_or_default();
    match nodes.iter().filter(|node| node.disk_pressure).count() {
        0 => String::new(),
        pressed => format!(" (DiskPressure on {pressed} of {})", nodes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::facts::{Attempt, Settings};
    use crate::nodes::Node;

    const GIB: u64 = 1 << 30;

    fn of_size(size: u64) -> Vec<Attempt> {
        vec![anonymous(served(image_of("linux/amd64", size, None)))]
    }

    fn with_disk(disk: Option<u64>, disk_pressure: bool) -> Node {
        Node { ephemeral_storage: disk, disk_pressure, ..node("linux/amd64", "containerd/1.7") }
    }

    #[test]
    fn a_configured_limit_is_advice() {
        let settings = Settings { max_image_size: Some(2 * GIB), ..Settings::default() };
        let large = facts(vec![image("ghcr.io/acme/api:v2", of_size(5 * GIB / 2))], &settings);
        assert_eq!(
            only(&CAUSE, &large),
            (
                Severity::Advice,
                Certainty::Proven,
                "spec.containers[0].image \"ghcr.io/acme/api:v2\": it has at least 2.5 GiB in \
                 layers, compressed, and the limit is 2.0 GiB; make it smaller [image-too-large]"
                    .to_owned()
            )
        );
        only_these(&[&CAUSE], &large);
        only_these(&[], &facts(vec![image("ghcr.io/acme/api:v2", of_size(2 * GIB))], &settings));
    }

    #[test]
    fn of_an_index_the_image_for_some_nodes_may_be_too_large() {
        let settings =
            Settings { max_image_size: Some(GIB), ..declared(&["linux/amd64", "linux/arm64"]) };
        let of = |platform, size| served(image_of(platform, size, None));
        let entries = [
            ("linux/amd64", of("linux/amd64", 2 * GIB)),
            ("linux/arm64", of("linux/arm64", 1_000)),
        ];
        let facts = facts(vec![image("ghcr.io/acme/api:v2", vec![index(&entries)])], &settings);
        assert_eq!(only(&CAUSE, &facts).1, Certainty::Likely);
    }

    #[test]
    fn what_some_nodes_would_fetch_from_elsewhere_may_be_smaller() {
        let of = |platform| (platform, served(image_of(platform, 3 * GIB, None)));
        let whole = || index(&[of("linux/amd64"), of("linux/arm64")]);
        for (attempt, expected) in
            [(whole(), Certainty::Proven), (elsewhere(1, whole()), Certainty::Likely)]
        {
            let settings =
                Settings { max_image_size: Some(GIB), ..declared(&["linux/amd64", "linux/arm64"]) };
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", vec![attempt])], &settings);
            let (severity, certainty, _) = only(&CAUSE, &facts);
            assert_eq!((severity, certainty), (Severity::Advice, expected));
            facts.nodes = nodes(vec![with_disk(Some(2 * GIB), false)]);
            let all_seen = expected == Certainty::Proven;
            assert_eq!(only(&CAUSE, &facts).0 == Severity::WontPull, all_seen);
        }
    }

    #[test]
    fn no_node_that_could_hold_it_is_likely_and_tells_of_disk_pressure() {
        let settings = Settings::default();
        for (disks, expected) in [
            (vec![(Some(GIB), false), (Some(2 * GIB), true)], true),
            (vec![(Some(GIB), false), (Some(4 * GIB), false)], false),
            (vec![(Some(GIB), false), (None, false)], false),
            (Vec::new(), false),
        ] {
            let attempts = of_size(3 * GIB);
            let mut facts = facts(vec![image("ghcr.io/acme/api:v2", attempts)], &settings);
            facts.nodes =
                nodes(disks.iter().map(|(disk, pressed)| with_disk(*disk, *pressed)).collect());
            let Some(finding) = found(&CAUSE, &facts).pop() else {
                assert!(!expected, "{disks:?}");
                continue;
            };
            assert!(expected, "{disks:?}");
            let grade = (finding.severity, finding.certainty);
            assert_eq!(grade, (Severity::WontPull, Certainty::Likely));
            let said = "more than 2.0 GiB for it (DiskPressure on 1 of 2); make it smaller";
            assert!(finding.message.contains(said), "{}", finding.message);
        }
    }
}
