//! Years of a Secret, in which clients and replicas that lag behind are never left alone.

use std::time::SystemTime;

use rstest::rstest;

use super::super::{Authority, Stored, read_all};
use super::*;

const HOST: &str = "pullcheck.pullcheck.svc";

fn names() -> Vec<String> {
    vec![HOST.to_owned()]
}

/// Any moment.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn hours(number: u64) -> Duration {
    Duration::from_secs(3_600 * number)
}

fn done(stored: &Stored, step: Step, now: SystemTime) -> Stored {
    Kept::read(stored).renewed(step, &names(), &[], now).unwrap()
}

fn begun(now: SystemTime) -> Stored {
    done(&Stored::default(), Step::Begin(Why::Absent), now)
}

fn next_of(stored: &Stored, now: SystemTime) -> Option<Step> {
    Kept::read(stored).next(&names(), now)
}

/// Does what is due until nothing is; what it did.
fn settle(stored: &mut Stored, now: SystemTime) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(step) = next_of(stored, now) {
        steps.push(step);
        *stored = done(stored, step, now);
        assert!(steps.len() < 4, "it never ends: {steps:?}");
    }
    steps
}

/// With another value under one of the keys.
fn with(stored: &Stored, changed: &str, value: &[u8]) -> Stored {
    let values: Vec<_> = stored.values().map(|(key, value)| (key, value.to_vec())).collect();
    Stored::of(|key| {
        let old = values.iter().find(|(of, _)| *of == key).unwrap().1.clone();
        if key == changed { value.to_vec() } else { old }
    })
}

fn value(stored: &Stored, wanted: &str) -> Vec<u8> {
    stored.values().find(|(key, _)| *key == wanted).unwrap().1.to_vec()
}

/// Whether a client with the list of `client` accepts a replica that shows what `replica` holds.
fn accepts(client: &Stored, replica: &Stored, now: SystemTime) -> bool {
    let (client, replica) = (Kept::read(client), Kept::read(replica));
    is_accepted(replica.chain(), client.authorities(), HOST, now)
}

#[test]
fn nothing_there_is_a_beginning_and_then_nothing_is_due() {
    let now = start();
    let mut stored = Stored::default();
    assert_eq!(settle(&mut stored, now), [Step::Begin(Why::Absent)]);
    let kept = Kept::read(&stored);
    assert!(accepts(&stored, &stored, now));
    assert_eq!(kept.authorities().len(), 1);
    assert_eq!(kept.chain().len(), 1);
    let pair = kept.pair(now).unwrap();
    crate::server::tls::Certificates::fixed(&pair.certificate, &pair.key).unwrap();
    assert!(kept.pair(now + days(SERVING_DAYS) + hours(1)).is_none(), "it has ended");
}

#[test]
fn over_years_no_client_and_no_replica_that_lags_behind_is_left_alone() {
    let mut stored = begun(start());
    let (mut renewals, mut successions, mut tidied) = (0, 0, 0);
    for day in 0..1_200 {
        let now = start() + hours(24 * day);
        let old = stored.clone();
        for step in settle(&mut stored, now) {
            match step {
                Step::Renew(Why::Expiring) => renewals += 1,
                Step::Succeed => successions += 1,
                Step::Tidy => tidied += 1,
                other => panic!("day {day}: {other:?}"),
            }
        }
        assert!(accepts(&stored, &stored, now), "day {day}");
        assert!(accepts(&old, &stored, now), "day {day}: a client that has not heard of it yet");
        assert!(accepts(&stored, &old, now), "day {day}: a replica that has not looked yet");
        let leaf = Kept::read(&stored).chain()[0].clone();
        assert!(leaf.not_after > now + days(29), "day {day}");
        assert!(Kept::read(&stored).authorities().len() <= 2, "day {day}");
    }
    assert_eq!((renewals, successions, tidied), (19, 4, 4));
}

/// An old authority is trusted until the last certificate under it has ended, however late the
/// replica that shows it.
#[test]
fn an_authority_is_forgotten_when_no_certificate_of_it_can_be_in_use() {
    let made = start();
    let mut stored = begun(made);
    let last = made + days(244);
    stored = done(&stored, Step::Renew(Why::Expiring), last);
    let old = stored.clone();
    let succeeded = made + days(246);
    assert_eq!(settle(&mut stored, succeeded), [Step::Succeed]);
    let end_of_old = Kept::read(&old).chain()[0].not_after;
    assert!(accepts(&stored, &old, end_of_old));
    let before = succeeded + days(59);
    assert_eq!(next_of(&stored, before), None);
    let mut later = done(&stored, Step::Renew(Why::Expiring), succeeded + days(61));
    assert_eq!(Kept::read(&later).authorities().len(), 2);
    assert!(accepts(&old, &later, succeeded + days(61)), "who trusts the old one only still does");
    assert_eq!(settle(&mut later, succeeded + days(91)), [Step::Tidy]);
    assert_eq!(Kept::read(&later).authorities().len(), 1);
    assert!(end_of_old < succeeded + days(91));
}

#[rstest]
#[case::fresh(0, None)]
#[case::before_the_clock_of_its_maker(-1, None)]
#[case::clock_far_behind(-2, Some(Step::Begin(Why::NotYet)))]
#[case::two_thirds_gone(24 * 60 - 1, None)]
#[case::renewal(24 * 60 + 1, Some(Step::Renew(Why::Expiring)))]
#[case::ended(24 * 91, Some(Step::Renew(Why::Expiring)))]
#[case::succession(24 * 245 + 1, Some(Step::Succeed))]
#[case::all_ended(24 * 365 + 1, Some(Step::Begin(Why::Expiring)))]
fn what_is_due_depends_on_the_time(#[case] after: i64, #[case] expected: Option<Step>) {
    let made = start();
    let stored = begun(made);
    let distance = hours(after.unsigned_abs());
    // Certificates are kept in whole seconds.
    let second = Duration::from_secs(1);
    let now = if after < 0 { made - distance } else { made + distance };
    let now = if after == -2 { now - second } else { now };
    assert_eq!(next_of(&stored, now), expected);
}

#[test]
fn whatever_is_damaged_is_made_anew_and_the_rest_stays() {
    let now = start();
    let good = begun(now);
    let other = begun(now);
    let half = |key: &str| {
        let text = value(&good, key);
        text[..text.len() / 2].to_vec()
    };
    let begin = Step::Begin(Why::Damaged);
    let renew = Step::Renew(Why::Damaged);
    for (key, step) in
        [("tls.crt", renew), ("tls.key", renew), ("ca.crt", begin), ("ca.key", begin)]
    {
        let damages =
            [Vec::new(), b"garbage".to_vec(), vec![0xff; 64], half(key), value(&other, key)];
        for damage in damages {
            let told = format!("{key}: {}", String::from_utf8_lossy(&damage));
            let mut stored = with(&good, key, &damage);
            assert_eq!(settle(&mut stored, now), [step], "{told}");
            assert!(accepts(&stored, &stored, now), "{told}");
            if key != "ca.crt" {
                assert!(accepts(&stored, &good, now), "{told}: others may still show the old one");
            }
            if step == renew {
                assert!(accepts(&good, &stored, now), "{told}: clients know the authority");
            }
        }
    }
    // What is appended to the list is no harm, and does not stay.
    let mut stored = with(&good, "ca.crt", &[value(&good, "ca.crt"), b"more".to_vec()].concat());
    assert_eq!(settle(&mut stored, now), [Step::Tidy]);
    assert!(stored == good);
}

#[test]
fn a_certificate_under_another_authority_is_not_kept() {
    let now = start();
    let stranger = Authority::mint(now).unwrap().issue(&[HOST], 90).unwrap();
    let mut stored = with(&begun(now), "tls.crt", stranger.certificate.as_bytes());
    stored = with(&stored, "tls.key", stranger.key.as_bytes());
    assert_eq!(settle(&mut stored, now), [Step::Renew(Why::Damaged)]);
}

#[test]
fn a_server_certificate_in_place_of_the_authority_issues_nothing() {
    let now = start();
    let good = begun(now);
    let stored = with(&good, "ca.crt", &value(&good, "tls.crt"));
    let stored = with(&stored, "ca.key", &value(&good, "tls.key"));
    assert_eq!(next_of(&stored, now), Some(Step::Begin(Why::Damaged)));
}

#[test]
fn a_missing_name_is_added_without_losing_those_of_replicas_with_other_settings() {
    let now = start();
    let first = begun(now);
    let mut wanted = vec!["other.example".to_owned(), "192.0.2.1".to_owned()];
    let next = Kept::read(&first).next(&wanted, now);
    assert_eq!(next, Some(Step::Renew(Why::Names)));
    let both = Kept::read(&first).renewed(next.unwrap(), &wanted, &[], now).unwrap();
    assert_eq!(Kept::read(&both).next(&wanted, now), None);
    assert_eq!(next_of(&both, now), None, "the first one does not change it back");
    // With the next ordinary renewal only what is wanted is left.
    let later = now + days(61);
    let step = Kept::read(&both).next(&wanted, later).unwrap();
    let renewed = Kept::read(&both).renewed(step, &wanted, &[], later).unwrap();
    let mut left = Kept::read(&renewed).chain()[0].names.clone();
    left.sort();
    wanted.sort();
    assert_eq!(left, wanted);
}

#[test]
fn a_beginning_takes_over_whatever_clients_trust_as_long_as_it_holds() {
    let now = start();
    let mine = Authority::mint(now).unwrap();
    let theirs = read_all(mine.pair().certificate.as_bytes());
    let ended = Authority::mint_first(now - days(100), 90).unwrap();
    let ended = read_all(ended.pair().certificate.as_bytes());
    // With an issuer that signs nothing but itself, clients trust the very leaf that is served.
    let leaf = read_all(mine.issue(&[HOST], 365).unwrap().certificate.as_bytes());
    assert!(!leaf[0].is_authority);
    let trusted: Vec<_> = [theirs.clone(), ended, leaf.clone(), theirs.clone()].concat();
    let empty = Kept::read(&Stored::default());
    let stored = empty.renewed(Step::Begin(Why::Absent), &names(), &trusted, now).unwrap();
    let kept = Kept::read(&stored);
    assert_eq!(kept.authorities().len(), 3);
    assert!(kept.authorities().contains(&theirs[0]) && kept.authorities().contains(&leaf[0]));
    // Not for the ten years that it would last.
    assert_eq!(next_of(&stored, now + days(59)), None);
    let mut later = stored.clone();
    assert_eq!(settle(&mut later, now + days(91)), [Step::Renew(Why::Expiring)]);
    assert_eq!(Kept::read(&later).authorities().len(), 1);
}

/// Two replicas of which one lives in another year quarrel, but within bounds.
#[test]
fn the_list_is_bounded_whatever_the_clocks_say() {
    let mut stored = begun(start());
    for _ in 0..20 {
        settle(&mut stored, start() + days(300));
        settle(&mut stored, start());
    }
    assert!(Kept::read(&stored).authorities().len() <= 8);
    assert!(accepts(&stored, &stored, start()));
}

#[test]
fn nothing_of_a_key_is_printed() {
    let stored = begun(start());
    let kept = Kept::read(&stored);
    let printed = format!("{stored:?} {kept:?} {:?}", kept.issuer());
    for (_, value) in stored.values().filter(|(key, _)| key.ends_with("key")) {
        for line in std::str::from_utf8(value).unwrap().lines() {
            assert!(!printed.contains(line), "{line}");
        }
    }
    assert!(!printed.contains("PRIVATE"));
}
