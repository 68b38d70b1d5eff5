//! Token servers and their moods.

use crate::support::images::simple;
use crate::support::secrets;
use crate::support::token_server::{Mood, Post, TokenServer};
use crate::truth::case::Case;
use crate::truth::world::World;

pub fn cases(world: &World) -> Vec<Case> {
    let case = |name, host: &str, set_up: &dyn Fn(&TokenServer)| {
        let (registry, tokens) = world.moody(host);
        registry.add("tokens/app", "v1", &simple(host));
        tokens.publish("tokens/app");
        set_up(tokens);
        Case::new(name, format!("{host}/tokens/app:v1"))
    };
    let moody = |name, host: &str, mood: Mood| case(name, host, &|it| it.mood(mood.clone()));
    let strict = "strict.tokens.test";
    let get_only = "get-only.tokens.test";
    let password = world.moody(get_only).1.add_user("bob", &["*"]);
    vec![
        case("403 for a wrong password, as GHCR and GitLab have it", strict, &|it| {
            it.refuse_with(403);
        })
        .login(strict, "bob", &secrets::fresh())
        .fails("403 Forbidden")
        .proven("credential-rejected"),
        case("a token server that knows only GET", get_only, &|it| {
            it.post(Post::Unsupported(404));
        })
        .login(get_only, "bob", &password),
        moody("a token server with a 500", "failing.tokens.test", Mood::Refuses(500))
            .fails("500 Internal Server Error")
            .unknown("registry-error"),
        moody("a token server with a 429", "limited.tokens.test", Mood::TooMany(None))
            .fails("429 Too Many Requests")
            .unknown("registry-rate-limited"),
        moody("an answer without a token", "empty.tokens.test", Mood::NoToken)
            .fails("did not include a token")
            .unknown("registry-error"),
        moody("an answer that is no JSON", "junk.tokens.test", Mood::BadJson)
            .fails("unable to decode token response")
            .unknown("registry-error"),
        moody("a token server that hangs", "hanging.tokens.test", Mood::Hangs)
            .fails("failed to fetch anonymous token")
            .unknown("registry-timeout")
            .slow(),
    ]
}
