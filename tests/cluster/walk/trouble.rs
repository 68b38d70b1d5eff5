//! Several faults in one object, and what is no fault of the object's.

use crate::cluster::terminal::Terminal;
use crate::support::misbehaving::faults;

const TWO: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: shop
  namespace: shop
spec:
  initContainers:
    - name: migrate
      image: registry.acme.test/Shop/migrate:3
  containers:
    - name: web
      image: registry.acme.test/shop/web:latest
    - name: worker
      image: registry.acme.test/shop/worker:2.0
";

pub async fn scenes(terminal: &mut Terminal<'_>) {
    terminal.scene("several");
    terminal.file("shop.yaml", TWO);
    let step = terminal.types("kubectl apply -f shop.yaml").await;
    step.is_denied("tag-not-found").finds("reference-invalid", "deny").says("[reference-invalid]");

    terminal.scene("registry-away");
    terminal.stage.image("shop/billing", "1.0");
    terminal.stage.registry.misbehave("shop/billing", faults::server_error(503));
    let run = "kubectl run billing -n shop --image=registry.acme.test/shop/billing:1.0";
    terminal.types(run).await.is_warned("registry-error").asks();
    terminal.stage.registry.heal("shop/billing");
}
