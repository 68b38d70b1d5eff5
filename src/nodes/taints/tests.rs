use super::{Effect, Operator, Taint, Toleration, parse};

fn taint(key: &str, value: &str, effect: Effect) -> Taint {
    Taint { key: key.into(), value: value.into(), effect }
}

fn toleration(json: &str) -> Toleration {
    let mut read = parse(&format!("[{json}]")).expect(json);
    assert_eq!(read.len(), 1, "{json}");
    read.remove(0)
}

#[test]
fn a_toleration_is_compared_with_a_taint_as_the_scheduler_does() {
    let no_schedule = taint("pool", "gpu", Effect::NoSchedule);
    let no_execute = taint("pool", "gpu", Effect::NoExecute);
    let bare = taint("pool", "", Effect::NoSchedule);
    for (json, expected) in [
        // Key, operator and value; the operator is Equal where none is written.
        (r#"{"key":"pool","operator":"Equal","value":"gpu"}"#, [true, true, false]),
        (r#"{"key":"pool","value":"gpu"}"#, [true, true, false]),
        (r#"{"key":"pool","operator":"","value":"gpu"}"#, [true, true, false]),
        (r#"{"key":"pool","operator":null,"value":"gpu","effect":null}"#, [true, true, false]),
        (r#"{"key":"pool","value":"GPU"}"#, [false, false, false]),
        (r#"{"key":"pool"}"#, [false, false, true]),
        (r#"{"key":"pool","operator":"Exists"}"#, [true, true, true]),
        (r#"{"key":"pool","operator":"Exists","value":"cpu"}"#, [true, true, true]),
        (r#"{"key":"other","operator":"Exists"}"#, [false, false, false]),
        // No key is every key; with Exists every taint there is.
        (r#"{"operator":"Exists"}"#, [true, true, true]),
        (r#"{"value":"gpu"}"#, [true, true, false]),
        ("{}", [false, false, true]),
        ("null", [false, false, true]),
        // No effect is every effect.
        (r#"{"operator":"Exists","effect":"NoSchedule"}"#, [true, false, true]),
        (r#"{"operator":"Exists","effect":"NoExecute"}"#, [false, true, false]),
        (r#"{"operator":"Exists","effect":"PreferNoSchedule"}"#, [false, false, false]),
        (r#"{"key":"pool","value":"gpu","effect":"NoExecute"}"#, [false, true, false]),
        (
            r#"{"operator":"Exists","effect":"NoExecute","tolerationSeconds":3}"#,
            [false, true, false],
        ),
        // An operator of a newer Kubernetes narrows nothing.
        (r#"{"key":"pool","operator":"Like","value":"g*"}"#, [true, true, true]),
    ] {
        let toleration = toleration(json);
        let tolerated = [&no_schedule, &no_execute, &bare].map(|taint| toleration.tolerates(taint));
        assert_eq!(tolerated, expected, "{json}");
    }
}

#[test]
fn greater_and_less_compare_whole_numbers() {
    for (taint_value, operator, value, expected) in [
        ("10", "Gt", "9", true),
        ("10", "Gt", "10", false),
        ("10", "Lt", "11", true),
        ("10", "Lt", "10", false),
        ("-3", "Gt", "-4", true),
        ("0", "Lt", "1", true),
        // Not as text, not with leading zeros or a plus sign, not beyond 64 bits.
        ("9", "Gt", "10", false),
        ("010", "Gt", "9", false),
        ("+10", "Gt", "9", false),
        ("10", "Gt", "09", false),
        ("-0", "Gt", "-1", false),
        ("ten", "Gt", "9", false),
        ("10", "Gt", "", false),
        ("9223372036854775808", "Gt", "1", false),
    ] {
        let json = format!(r#"{{"key":"class","operator":"{operator}","value":"{value}"}}"#);
        let tolerated =
            toleration(&json).tolerates(&taint("class", taint_value, Effect::NoSchedule));
        assert_eq!(tolerated, expected, "{taint_value} {operator} {value}");
    }
}

#[test]
fn tolerations_that_are_no_list_of_them_are_not_read() {
    for json in [r#"{"key":"a"}"#, r#"["a"]"#, r#"[{"key":1}]"#, r#"[{"key":"a"},[]]"#, "3", ""] {
        assert_eq!(parse(json), None, "{json}");
    }
    let read = parse(r#"[null,{"key":"a","operator":"Exists","more":[1]}]"#).expect("tolerations");
    assert_eq!(read[0], Toleration::default());
    assert_eq!(read[1].operator, Operator::Exists);
}

#[test]
fn what_kubernetes_takes_off_again_by_itself_is_passing() {
    for key in ["not-ready", "unreachable", "disk-pressure", "network-unavailable"] {
        let key = format!("node.kubernetes.io/{key}");
        assert!(taint(&key, "", Effect::NoExecute).is_passing(), "{key}");
    }
    for key in
        ["node.kubernetes.io/unschedulable", "node.kubernetes.io/out-of-service", "not-ready"]
    {
        assert!(!taint(key, "", Effect::NoSchedule).is_passing(), "{key}");
    }
}
