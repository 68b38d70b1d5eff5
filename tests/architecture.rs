//! Which room may know which: the arrows that must never be, and a check of every path that the
//! source names. A file that no `mod` reaches fails too: it looks alive and is not compiled.
//!
//! The check reads text. It knows `use` trees, renames, `self` and `super`, and leaves out
//! comments, strings and what is under `#[cfg(test)]`; it does not see through macros or through
//! `pub use` in other files.

#[cfg(test)]
#[path = "architecture/files.rs"]
mod files;
#[path = "architecture/lexer.rs"]
mod lexer;
#[path = "architecture/paths.rs"]
mod paths;
#[cfg(test)]
#[path = "architecture/tests.rs"]
mod tests;

use paths::{Named, contents};

/// Rooms without I/O: same input, same output.
const PURE: &[&str] = &[
    "image",
    "workload",
    "credentials",
    "dns_name",
    "facts",
    "glob",
    "go_duration",
    "go_json",
    "causes",
    "message",
    "policy",
    "review",
    "near_miss",
    "nodes",
    "percent",
];

/// An arrow between rooms that must never be. A room may always name itself.
struct Arrow {
    /// Its number in the table of `docs/architecture.md`.
    number: u8,
    from: &'static [&'static str],
    to: Target,
    why: &'static str,
}

enum Target {
    These(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

const ARROWS: &[Arrow] = &[
    Arrow {
        number: 1,
        from: PURE,
        to: Target::AllBut(PURE),
        why: "a pure room knows only pure rooms: gather first, then judge",
    },
    Arrow {
        number: 2,
        from: &["image"],
        to: Target::AllBut(&["near_miss"]),
        why: "image is the bottom: it knows nothing else of ours",
    },
    Arrow {
        number: 2,
        from: &["credentials", "workload"],
        to: Target::AllBut(&["image", "near_miss", "message", "go_duration", "go_json"]),
        why: "credentials and workload know only image, and the text helpers",
    },
    Arrow {
        number: 2,
        from: &["nodes"],
        to: Target::AllBut(&["image", "workload"]),
        why: "nodes knows what a pod asks of them, and nothing of pulling",
    },
    Arrow {
        number: 3,
        from: &["causes"],
        to: Target::These(&["policy", "registry"]),
        why: "a cause says what is true of the Facts; what to do about it is the policy's",
    },
    Arrow {
        number: 4,
        from: &["registry"],
        to: Target::These(&["cluster", "policy", "workload"]),
        why: "the pull client knows registries, not what asks or why",
    },
    Arrow {
        number: 4,
        from: &["cluster"],
        to: Target::These(&["registry"]),
        why: "the cluster's objects are read without a thought of registries",
    },
    Arrow {
        number: 4,
        from: &["providers"],
        to: Target::These(&["registry", "resolve", "cluster", "policy", "causes", "workload"]),
        why: "the nodes' plugins are run without a thought of what their logins are for",
    },
    Arrow {
        number: 4,
        from: &["events"],
        to: Target::These(&["registry", "resolve", "providers", "gather", "causes", "policy"]),
        why: "Events are sent without a thought of what they are about",
    },
    Arrow {
        number: 4,
        from: &["certificates"],
        to: Target::AllBut(&[]),
        why: "certificates are made and judged by what is handed in, for whoever asks",
    },
    Arrow {
        number: 5,
        from: &["server"],
        to: Target::These(&["registry", "cluster", "resolve", "providers"]),
        why: "the server knows only the Reviewer",
    },
];

/// What of other crates some rooms must not name. A `*` at the end stands for any ending.
struct Ban {
    rooms: Rooms,
    path: &'static str,
    why: &'static str,
}

#[derive(PartialEq, Eq)]
enum Rooms {
    Pure,
    All,
}

const fn pure(path: &'static str, why: &'static str) -> Ban {
    Ban { rooms: Rooms::Pure, path, why }
}

const NETWORK: &str = "a pure room does no I/O";
const CLOCK: &str = "a pure room reads no clock: the time is among the Facts";
const LEAKY: &str = "that client shares logins between tenants (see docs/adr)";

const BANS: &[Ban] = &[
    pure("reqwest", NETWORK),
    pure("hyper", NETWORK),
    pure("hyper_util", NETWORK),
    pure("axum", NETWORK),
    pure("tower", NETWORK),
    pure("rustls", NETWORK),
    pure("tokio_rustls", NETWORK),
    pure("hickory_resolver", NETWORK),
    pure("kube::Client", NETWORK),
    pure("kube::client", NETWORK),
    pure("kube::Api", NETWORK),
    pure("std::net::Tcp*", NETWORK),
    pure("std::net::Udp*", NETWORK),
    pure("std::net::ToSocketAddrs", NETWORK),
    pure("std::fs", NETWORK),
    pure("std::process", NETWORK),
    pure("std::io::std*", NETWORK),
    pure("tokio", "a pure room is synchronous"),
    pure("moka", "a pure room keeps nothing"),
    pure("tracing", "a pure room logs nothing: what it has to say is in its result"),
    pure("std::env", "a pure room reads no environment: settings are handed to it"),
    pure("std::time::Instant", CLOCK),
    pure("std::time::SystemTime", CLOCK),
    pure("jiff::Timestamp::now", CLOCK),
    pure("jiff::Zoned::now", CLOCK),
    Ban { rooms: Rooms::All, path: "oci_distribution::Client", why: LEAKY },
    Ban { rooms: Rooms::All, path: "oci_distribution::client", why: LEAKY },
];

/// What is wrong with a file of `src`, one line a fault.
fn faults(path: &str, source: &str) -> Vec<String> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module: Vec<&str> = match inside {
        "lib" | "main" => Vec::new(),
        _ => inside.split('/').collect(),
    };
    let room = inside.split('/').next().unwrap_or_default();
    let named = contents(source, &module).named;
    named
        .iter()
        .filter_map(|named| Some((named, fault(room, named)?)))
        .map(|(named, fault)| format!("{path}:{}: {}: {fault}", named.line, named.path.join("::")))
        .collect()
}

fn fault(room: &str, named: &Named) -> Option<String> {
    let mut segments = named.path.iter().map(String::as_str);
    if segments.next() == Some("crate") {
        // The crate's root itself says nothing of a room.
        let to = segments.next()?;
        // The later ones are the more particular, and their reasons too.
        let arrow = ARROWS.iter().rev().find(|arrow| {
            let forbidden = match arrow.to {
                Target::These(rooms) => to == "*" || rooms.contains(&to),
                Target::AllBut(rooms) => !rooms.contains(&to),
            };
            to != room && arrow.from.contains(&room) && forbidden
        })?;
        return Some(format!("arrow {}, {room} -> {to}: {}", arrow.number, arrow.why));
    }
    let ban = BANS.iter().find(|ban| {
        (ban.rooms == Rooms::All || PURE.contains(&room)) && covers(ban.path, &named.path)
    })?;
    Some(format!("arrow 1, {room} -> {}: {}", ban.path, ban.why))
}

/// Whether a path names what is banned: it, something in it, or all that is beside it.
fn covers(ban: &str, path: &[String]) -> bool {
    let mut path = path.iter();
    for banned in ban.split("::") {
        let matches = match path.next().map(String::as_str) {
            None => false,
            Some("*") => return true,
            Some(segment) => match banned.strip_suffix('*') {
                Some(start) => segment.starts_with(start),
                None => segment == banned,
            },
        };
        if !matches {
            return false;
        }
    }
    true
}
