//! What is in a pull secret: entries as people write them, and entries that cannot be read.

use serde_json::json;

use crate::node::case::Case;
use crate::node::secret::{auths, config, login, pull_secret};
use crate::node::world::{USER, World};

const DENIED: &str = "insufficient_scope";

pub fn cases(world: &World) -> Vec<Case> {
    let host = world.host();
    let good = || pull_secret(&world.good_under(&host));
    let entry = |entry: serde_json::Value| pull_secret(&config(&[(&host, entry)]));
    let private = |name: &'static str| Case::of(name, &world.private(&Case::slug(name)));
    let refused = |case: Case| case.fails(DENIED).proven("access-denied");
    let unread = |case: Case, text| case.waits(text, text).proven("pull-secret-malformed");
    let not_base64 = json!({ "auth": "not base64!" });

    vec![
        private("user and password in fields of their own")
            .secret("pull", entry(json!({ "username": USER, "password": world.password }))),
        private("auth beside a wrong password").secret("pull", {
            let mut both = world.good();
            both["username"] = USER.into();
            both["password"] = "not-this-one".into();
            entry(both)
        }),
        private("a password with a newline at its end")
            .secret("pull", entry(login(USER, &format!("{}\n", world.password))))
            .fails("401 Unauthorized")
            .proven("credential-rejected"),
        refused(private("an empty entry").secret("pull", entry(json!({})))),
        refused(
            private("an identity token alone")
                .secret("pull", entry(json!({ "auth": "", "identitytoken": "an-identity-token" }))),
        ),
        refused(private("no entries at all").secret("pull", pull_secret(r#"{"auths":{}}"#))),
        refused(private("the older format under the newer type").secret(
            "pull",
            pull_secret(&serde_json::Value::from(auths(&[(&host, world.good())])).to_string()),
        )),
        unread(
            private("auth that is not base64").secret("pull", entry(not_base64.clone())),
            "illegal base64 data at input byte",
        ),
        unread(
            private("auth without a colon").secret("pull", entry(json!({ "auth": "cGFudHM=" }))),
            "must be formatted as base64(username:password)",
        ),
        unread(
            private("a malformed entry for another host beside the right one").secret(
                "pull",
                pull_secret(&config(&[
                    (&host, world.good()),
                    ("other.judge.test", not_base64.clone()),
                ])),
            ),
            "illegal base64 data at input byte",
        ),
        unread(
            private("a malformed secret after the right one")
                .secret("good", good())
                .secret("other", pull_secret(&config(&[("other.judge.test", not_base64)]))),
            "illegal base64 data at input byte",
        ),
        unread(
            private("auths that is a list").secret("pull", pull_secret(r#"{"auths":[]}"#)),
            "cannot unmarshal array",
        ),
    ]
}
