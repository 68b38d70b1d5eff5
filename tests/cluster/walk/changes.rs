//! What is done to objects that are there.

use crate::cluster::terminal::Terminal;

pub async fn scenes(terminal: &mut Terminal<'_>) {
    terminal.scene("set-image");
    let set = "kubectl set image deployment/web -n shop web=registry.acme.test/shop/web:";
    terminal.types(&format!("{set}1.5.0")).await.is_denied("tag-not-found");
    terminal.types(&format!("{set}1.4.1")).await.is_admitted();

    terminal.scene("not-looked-at");
    // The image that stands there is gone, and still nothing but a new one is judged.
    terminal.stage.registry.untag("shop/web", "1.4.1");
    terminal.types("kubectl label deployment/web -n shop team=checkout").await.is_not_sent();
    terminal.types("kubectl scale deployment/web -n shop --replicas=3").await.is_not_sent();
    let restart = "kubectl rollout restart deployment/web -n shop";
    terminal.types(restart).await.is_not_sent();
    let env = "kubectl set env deployment/web -n shop LOG_LEVEL=debug";
    terminal.types(env).await.is_skipped("nothing-new");
    terminal.stage.image("shop/web", "1.4.1");
    let status = "kubectl patch pod/web -n shop --subresource=status -p \
        {\"status\":{\"message\":\"tests\"}}";
    terminal.admin(status).await.is_not_sent();

    terminal.scene("debug");
    let debug = "kubectl debug web -n shop -c debugger --image=registry.acme.test/tools/";
    may_debug(terminal).await;
    terminal.types(&format!("{debug}shell:1.0")).await.is_denied("repository-not-found");
    terminal.stage.image("tools/debug", "1.0");
    terminal.types(&format!("{debug}debug:1.0")).await.is_admitted();

    let finalizers = "kubectl patch pod/web -n shop --type=merge -p {\"metadata\":{\"finalizers\":";
    terminal.unseen(&format!("{finalizers}[\"acme.test/hold\"]}}}}")).await.is_not_sent();
    terminal.unseen("kubectl delete pod/web -n shop --wait=false --now").await.is_not_sent();
    // It is being deleted: even a new image is nobody's business.
    let image = "kubectl set image pod/web -n shop web=registry.acme.test/shop/none:1";
    terminal.unseen(image).await.is_not_sent();
    terminal.unseen(&format!("{finalizers}null}}}}")).await.is_not_sent();
    let gone = terminal.unseen("kubectl get pod/web -n shop --ignore-not-found").await;
    assert_eq!(gone.is_not_sent().shown, "");
}

/// The role `edit` does not hold this right.
async fn may_debug(terminal: &Terminal<'_>) {
    terminal
        .admin("kubectl create role debug -n shop --verb=patch --resource=pods/ephemeralcontainers")
        .await
        .is_not_sent();
    terminal
        .admin("kubectl create rolebinding debug -n shop --role=debug --user=developer")
        .await
        .is_not_sent();
}
