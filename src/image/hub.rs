//! Docker Hub's history: the names under which one registry goes, and its official images.

/// The domain in every normalised name on Docker Hub, and the default where a reference names
/// none (distribution/reference, `normalize.go`). No registry answers under it.
pub const DOMAIN: &str = "docker.io";

/// Where Docker Hub was called "the Docker Index" and logins went. References that name it are
/// rewritten to `docker.io`; `docker login` still stores its credential under
/// `https://index.docker.io/v1/`, which is why the kubelet falls back to this key.
pub const LEGACY_DOMAIN: &str = "index.docker.io";

/// The host that is dialled for `docker.io` (containerd, `core/remotes/docker/registry.go`,
/// `DefaultHost`). A credential stored under this name never matches an image.
pub const REGISTRY_HOST: &str = "registry-1.docker.io";

/// The namespace of official images: `nginx` on Docker Hub is `library/nginx`. Other registries
/// have no such rule.
pub const OFFICIAL_NAMESPACE: &str = "library/";

/// Names of the Docker Official Images, sorted: the files in `library/` of
/// <https://github.com/docker-library/official-images> at commit 37079fb (2026-08-21). Deprecated
/// images are among them as long as they are listed there.
#[rustfmt::skip]
pub const OFFICIAL: &[&str] = &[
    "adminer", "aerospike", "almalinux", "alpine", "alt", "amazoncorretto", "amazonlinux",
    "api-firewall", "arangodb", "archlinux", "azul-zulu", "backdrop", "bash", "bonita",
    "buildpack-deps", "busybox", "caddy", "cassandra", "chronograf", "cirros", "clearlinux",
    "clefos", "clickhouse", "clojure", "composer", "convertigo", "couchbase", "couchdb",
    "crate", "dart", "debian", "docker", "drupal", "eclipse-mosquitto", "eclipse-temurin",
    "eggdrop", "elasticsearch", "elixir", "emqx", "erlang", "espocrm", "fedora", "flink",
    "fluentd", "friendica", "gazebo", "gcc", "geonetwork", "ghost", "golang", "gradle",
    "groovy", "haproxy", "haskell", "haxe", "hello-world", "hitch", "httpd", "hylang",
    "ibm-semeru-runtimes", "ibmjava", "influxdb", "irssi", "jetty", "joomla", "jruby", "julia",
    "kapacitor", "kibana", "kong", "krakend", "lightstreamer", "liquibase", "logstash",
    "mageia", "mariadb", "matomo", "maven", "mediawiki", "memcached", "mongo", "mongo-express",
    "monica", "mysql", "nats", "neo4j", "neurodebian", "nextcloud", "nginx", "nim", "node",
    "notary", "odoo", "open-liberty", "openjdk", "oraclelinux", "orientdb", "percona", "perl",
    "photon", "php", "php-zendserver", "phpmyadmin", "plone", "postfixadmin", "postgres",
    "pypy", "python", "r-base", "rabbitmq", "rakudo-star", "redis", "redmine", "registry",
    "rethinkdb", "rocket.chat", "rockylinux", "ros", "ruby", "rust", "sapmachine", "satosa",
    "silverpeas", "solr", "sonarqube", "spark", "spiped", "storm", "swift", "swipl",
    "teamspeak", "telegraf", "tomcat", "tomee", "traefik", "ubuntu", "unit", "varnish",
    "websphere-liberty", "wordpress", "xwiki", "yourls", "znc", "zookeeper",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Reference;

    #[test]
    fn the_official_names_are_sorted_distinct_and_name_themselves() {
        assert!(OFFICIAL.is_sorted_by(|a, b| a < b));
        for name in OFFICIAL {
            let reference = Reference::parse(name).unwrap();
            assert_eq!(reference.name(), format!("{DOMAIN}/{OFFICIAL_NAMESPACE}{name}"));
        }
    }

    #[test]
    fn the_names_that_people_mistype_most_are_there() {
        for name in ["nginx", "redis", "postgres", "python", "busybox", "alpine", "ubuntu"] {
            assert!(OFFICIAL.contains(&name), "{name}");
        }
    }
}
