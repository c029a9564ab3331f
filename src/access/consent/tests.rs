use super::*;

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn rule(permit: bool, to: &str, labels: &[&str]) -> Rule {
    Rule {
        permit,
        recipients: (!to.is_empty()).then(|| vec![id(to)]),
        labels: words(labels),
        ..Rule::default()
    }
}

/// Signed by an adult at 100, for good.
fn directive(rules: Vec<Rule>) -> Directive {
    Directive {
        signed_at: 100,
        from: 100,
        to: i64::MAX,
        by_patient: true,
        by_somebody: true,
        root_permits: Some(false),
        rules,
        related: vec![id("partner"), id("pharmacy")],
        ..Directive::default()
    }
}

fn permit(d: &Directive) -> Option<Grant> {
    let mut all = compile(d).into_iter();
    all.find(|g| g.effect == Effect::Permit)
}

fn covers(names: &[&str], labels: Labels) -> bool {
    let d = directive(vec![rule(true, "ehr", names)]);
    permit(&d).is_some_and(|g| labels.within(g.labels))
}

const PSY: Labels = Labels::R.or(Labels::PSY);
const SUBSTANCE: Labels = Labels::R.or(Labels::SUD).or(Labels::ETH);

#[test]
fn a_permit_covers_a_record_only_with_every_label_of_it() {
    assert!(covers(&["N", "PSY"], PSY));
    assert!(covers(&["PSY"], Labels::NONE));
    assert!(covers(&["MH"], PSY) && covers(&["BH"], PSY));
    assert!(!covers(&["N"], PSY) && covers(&["N"], Labels::NONE));
    assert!(!covers(&["R"], PSY) && covers(&["R"], Labels::R));
    assert!(!covers(&["N", "PSY"], PSY.or(Labels::SDV)));
    assert!(!covers(&["N", "PSY", "SUD"], SUBSTANCE));
    assert!(covers(&["N", "SUD", "ETH"], SUBSTANCE.or(Labels::ETHUD)));
    assert!(!covers(&["ETH"], Labels::R.or(Labels::ETHUD)));
    assert!(!covers(&["PSY"], PSY.or(Labels::V)));
    assert!(covers(&["PSY", "V"], PSY.or(Labels::V)));
    assert!(!covers(&["L"], Labels::NONE));
    for name in ["PSY", "MH", "BH", "SPI", "V", "R"] {
        assert!(!covers(&[name], Labels::NOTE), "{name}");
    }
    assert!(!covers(&["PSY"], PSY.or(Labels::UNKNOWN)));
    assert!(!covers(&["PSY", "ETH", "42CFRPart2"], Labels::PART2));
    assert!(!covers(&["PSY", "NOAUTH"], PSY.or(Labels::NOAUTH)));
    // Paid by the patient alone, or not for the family's eyes: no matter between providers.
    assert!(covers(&["PSY"], PSY.or(Labels::SELF_PAY).or(Labels::NOPAT)));
}

#[test]
fn who_names_no_label_shares_the_ordinary_record_and_no_topic() {
    assert!(covers(&[], PSY) && covers(&[], Labels::NONE));
    for topic in [
        Labels::SUD,
        Labels::SDV,
        Labels::HIV,
        Labels::ADOL,
        Labels::V,
    ] {
        assert!(!covers(&[], PSY.or(topic)));
    }
}

#[test]
fn a_permit_to_everyone_is_one_to_those_who_have_a_relationship() {
    let d = directive(vec![rule(true, "", &["PSY"])]);
    let permits = compile(&d).into_iter();
    let to: Vec<_> = permits
        .filter(|g| g.effect == Effect::Permit)
        .filter_map(|g| g.organization)
        .collect();
    assert_eq!(to, [id("partner"), id("pharmacy")]);
    let mut root = directive(vec![]);
    root.root_permits = Some(true);
    let all = compile(&root);
    assert!(all.iter().all(|g| g.effect == Effect::Permit) && all.len() == 2);
}

#[test]
fn a_denial_holds_where_one_label_is_met() {
    let deny = |labels: &[&str]| {
        let all = compile(&directive(vec![rule(false, "", labels)]));
        let found = all.into_iter().find(|g| g.effect == Effect::Deny);
        let found = found.expect("a denial");
        assert_eq!(found.organization, None);
        assert!(found.classes.meets(Classes::PART2));
        found.labels
    };
    assert_eq!(deny(&["SDV", "MST"]), Labels::SDV.or(Labels::MST));
    let substance = Labels::SUD.or(Labels::ETHUD).or(Labels::OPIOIDUD);
    assert_eq!(deny(&["SUD"]), substance);
    assert_eq!(deny(&["V"]), Labels::V);
    assert_eq!(deny(&["PSYTHPN"]), Labels::NOTE);
    // None named, or one that no bit tells: every record.
    assert_eq!(deny(&[]), Labels::NONE);
    assert_eq!(deny(&["N", "SDV"]), Labels::NONE);
    assert_eq!(deny(&["SDV", "unheard"]), Labels::NONE);
}

#[test]
fn a_root_that_denies_switches_the_defaults_off_while_the_consent_holds() {
    let mut d = directive(vec![]);
    d.to = 500;
    let all = compile(&d);
    assert_eq!(all.len(), 1);
    let row = &all[0];
    assert_eq!(
        (row.effect, row.from, row.to),
        (Effect::NoDefaults, 100, 500)
    );
    d.root_permits = None;
    assert!(compile(&d).is_empty());
}

#[test]
fn a_withdrawal_ends_the_permit_and_denies_its_recipient_from_then_on() {
    let mut d = directive(vec![rule(true, "ehr", &["PSY"]), rule(false, "", &["SDV"])]);
    d.revoked_at = Some(300);
    let all = compile(&d);
    let spans: Vec<_> = all.iter().map(|g| (g.effect, g.from, g.to)).collect();
    assert_eq!(
        spans,
        [
            (Effect::Permit, 100, 300),
            (Effect::Withdrawn, 300, i64::MAX),
            (Effect::Deny, 100, 300),
            (Effect::NoDefaults, 100, 300),
            (Effect::NoDefaults, 300, i64::MAX),
        ]
    );
    assert_eq!(all[1].granted_at, 300);
    assert_eq!(all[1].organization, Some(id("ehr")));
}

#[test]
fn a_minors_consent_without_the_minor_ends_at_eighteen_and_covers_nothing_adolescent() {
    let mut d = directive(vec![rule(true, "ehr", &["PSY", "ADOL"])]);
    d.of_minor = true;
    d.by_patient = false;
    d.majority = Some(400);
    let grant = permit(&d).expect("a permit");
    assert_eq!(grant.to, 400);
    assert!(!grant.labels.meets(Labels::ADOL) && !grant.labels.meets(Labels::NODSCLCDS));
    let after = compile(&d);
    let mut off = after.iter().filter(|g| g.effect == Effect::NoDefaults);
    assert!(off.any(|g| g.from == 400 && g.to == i64::MAX));
    // What had ended before ends nothing on the birthday.
    let mut earlier = d.clone();
    (earlier.to, earlier.root_permits) = (300, None);
    let rows = compile(&earlier);
    assert!(
        rows.iter()
            .all(|g| g.effect != Effect::NoDefaults && g.to <= 300)
    );
    d.by_patient = true;
    let assented = permit(&d).expect("a permit");
    assert!(assented.labels.meets(Labels::ADOL));
    // Signed for somebody who is no minor any more: nothing.
    d.majority = Some(50);
    assert_eq!(permit(&d), None);
    d.majority = None;
    d.by_somebody = false;
    assert_eq!(permit(&d), None);
}

#[test]
fn a_part_2_consent_speaks_of_part_2_records_alone() {
    let mut d = directive(vec![rule(true, "ehr", &[])]);
    d.part2 = true;
    let all = compile(&d);
    assert_eq!(all.len(), 1);
    let record = SUBSTANCE.or(Labels::PART2).or(Labels::NORDSCLCD);
    assert!(record.within(all[0].labels));
    assert_eq!(all[0].classes, Classes::PART2);
    // And a general one never of them.
    d.part2 = false;
    let general = permit(&d).expect("a permit");
    assert!(!general.classes.meets(Classes::PART2));
}

#[test]
fn purposes_and_classes_narrow_a_permit() {
    let narrow = Rule {
        purposes: words(&["TREAT"]),
        classes: words(&["prescription", "shipping"]),
        ..rule(true, "pharmacy", &["PSY"])
    };
    let grant = permit(&directive(vec![narrow])).expect("a permit");
    assert!(grant.purposes.meets(Purposes::own("COC")));
    assert!(!grant.purposes.meets(Purposes::own("HPAYMT")));
    assert!(!grant.purposes.meets(Purposes::own("BTG")));
    let wanted = Classes::PRESCRIPTION
        .or(Classes::SHIPMENT)
        .or(Classes::IDENTITY);
    assert_eq!(grant.classes, wanted);
    let open = permit(&directive(vec![rule(true, "ehr", &["PSY"])])).expect("a permit");
    assert!(open.purposes.meets(Purposes::own("HPAYMT")));
    assert!(!open.purposes.meets(Purposes::own("BTG")));
    assert!(!open.purposes.meets(Purposes::own("unheard")));
    let unknown = Rule {
        classes: words(&["imagery"]),
        ..rule(true, "ehr", &["PSY"])
    };
    let none = permit(&directive(vec![unknown]));
    assert!(none.is_none_or(|g| g.classes.is_empty()));
}

#[test]
fn whoever_may_not_treat_may_not_break_the_glass() {
    for (named, breaks) in [
        (&["TREAT"][..], false),
        (&["ETREAT", "HPAYMT"], false),
        (&["BTG"], false),
        (&[], false),
        (&["HPAYMT"], true),
    ] {
        let denial = Rule {
            purposes: words(named),
            ..rule(false, "ehr", &[])
        };
        let all = compile(&directive(vec![denial]));
        let denied = all.iter().find(|g| g.effect == Effect::Deny);
        let denied = denied.expect("a denial").purposes;
        assert_eq!(denied.meets(Purposes::own("BTG")), !breaks, "{named:?}");
        assert_eq!(
            denied.meets(Purposes::own("COC")),
            named == ["TREAT"] || named.is_empty()
        );
    }
}

#[test]
fn what_cannot_be_enforced_is_named() {
    let places = |rule: &Rule| -> Vec<Place> { faults(rule).iter().map(|f| f.place).collect() };
    let bad = Rule {
        purposes: words(&["TREAT", "FUN"]),
        classes: words(&["allergies", "imagery"]),
        ..rule(true, "ehr", &["N", "PSY", "COGN", "PSYTHPN"])
    };
    assert_eq!(
        places(&bad),
        [
            Place::Purpose(1),
            Place::Label(2),
            Place::Label(3),
            Place::Class(1)
        ]
    );
    assert!(places(&rule(false, "", &["PSYTHPN", "SDV", "V"])).is_empty());
    assert_eq!(places(&rule(false, "", &["N"])), [Place::Label(0)]);
}
