//! A private registry: pull secrets of pods, of templates and of ServiceAccounts.

use crate::cluster::stage::{PRIVATE, until};
use crate::cluster::terminal::Terminal;
use crate::support::secrets;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: api
  namespace: shop
spec:
  imagePullSecrets:
    - name: regcred
  containers:
    - name: api
      image: private.acme.test/team/api:2.1
";

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata:
  name: team
  namespace: shop
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{\"auths\": {\"private.acme.test\": {\"auth\": \"$AUTH\"}}}'
";

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
spec:
  selector:
    matchLabels: { app: api }
  template:
    metadata:
      labels: { app: api }
    spec:
      imagePullSecrets:
        - name: team
      containers:
        - name: api
          image: private.acme.test/team/api:2.1
";

pub async fn scenes(terminal: &mut Terminal<'_>) {
    terminal.stage.private_image("team/api", "2.1");
    let password = terminal.stage.logins.add("shop", &["*"]);
    terminal.set("PASSWORD", &password);
    terminal.set("OUTDATED", &secrets::fresh());
    terminal.set("AUTH", &secrets::basic("shop", &password));

    terminal.scene("private");
    let run = "kubectl run api -n shop --image=private.acme.test/team/api:2.1";
    terminal.types(run).await.is_denied("access-denied").asks();

    terminal.scene("password");
    terminal.types(&regcred("$OUTDATED")).await.is_not_sent();
    terminal.file("api.yaml", POD);
    let apply = "kubectl apply -f api.yaml";
    terminal.types(apply).await.is_denied("credential-rejected").asks();
    // It is told again, and the registry is not asked: an account could be locked.
    terminal.unseen(apply).await.is_denied("credential-rejected").asks_nobody();
    terminal.types("kubectl delete secret regcred -n shop").await.is_not_sent();
    // A person may be about to make it, so that nothing is certain.
    let warned = terminal.types(&format!("{apply} --dry-run=server")).await;
    warned.is_warned("access-denied").warns("pull-secret-not-found");
    terminal.types(&regcred("$PASSWORD")).await.is_not_sent();
    terminal.types(apply).await.is_admitted().asks();

    together(terminal).await;
    accounts(terminal).await;
}

/// Secret and Deployment in one file.
async fn together(terminal: &mut Terminal<'_>) {
    let joined = |first: &str, second: &str| format!("{}---\n{}", first.trim_start(), &second[1..]);
    let dry = "kubectl apply --dry-run=server -f";

    terminal.scene("secret-first");
    terminal.file("all.yaml", &joined(SECRET, DEPLOYMENT));
    terminal.types(&format!("{dry} all.yaml")).await.is_warned("access-denied");
    terminal.types("kubectl apply -f all.yaml").await.is_admitted();
    // Now that both exist, a dry run knows as much as the real one.
    terminal.types(&format!("{dry} all.yaml")).await.exits(0).is_silent();

    terminal.scene("secret-last");
    // Names of their own, or what is known of the first would be known of these.
    let other = |text: &str| text.replace("name: api", "name: web2").replace("team\n", "late\n");
    let (deployment, secret) = (other(DEPLOYMENT), other(SECRET));
    terminal.file_unseen("late.yaml", &joined(&deployment, &secret));
    terminal.unseen(&format!("{dry} late.yaml")).await.is_warned("access-denied");
    terminal.types("kubectl apply -f late.yaml").await.is_warned("access-denied");
    terminal.types("kubectl rollout restart deployment/web2 -n shop").await.is_silent();
}

/// What a ServiceAccount names, the API server writes into a pod; for a template it is looked up.
async fn accounts(terminal: &mut Terminal<'_>) {
    terminal.scene("service-account");
    let pod = "--image=private.acme.test/team/api:2.1";
    let template = format!("kubectl create deployment by-default -n shop {pod}");
    terminal.types(&template).await.is_denied("access-denied");
    let patch = "kubectl patch serviceaccount default -n shop \
        -p '{\"imagePullSecrets\":[{\"name\":\"regcred\"}]}'";
    terminal.types(patch).await.is_not_sent();
    until("the admission of ServiceAccounts", async || {
        let probe = "kubectl run probe -n shop --image=registry.acme.test/shop/web:1.4.0 \
            --dry-run=server -o jsonpath={.spec.imagePullSecrets[0].name}";
        terminal.unseen(probe).await.shown == "regcred"
    })
    .await;
    terminal.types(&template).await.is_admitted();
    terminal.types(&format!("kubectl run by-default -n shop {pod}")).await.is_admitted();

    // An account with a login that is refused breaks its pods and templates alike.
    for line in [
        &regcred("$OUTDATED").replace("regcred", "stale"),
        "kubectl create serviceaccount robot -n shop",
        "kubectl patch serviceaccount robot -n shop \
            -p '{\"imagePullSecrets\":[{\"name\":\"stale\"}]}'",
    ] {
        terminal.unseen(line).await.is_not_sent();
    }
    let robot = "--overrides={\"spec\":{\"serviceAccountName\":\"robot\"}}";
    until("the admission of the new ServiceAccount", async || {
        let probe = "kubectl run probe -n shop --image=registry.acme.test/shop/web:1.4.0 \
            --dry-run=server -o jsonpath={.spec.imagePullSecrets[0].name}";
        terminal.unseen(&format!("{probe} {robot}")).await.shown == "stale"
    })
    .await;
    let pod = terminal.unseen(&format!("kubectl run by-robot -n shop {pod} {robot}")).await;
    pod.is_denied("credential-rejected");
    let account = "      serviceAccountName: robot\n      containers:";
    let template = DEPLOYMENT.replace("      imagePullSecrets:\n        - name: team\n", "");
    let template = template.replace("      containers:", account).replace("name: api", "name: bot");
    terminal.file_unseen("bot.yaml", &template);
    terminal.unseen("kubectl apply -f bot.yaml").await.is_denied("credential-rejected");
}

fn regcred(password: &str) -> String {
    format!(
        "kubectl create secret docker-registry regcred -n shop --docker-server={PRIVATE} \
         --docker-username=shop --docker-password={password}"
    )
}
