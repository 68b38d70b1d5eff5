//! Who may pull.

use serde_json::json;

use crate::support::images::simple;
use crate::support::misbehaving::faults;
use crate::support::real_registry::{PASSWORD, USER};
use crate::support::secrets;
use crate::truth::case::{Case, Node};
use crate::truth::world::World;

const TOKEN: &str = "token.test";
const BASIC: &str = "basic.test";

pub async fn cases(world: &World) -> Vec<Case> {
    let private = async |repository: &str| {
        world.token.push(repository, "v1", &simple(repository)).await;
        format!("{TOKEN}/{repository}:v1")
    };
    let basic = async |repository: &str| {
        world.basic.push(repository, "v1", &simple(repository)).await;
        format!("{BASIC}/{repository}:v1")
    };
    let wrong = &secrets::fresh();
    let good = &world.tokens.add_user("bob", &["*"]);
    let narrow = &world.tokens.add_user("carol", &["credentials/other"]);
    world.tokens.publish("credentials/public");
    world.tokens.publish("credentials/public-wrong");
    world.tokens.publish("credentials/public-empty");

    let mut cases = vec![
        Case::new("public at a token registry", private("credentials/public").await),
        Case::new("private, the right password", private("credentials/right").await)
            .login(TOKEN, "bob", good),
        Case::new("private, no secret", private("credentials/none").await)
            .fails("insufficient_scope")
            .proven("access-denied"),
        Case::new("private, a secret for another host", private("credentials/elsewhere").await)
            .secret(
                &json!({ "auths": { "other.test": { "auth": secrets::basic("bob", good) } } })
                    .to_string(),
            )
            .fails("insufficient_scope")
            .proven("access-denied"),
        Case::new("private, a wrong password", private("credentials/wrong").await)
            .login(TOKEN, "bob", wrong)
            .fails("failed to authorize")
            .proven("credential-rejected"),
        Case::new("public, a wrong password", private("credentials/public-wrong").await)
            .login(TOKEN, "bob", wrong)
            .fails("failed to authorize")
            .proven("credential-rejected"),
        Case::new("private, another repository's user", private("credentials/narrow").await)
            .login(TOKEN, "carol", narrow)
            .fails("insufficient_scope")
            .proven("access-denied"),
        Case::new(
            "private, a wrong password, then the right one",
            private("credentials/second").await,
        )
        .login(TOKEN, "bob", wrong)
        .login(TOKEN, "bob", good),
        Case::new("private, two wrong passwords", private("credentials/two-wrong").await)
            .login(TOKEN, "bob", wrong)
            .login(TOKEN, "dave", wrong)
            .fails("failed to authorize")
            .proven("credential-rejected"),
        Case::new("public, an empty entry", private("credentials/public-empty").await)
            .secret(&json!({ "auths": { TOKEN: {} } }).to_string())
            .tries("", ""),
        Case::new("private, an empty entry", private("credentials/empty").await)
            .secret(&json!({ "auths": { TOKEN: {} } }).to_string())
            .tries("", "")
            .fails("insufficient_scope")
            .proven("access-denied"),
        Case::new("Basic, the right password", basic("credentials/right").await)
            .login(BASIC, USER, PASSWORD),
        Case::new("Basic, no secret", basic("credentials/none").await)
            .nodes(Node::Fails("no basic auth credentials"), Node::Fails("401 Unauthorized"))
            .proven("access-denied"),
        Case::new("Basic, a wrong password", basic("credentials/wrong").await)
            .login(BASIC, USER, wrong)
            .fails("401 Unauthorized")
            .proven("credential-rejected"),
        Case::new("Basic, a wrong password, then the right one", basic("credentials/second").await)
            .login(BASIC, USER, wrong)
            .login(BASIC, USER, PASSWORD),
        Case::new("Basic, a user name without a password", basic("credentials/half").await)
            .secret(&json!({ "auths": { BASIC: { "username": USER } } }).to_string())
            .tries(USER, "")
            .nodes(Node::Fails("no basic auth credentials"), Node::Fails("401 Unauthorized"))
            .proven("access-denied"),
        Case::new("a wrong password where nobody asks for one", {
            world
                .odd
                .add("credentials/unasked", "v1", &simple("credentials unasked"))
                .replace(&world.odd.host(), "odd.test")
        })
        .login("odd.test", "bob", wrong),
    ];
    let expired = &world.logins.add("AWS", &["*"]);
    world.odd_basic.add("credentials/ecr", "v1", &simple("credentials ecr"));
    world.odd_basic.misbehave("credentials/ecr", faults::ecr_expired());
    world.odd.add("credentials/forbidden", "v1", &simple("credentials forbidden"));
    world.odd.misbehave("credentials/forbidden", faults::forbidden());
    world.odd.add("credentials/no-challenge", "v1", &simple("credentials no challenge"));
    world.odd.misbehave("credentials/no-challenge", faults::no_challenge());
    cases.extend([
        Case::new("a login that has expired, as ECR says it", "odd-basic.test/credentials/ecr:v1")
            .login("odd-basic.test", "AWS", expired)
            .fails("403 Forbidden")
            .proven("credential-expired"),
        Case::new("403 without a login", "odd.test/credentials/forbidden:v1")
            .fails("403 Forbidden")
            .proven("access-denied"),
        Case::new("401 without a challenge", "odd.test/credentials/no-challenge:v1")
            .fails("401 Unauthorized")
            .proven("access-denied"),
    ]);
    cases
}
