//! Who may do and see what, written out for people who read no program (`tests/golden/policy.txt`). It is computed by
//! the rule that the database is held to. `KAP_GOLDEN=write` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kap_fhir::access::consent::{Directive, Grant, Rule, compile};
use kap_fhir::access::decide::{Facts, Link, decide};
use kap_fhir::access::{Access, Caller, Classes, Disclosure, Interaction, Labels, Role, Scopes};
use kap_fhir::kap::Id;

use crate::golden::{first_difference, writes};
use records::{Record, records};

mod records;

const NOW: i64 = 1_000_000;
const HEAD: &str = include_str!("policy/head.txt");
const CLASSES: &str = include_str!("policy/classes.txt");
const SITUATIONS: &str = include_str!("policy/situations.txt");
/// Read and search first: what one may look at, then what one may change.
const WORDS: [Interaction; 5] = [
    Interaction::Read,
    Interaction::Search,
    Interaction::Create,
    Interaction::Update,
    Interaction::Delete,
];

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn caller(role: Role, organization: &str, disclosure: Disclosure) -> Access {
    caller_for("TREAT", role, organization, disclosure)
}

fn caller_for(purpose: &str, role: Role, organization: &str, disclosure: Disclosure) -> Access {
    let caller = Caller {
        client: "client".into(),
        organization: id(organization),
        role,
        scopes: Scopes::parse("system/*.cruds").expect("scopes"),
        purpose: purpose.into(),
        token: "token".into(),
    };
    Access::of("t".into(), caller, NOW).under(disclosure)
}

/// Whether the role may read the type of such a record at all, and sees one that `owner` keeps and `author` wrote.
fn sees(access: &Access, record: &Record, owner: &str, author: &str, grants: &[Grant]) -> bool {
    let role = access.caller().expect("a caller").role;
    let (patient, episode) = (id("patient"), id("episode"));
    let link = |organization: &Id| Link {
        patient: patient.clone(),
        episode: episode.clone(),
        organization: organization.clone(),
        from: 0,
        to: i64::MAX,
    };
    let directory = record.class == Classes::DIRECTORY;
    let facts = Facts {
        kind: record.kind,
        owner: &id(owner),
        author: &id(author),
        patient: (!directory).then_some(&patient),
        episode: (!directory).then_some(&episode),
        class: record.class,
        labels: record.labels,
        tokens: &[],
    };
    let caller = access.caller().expect("a caller");
    // Whoever breaks the glass has no part in the treatment.
    let part = (!caller.breaks_glass()).then(|| link(&caller.organization));
    let links: Vec<Link> = part.into_iter().collect();
    role.allows(Interaction::Read, record.kind) && decide(access, &facts, grants, &links).is_ok()
}

/// A consent of an adult that denies by default and permits ordinary records to these organizations.
fn consent(organizations: &[&str], labels: &[&str]) -> Directive {
    Directive {
        signed_at: 1,
        from: 1,
        to: i64::MAX,
        by_patient: true,
        by_somebody: true,
        root_permits: Some(false),
        rules: vec![Rule {
            permit: true,
            recipients: Some(organizations.iter().map(|o| id(o)).collect()),
            purposes: vec!["TREAT".into()],
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
            classes: vec![],
        }],
        ..Directive::default()
    }
}

fn denying(of: Directive, labels: &[&str], organization: Option<&str>) -> Directive {
    let mut of = of;
    of.rules.push(Rule {
        recipients: organization.map(|o| vec![id(o)]),
        labels: labels.iter().map(|l| (*l).to_owned()).collect(),
        ..Rule::default()
    });
    of
}

fn roles_and_types(out: &mut String) {
    for role in Role::ALL {
        let _ = writeln!(out, "\n{role}");
        for (kind, _) in kap_fhir::access::role::every_kind() {
            let words = WORDS.iter().filter(|i| role.allows(**i, kind));
            let words: Vec<String> = words.map(ToString::to_string).collect();
            if !words.is_empty() {
                let _ = writeln!(out, "    {kind:<26}{}", words.join(", "));
            }
        }
    }
}

fn roles_and_classes(out: &mut String) {
    let (strict, law) = (Disclosure::ConsentRequired, Disclosure::FederalBaseline);
    let ordinary = consent(&["organization"], &["N", "PSY"]);
    let denied = denying(ordinary.clone(), &[], Some("organization"));
    let withdrawn = Directive {
        revoked_at: Some(2),
        ..ordinary.clone()
    };
    let columns = [
        (strict, vec![]),
        (law, vec![]),
        (strict, compile(&ordinary)),
        (law, compile(&denied)),
        (law, compile(&withdrawn)),
    ];
    for role in Role::ALL {
        let _ = writeln!(out, "\n{role}");
        let head = ["1 strict", "2 law", "3 consent", "4 denied", "5 withdrawn"];
        let mut line = format!("    {:<26}", "");
        for name in head {
            let _ = write!(line, "{name:<13}");
        }
        let _ = writeln!(out, "{}", line.trim_end());
        for record in records() {
            let mut line = format!("    {:<26}", record.name);
            for (disclosure, grants) in &columns {
                let access = caller(*role, "organization", *disclosure);
                let others = sees(&access, &record, "practice", "practice", grants);
                let kept = if role.is_of_practice() || *role == Role::PrivacyOfficer {
                    "organization"
                } else {
                    "practice"
                };
                let own = sees(&access, &record, kept, "organization", grants);
                let _ = write!(
                    line,
                    "{:<13}",
                    match (others, own) {
                        (true, true) => "sees",
                        (false, true) => "own",
                        (true, false) => panic!("{role} does not see its own {}", record.name),
                        (false, false) => "-",
                    }
                );
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

/// What is on file of a patient.
struct Situation {
    title: &'static str,
    /// Of the token.
    purpose: &'static str,
    disclosure: Disclosure,
    directives: Vec<Directive>,
    /// The records are of when the patient was a minor.
    minor: bool,
}

/// The table of decisions.
fn situations() -> Vec<Situation> {
    let (strict, law) = (Disclosure::ConsentRequired, Disclosure::FederalBaseline);
    let both = |labels: &[&str]| consent(&["partner", "ehr"], labels);
    let ordinary = both(&["N", "PSY"]);
    let violence = both(&["N", "PSY", "SDV", "MST"]);
    let substance = both(&["N", "PSY", "ETH", "SUD"]);
    let part2 = Directive {
        part2: true,
        ..both(&[])
    };
    let withdrawn = Directive {
        revoked_at: Some(2),
        ..ordinary.clone()
    };
    let of_minor = |signed: bool, majority: Option<i64>| Directive {
        of_minor: true,
        by_patient: signed,
        majority,
        ..both(&["N", "PSY", "ADOL"])
    };
    let adult = |title, disclosure, directives| Situation {
        title,
        purpose: "TREAT",
        disclosure,
        directives,
        minor: false,
    };
    let minor = |title, directive| Situation {
        title,
        purpose: "TREAT",
        disclosure: strict,
        directives: vec![directive],
        minor: true,
    };
    vec![
        adult("1   no consent on file, federal-baseline", law, vec![]),
        adult("2   no consent on file, consent-required", strict, vec![]),
        adult(
            "3   the partner is named, ordinary labels",
            strict,
            vec![consent(&["partner"], &["N", "PSY"])],
        ),
        adult(
            "4   the partner and the outside provider are named, ordinary labels",
            strict,
            vec![ordinary.clone()],
        ),
        adult(
            "5   both are named with sexual and domestic violence, which is then denied to everyone",
            strict,
            vec![denying(violence, &["SDV", "MST"], None)],
        ),
        adult(
            "6   as 4 with substance use named",
            strict,
            vec![substance.clone()],
        ),
        adult(
            "7   as 6, and a Part 2 consent",
            strict,
            vec![substance, part2],
        ),
        adult(
            "8   an authorization for psychotherapy notes alone (it never grants anything here)",
            strict,
            vec![],
        ),
        adult("9   as 4, withdrawn since", strict, vec![withdrawn]),
        minor(
            "10a a minor's consent names adolescent records; the guardian alone signed",
            of_minor(false, Some(i64::MAX)),
        ),
        minor(
            "10b the same, and the minor signed too",
            of_minor(true, None),
        ),
        minor(
            "11  as 10a, and the patient has come of age",
            of_minor(false, Some(2)),
        ),
        adult(
            "12  as 4, of what the patient paid for alone: see 'D5 session, self-paid'",
            strict,
            vec![ordinary],
        ),
    ]
}

/// What is on file when the glass is broken.
fn emergencies() -> Vec<Situation> {
    let emergency = |title, directives| Situation {
        title,
        purpose: "BTG",
        disclosure: Disclosure::ConsentRequired,
        directives,
        minor: false,
    };
    let ordinary = consent(&["partner", "ehr"], &["N", "PSY"]);
    let withdrawn = Directive {
        revoked_at: Some(2),
        ..ordinary.clone()
    };
    let mut part2 = Directive {
        part2: true,
        ..consent(&["partner", "ehr"], &[])
    };
    part2.rules[0].purposes = vec!["BTG".into()];
    vec![
        emergency("13a the glass is broken, no consent on file", vec![]),
        Situation {
            minor: true,
            ..emergency("13b the same, records of a minor", vec![])
        },
        emergency(
            "13c the glass is broken, the consent of 4 was withdrawn",
            vec![withdrawn],
        ),
        emergency(
            "13d the glass is broken, a consent denies mental health (PSY) to everyone",
            vec![denying(ordinary, &["PSY"], None)],
        ),
        emergency(
            "13e the glass is broken, a Part 2 consent names BTG",
            vec![part2],
        ),
    ]
}

fn decisions(out: &mut String) {
    for situation in situations().into_iter().chain(emergencies()) {
        let grants: Vec<Grant> = situation.directives.iter().flat_map(compile).collect();
        let _ = writeln!(out, "\n{}", situation.title);
        for (who, role, organization) in [
            ("partner", Role::PartnerPrescriber, "partner"),
            ("outside", Role::ExternalEhr, "ehr"),
        ] {
            let disclosure = situation.disclosure;
            let access = caller_for(situation.purpose, role, organization, disclosure);
            let mut all = records();
            for record in all.iter_mut().filter(|_| situation.minor) {
                if record.labels.meets(Labels::R) {
                    record.labels = record.labels.or(Labels::ADOL);
                }
            }
            let seen = all
                .iter()
                .filter(|r| sees(&access, r, "practice", "practice", &grants));
            let names: Vec<&str> = seen.map(|r| r.name).collect();
            let _ = writeln!(out, "    {who:<9}{}", wrapped(&names));
        }
    }
}

/// A list in lines that fit a page.
fn wrapped(names: &[&str]) -> String {
    let (mut out, mut long) = (String::new(), 0);
    for (n, name) in names.iter().enumerate() {
        if long + name.len() > 90 {
            out.push_str("\n             ");
            long = 0;
        }
        long += name.len() + 2;
        let _ = write!(out, "{name}{}", if n + 1 < names.len() { ", " } else { "" });
    }
    out.replace(" \n", "\n")
}

#[test]
fn the_policy_is_the_one_that_was_agreed() {
    let mut out = HEAD.to_owned();
    roles_and_types(&mut out);
    let _ = write!(out, "\n\n{CLASSES}");
    roles_and_classes(&mut out);
    let _ = write!(out, "\n\n{SITUATIONS}");
    decisions(&mut out);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/policy.txt");
    if writes() {
        fs::write(&path, &out).expect("written");
    }
    let kept = fs::read_to_string(&path).expect("tests/golden/policy.txt");
    assert!(
        kept == out,
        "read the change as a privacy officer would, then write it anew with KAP_GOLDEN=write: {}",
        first_difference(&kept, &out)
    );
}
