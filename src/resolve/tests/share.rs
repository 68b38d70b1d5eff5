//! One namespace does not evict what another uses.

use super::*;

fn of(tenant: &str, reference: Reference) -> Question {
    Question { tenant: tenant.into(), ..question(reference, &[]) }
}

#[tokio::test]
async fn a_namespace_that_floods_the_cache_leaves_anothers_answers_warm() {
    let fake = Fake::start().await;
    let resolver = resolver(Limits { answers: 64 * 1024, ..Limits::default() });
    let warm: Vec<_> = (0..20).map(|n| fake.image(&format!("shop/app{n}:1"))).collect();
    for image in &warm {
        assert!(found(&ask(&resolver, of("shop", image.clone())).await));
    }
    for n in 0..300 {
        let image = fake.image(&format!("flood/app{n}:1"));
        for _ in 0..3 {
            assert!(found(&ask(&resolver, of("flood", image.clone())).await));
        }
    }
    let asked = fake.count(&Method::HEAD, "shop/");
    for image in &warm {
        assert!(found(&ask(&resolver, of("shop", image.clone())).await));
    }
    assert_eq!(fake.count(&Method::HEAD, "shop/"), asked, "nothing had to be asked again");
    assert!(resolver.shared.answers.count() < 200, "there was no room for all");
}
