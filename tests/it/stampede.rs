//! Many namespaces at once that want one image, each with a copy of one credential of its own: the
//! registry is asked as for one of them.
//!
//! The ordinary run takes fewer pods. `PULLCHECK_TEST_STAMPEDE=600x30 cargo test --test it stampede`
//! takes 600 namespaces with 30 pods each; so does `cargo bench --bench cold -- stampede`.

mod run;

use run::{Size, run};

/// Set to `NAMESPACESxPODS`.
const SIZE: &str = "PULLCHECK_TEST_STAMPEDE";
/// For how many seconds a Secret that was found is taken as still the same.
const SECRET_HOLDS: u64 = 5;

fn size() -> Size {
    let size = std::env::var(SIZE).unwrap_or_else(|_| "600x2".to_owned());
    let (namespaces, pods) = size.split_once('x').expect("NAMESPACESxPODS");
    Size { namespaces: namespaces.parse().unwrap(), pods: pods.parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stampede_of_namespaces_asks_the_registry_once() {
    let size = size();
    let run = run(size).await;
    assert_eq!(run.latencies.len(), size.namespaces * size.pods);
    assert!(run.others.is_empty(), "{} of them, such as {}", run.others.len(), run.others[0]);
    // 401, then HEAD and GET of the manifest, the config and one layer.
    assert_eq!(run.asked.len(), 5, "{:#?}", run.asked);
    assert_eq!(run.tokens, 1);
    assert_eq!(run.missed, 0);
    let times = usize::try_from(1 + run.took.as_secs() / SECRET_HOLDS).unwrap();
    for read in run.secrets {
        assert!((1..=times).contains(&read), "a Secret was read {read} times in {:?}", run.took);
    }
    assert!(run.other_reads <= 8, "{} requests for anything else", run.other_reads);
}
