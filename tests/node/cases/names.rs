//! Names that are no image reference, under any policy.

use crate::node::case::Case;
use crate::node::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let host = world.open.host();
    let invalid = |name: &'static str, image: &str| {
        Case::of(name, image)
            .waits("InvalidImageName", "couldn't parse image name")
            .proven("reference-invalid")
    };

    vec![
        invalid("a name with capitals", &format!("{host}/Team/app:1.0")),
        invalid("a name with two tags", &format!("{host}/app:1.0:2.0")),
        invalid("a name with a scheme", &format!("http://{host}/app:1.0")),
        invalid("a name with a space", &format!("{host}/my app:1.0")),
        invalid("a placeholder for a name", "${IMAGE}"),
        invalid("a name with a short digest", &format!("{host}/app@sha256:0123456789abcdef")),
        invalid("a name with capitals and policy Never", &format!("{host}/Team/app:1.0"))
            .policy("Never"),
        Case::of("a name with a tag and a digest", &{
            let image = world.image("both");
            let name = world.open.add("both", "1.0", &image);
            // The tag is not there, which nobody looks at.
            format!("{}@{}", name.replace(":1.0", ":9.9"), image.digest())
        }),
        Case::of("a name without a tag", &{
            let image = world.image("latest");
            world.open.add("untagged", "latest", &image).replace(":latest", "")
        }),
    ]
}
