//! Which pull secrets there are, and what they are for.

use serde_json::json;

use crate::node::case::Case;
use crate::node::secret::{auths, config, login, of, pull_secret};
use crate::node::world::{USER, World, stale_under};

/// The word for a pull without a credential that helps, at a registry with a token server.
const DENIED: &str = "insufficient_scope";

pub fn cases(world: &World) -> Vec<Case> {
    let host = world.host();
    let port = world.port();
    let good = || pull_secret(&world.good_under(&host));
    let stale = || pull_secret(&stale_under(&host));
    let under = |key: &str| pull_secret(&world.good_under(key));
    let private = |name: &'static str| Case::of(name, &world.private(&Case::slug(name)));
    let refused = |case: Case| case.fails(DENIED).proven("access-denied");

    vec![
        refused(private("no pull secret")),
        private("a pull secret for the host").secret("pull", good()),
        private("a pull secret that does not exist")
            .naming("pull")
            .fails(DENIED)
            .likely("access-denied")
            .advised("pull-secret-not-found"),
        private("one that does not exist beside one for the host")
            .naming("absent")
            .secret("pull", good())
            .advised("pull-secret-not-found"),
        refused(
            private("an Opaque secret")
                .secret("pull", of("Opaque", ".dockerconfigjson", &world.good_under(&host))),
        )
        .advised("pull-secret-wrong-type"),
        refused(private("a secret of type basic auth").secret(
            "pull",
            json!({
                "type": "kubernetes.io/basic-auth",
                "stringData": { "username": USER, "password": world.password },
            }),
        ))
        .advised("pull-secret-wrong-type"),
        private("the older type of secret").secret(
            "pull",
            of(
                "kubernetes.io/dockercfg",
                ".dockercfg",
                &serde_json::Value::from(auths(&[(&host, world.good())])).to_string(),
            ),
        ),
        // Which entries match.
        refused(private("a secret for another host").secret("pull", under("other.judge.test"))),
        refused(
            private("a secret for the host without its port")
                .secret("pull", under("registry.judge.test")),
        ),
        private("a pattern for the host").secret("pull", under(&format!("*.judge.test:{port}"))),
        refused(
            private("a pattern with fewer labels").secret("pull", under(&format!("*.test:{port}"))),
        ),
        refused(private("a pattern for everything").secret("pull", under("*"))),
        private("a key with scheme and version")
            .secret("pull", under(&format!("https://{host}/v1/"))),
        Case::of("a key with the path", &world.private("team/with-path"))
            .secret("pull", under(&format!("{host}/team"))),
        Case::of("a key with the beginning of the path", &world.private("team/with-beginning"))
            .secret("pull", under(&format!("{host}/te"))),
        refused(
            Case::of("a key with another path", &world.private("team/with-other-path"))
                .secret("pull", under(&format!("{host}/other"))),
        ),
        refused(
            private("a key with a tag")
                .secret("pull", under(&format!("{host}/a-key-with-a-tag:1.0"))),
        ),
        // Several.
        private("two secrets of which the second works")
            .secret("stale", stale())
            .secret("good", good()),
        private("two secrets of which the first works")
            .secret("good", good())
            .secret("stale", stale()),
        Case::of(
            "a wrong one for the path and a right one for the host",
            &world.private("team/both"),
        )
        .secret(
            "pull",
            pull_secret(&config(&[
                (&format!("{host}/team"), login(USER, "not-the-password")),
                (&host, world.good()),
            ])),
        ),
        private("two secrets of which none works")
            .secret("one", stale())
            .secret("two", pull_secret(&config(&[(&host, login("nobody", "knows-this-one"))])))
            .fails("401 Unauthorized")
            .proven("credential-rejected"),
        // Refused.
        private("a stale password")
            .secret("pull", stale())
            .fails("401 Unauthorized")
            .proven("credential-rejected"),
        private("a user without the right")
            .secret("pull", pull_secret(&config(&[(&host, login("stranger", &world.stranger))])))
            .fails(DENIED)
            .proven("access-denied"),
        {
            let case = private("a stale password for a public image");
            world.tokens.publish(&case.namespace());
            case.secret("pull", stale()).fails("401 Unauthorized").proven("credential-rejected")
        },
        Case::of(
            "a stale password where nobody asks for one",
            &world.open("a-stale-password-where-nobody-asks"),
        )
        .secret("pull", pull_secret(&stale_under(&world.open.host()))),
    ]
}
