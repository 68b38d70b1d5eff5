//! Everything that is tried, one row each: the test, and what the documentation says of it.

use super::trial::{Came, Figures};
use super::{api_server, flood, images, machine, network, page, process, registry};
use crate::support::skip;

/// A trouble, and what is to be expected of it.
pub struct Row {
    pub trouble: &'static str,
    /// How an operator is told of it.
    how: &'static str,
    /// The causes that are told meanwhile, and would not be without: these and no others. The first
    /// is told in every run, or the trouble was not felt; where all is as ever, but for something,
    /// it is told rarely.
    codes: &'static [&'static str],
    /// What else is to be seen.
    note: &'static str,
}

impl Row {
    /// What an operator sees meanwhile.
    pub fn meanwhile(&self) -> String {
        let Self { how, codes, note, .. } = self;
        let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        let colon = if codes.is_empty() { "" } else { ": " };
        format!("{how}{colon}{}{note}", codes.join(", "))
    }

    /// Fails unless what was told is what is said here.
    fn holds(&self, figures: &Figures) {
        let told = &figures.told;
        println!("{}: {told:#?}", self.trouble);
        for (code, told) in told {
            let is_expected = self.codes.contains(&code.as_str()) || told.at_ease == 0;
            assert!(is_expected, "{}: {code} is told: {told:#?}", self.trouble);
        }
        if self.how.starts_with("as ever") {
            let times: u64 = told.values().map(|told| told.at_ease).sum();
            assert!(times * 20 <= figures.reviews, "{}: not as ever: {told:#?}", self.trouble);
        } else {
            let first = self.codes.first().expect("a cause that is told");
            assert!(told.contains_key(*first), "{}: not felt: {told:#?}", self.trouble);
        }
    }
}

macro_rules! rows {
    ($($test:ident = $module:ident: $trouble:literal,
        $how:literal $codes:tt $note:literal;)*) => {
        pub const ROWS: &[Row] =
            &[$(Row { trouble: $trouble, how: $how, codes: &$codes, note: $note }),*];

        $(
            #[test]
            fn $test() {
                let name = concat!("chaos::table::", stringify!($test));
                run($trouble, || $module::$test(name));
            }
        )*
    };
}

fn run(trouble: &'static str, trial: impl FnOnce() -> Came) {
    page::may_be_written();
    let row = ROWS.iter().find(|row| row.trouble == trouble).unwrap();
    let keep = |figures: &Figures| {
        row.holds(figures);
        page::keep(trouble, figures);
    };
    match trial() {
        Came::Here(figures) => keep(&figures),
        Came::Inside(figures) => page::tell(&figures),
        Came::Outside(told) => keep(&page::told(&told)),
        Came::Skipped(why) => skip!(&why),
    }
}

rows! {
    the_registry_is_killed = registry: "a registry is killed, and started again",
        "warned, at once" ["registry-refused", "registry-error"] ", the latter for what was under way";
    the_registry_hangs = registry: "a registry takes requests and does not answer",
        "warned before the timeout" ["registry-timeout", "not-checked"] "";
    the_registry_drips = registry: "a registry sends a byte at a time",
        "warned before the timeout" ["registry-timeout", "not-checked"] "";
    the_registry_fails = registry: "a registry answers 500, 502, 503, 504",
        "warned, at once" ["registry-error"] "";
    the_registry_wants_less = registry: "a registry answers 429, `Retry-After: 1`",
        "warned, at once" ["registry-rate-limited"] "";
    a_registry_lies_about_sizes = registry: "a layer is longer than its manifest says",
        "denied" ["blob-mismatch"] "; other images as ever";
    a_manifest_has_300_mib = registry: "a manifest of 300 MiB",
        "denied" ["manifest-invalid"] ", after 4 MiB; other images as ever";
    the_registry_redirects_in_circles = registry: "a registry redirects in circles",
        "warned, at once" ["registry-error"] "";
    the_token_server_is_down = registry: "a token server hangs, then answers 503",
        "warned" ["registry-timeout", "not-checked", "registry-error"] "";
    the_registry_is_stopped = process: "SIGSTOP and SIGCONT of a registry",
        "warned before the timeout" ["registry-timeout", "not-checked"] "";
    the_registry_vanishes = registry: "connections to a registry stay open and say nothing more, \
        and are reset in the end",
        "warned before the timeout" ["registry-timeout", "not-checked", "registry-error"] "";
    packets_to_the_registry_are_dropped = network: "packets to and from a registry are dropped",
        "warned before the timeout" ["registry-timeout", "not-checked"] "";
    the_name_server_is_silent = network: "the name server does not answer",
        "warned before the timeout" ["registry-dns", "not-checked"] "";
    the_api_server_is_gone = api_server: "the API server is gone, and comes back",
        "warned" ["not-checked", "access-denied"] ", the latter as likely";
    the_api_server_falls_silent = api_server: "the API server falls silent",
        "warned before the timeout" ["not-checked", "access-denied"] ", the latter as likely";
    a_secret_is_rotated = api_server: "a pull secret is rotated, twice, and the old login ends",
        "as ever, but for reviews under way with the old login" ["not-checked"] "";
    the_certificate_is_rotated_and_broken = process: "the certificate is rotated, cut short, \
        emptied, given another's key",
        "as ever" [] ", for new connections too: what is broken is refused and logged";
    a_replica_is_asked_to_end = process: "SIGTERM of one of two replicas",
        "as ever" [] "";
    a_second_process_wants_the_port = process: "a second process wants the same port",
        "as ever" [] "; the second says why and ends with status 2";
    the_clock_is_stepped = process: "the clock is stepped by an hour, a day and a year, \
        forward and back",
        "as ever" [] "";
    the_disk_is_full = machine: "the disk with the log and the certificate is full",
        "as ever" [] "; lines are lost, and counted in the log later";
    nobody_reads_the_log = machine: "standard error is a pipe that nobody reads",
        "as ever" [] "; lines are lost, and counted in the log later";
    memory_is_limited = machine: "no more memory than the Deployment allows, and bodies of 8 MiB",
        "as ever" [] "; `503` for bodies beyond 64 MiB at a time";
    few_files_may_be_open = machine: "128, then 64 open files, and twice as many connections \
        that say nothing",
        "as ever" [] "";
    ten_thousand_images_are_new = images: "10,000 distinct images",
        "as ever" [] "";
    connections_say_nothing = flood: "2,000 connections that say nothing",
        "as ever" [] "; who comes new waits up to two seconds";
    headers_never_end = flood: "headers that come a byte at a time", "as ever" [] "";
    bodies_never_end = flood: "400 bodies that come a byte at a time",
        "as ever" [] "; `408` for these when their own timeout is over";
    bodies_are_large = flood: "bodies of 8 MiB on 32 connections at a time",
        "as ever" [] "; `503` beyond 64 MiB at a time";
    streams_are_reset_at_once = flood: "3,000 HTTP/2 requests taken back as soon as they are sent",
        "as ever" [] "";
    answers_are_never_read = flood: "20 clients that send requests and read no answer", "as ever" [] "";
}
