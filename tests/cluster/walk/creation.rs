//! New objects, of every way to make them.

use crate::cluster::terminal::Terminal;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  containers:
    - name: web
      image: registry.acme.test/shop/web:1.4.O
";

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: web
          image: registry.acme.test/shop/web:1.4.0
";

const CRON_JOB: &str = "
apiVersion: batch/v1
kind: CronJob
metadata:
  name: report
  namespace: shop
spec:
  schedule: '0 3 * * *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: report
              image: registry.acme.test/shop/reprot:2.0
";

const GENERATED: &str = "
apiVersion: batch/v1
kind: Job
metadata:
  generateName: import-
  namespace: shop
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: import
          image: registry.acme.test/shop/worker:1.9
";

pub async fn scenes(terminal: &mut Terminal<'_>) {
    terminal.stage.image("shop/web", "1.4.0");
    terminal.stage.image("shop/web", "1.4.1");
    terminal.stage.image("shop/worker", "2.0");

    terminal.scene("denied");
    terminal.file("web.yaml", POD);
    terminal.types("kubectl apply -f web.yaml").await.is_denied("tag-not-found").asks();
    terminal.types("kubectl get pods -n shop").await.is_not_sent().says("No resources found");

    terminal.scene("warned");
    let run = "kubectl run web -n staging --image=registry.acme.test/shop/web:1.4.O";
    terminal.types(run).await.is_warned("tag-not-found").says("pod/web created");

    terminal.scene("dry-run");
    let dry = "kubectl apply -f web.yaml --dry-run=server";
    terminal.types(dry).await.is_denied("tag-not-found");
    terminal.file("deployment.yaml", DEPLOYMENT);
    let dry = "kubectl apply -f deployment.yaml --dry-run=server";
    terminal.types(dry).await.is_admitted().says("created (server dry run)");
    terminal.types("kubectl apply -f deployment.yaml").await.is_admitted().asks_nobody();

    terminal.scene("diff");
    terminal.file_unseen("deployment.yaml", &DEPLOYMENT.replace("1.4.0", "1.4.2"));
    let diff = terminal.types("kubectl diff -f deployment.yaml").await;
    diff.reviews(0, 0, 1).finds("tag-not-found", "deny").says("[tag-not-found]");
    terminal.file_unseen("deployment.yaml", &DEPLOYMENT.replace("1.4.0", "1.4.1"));
    terminal.types("kubectl diff -f deployment.yaml").await.exits(1).reviews(1, 0, 0).is_silent();

    terminal.scene("cron-job");
    terminal.file("report.yaml", CRON_JOB);
    terminal.types("kubectl create -f report.yaml").await.is_denied("repository-not-found");
    terminal.file_unseen("report.yaml", &CRON_JOB.replace("shop/reprot", "shop/worker"));
    terminal.unseen("kubectl create -f report.yaml").await.is_admitted();
    terminal.unseen("kubectl create job --from=cronjob/report now -n shop").await.is_admitted();

    terminal.scene("generate-name");
    terminal.file("import.yaml", GENERATED);
    terminal.types("kubectl create -f import.yaml").await.is_denied("tag-not-found");
    terminal.file_unseen("import.yaml", &GENERATED.replace("1.9", "2.0"));
    terminal.unseen("kubectl create -f import.yaml").await.is_admitted();

    terminal.scene("server-side");
    let apply = "kubectl apply --server-side -f";
    terminal.types(&format!("{apply} web.yaml")).await.is_denied("tag-not-found");
    terminal.file_unseen("web.yaml", &POD.replace("1.4.O", "1.4.0"));
    terminal.unseen(&format!("{apply} web.yaml")).await.is_admitted();
    // Nothing of it is new, so that nothing is sent.
    terminal.unseen(&format!("{apply} web.yaml")).await.is_not_sent();

    fifty(terminal).await;
}

/// A List of 50: the rest of it is not held up by those that are denied.
async fn fifty(terminal: &Terminal<'_>) {
    let pods = (0..50).map(|number| {
        let tag = if number % 10 == 0 { "3.0" } else { "2.0" };
        serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": format!("worker-{number}"), "namespace": "shop" },
            "spec": { "containers": [{
                "name": "worker", "image": format!("registry.acme.test/shop/worker:{tag}"),
            }] },
        })
    });
    let items: Vec<_> = pods.collect();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    terminal.file_unseen("fifty.json", &list.to_string());
    let step = terminal.unseen("kubectl apply -f fifty.json").await;
    step.exits(1).reviews(45, 0, 5).finds("tag-not-found", "deny");
    assert_eq!(step.shown.matches("denied the request").count(), 5, "{step:#?}");
    assert_eq!(step.shown.matches(" created\n").count(), 45, "{step:#?}");
    terminal
        .unseen("kubectl delete -f fifty.json --ignore-not-found --wait=false")
        .await
        .is_not_sent();
}
