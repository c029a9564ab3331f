//! The consent decision table (domain reference 5.6): what each recipient is told of the patients of each situation, whose
//! consents came in by either door.
//!
//! Patients, guardians and payers have no clients here, so their columns say nothing, and row 14 (harm to the patient who
//! reads) has nobody to hold back from. Row 13 (emergency) is in `tests/it/emergency.rs`; here a consent for its purpose
//! opens nothing to who did not break the glass.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kap_fhir::demo::player::Caller;
use serde_json::json;

use super::bench::{Bench, CLIENTS, Client, Service};
use super::cohort::{Door, cohort};
use super::mould::Mould;
use super::oracle::Policy::{self, ConsentRequired as Strict, FederalBaseline as Loose};
use super::oracle::Row;
use super::rows::{all, kinds, may};
use super::scene::{finding, found, stored};
use super::seed::Made;
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, post, text};

both!(the_decision_table_holds);

/// What a permit for the mind opens to the partner: D0 to D8 as far as the practice has written of them.
const MIND: &[&str] = &[
    "D1", "D3", "D3a", "D4", "D5", "D6", "D7", "D8", "D14", "D19", "course", "message", "referral",
];
/// The same to an outside provider, whose role reads fewer types.
const OUTSIDE: &[&str] = &[
    "D1", "D3", "D3a", "D4", "D5", "D6", "D7", "D8", "D14", "course",
];
const NOTHING: &[&str] = &[];
/// Under either choice of the operator.
const EITHER: &[Policy] = &[Loose, Strict];

/// Row of the table, recipe of the patients, the operator's choice, who asks, the classes that it is told of.
type Line = (
    u8,
    &'static str,
    &'static [Policy],
    &'static str,
    &'static [&'static [&'static str]],
);

#[rustfmt::skip]
const LINES: &[Line] = &[
    (1, "none", &[Loose], "prescriber", &[MIND, &["D11"]]),
    (1, "none", &[Loose], "nurse", &[MIND, &["D11"]]),
    (1, "none", &[Loose], "ehr", &[&["D1", "D3", "D3a"]]),
    (1, "none", &[Loose], "ehr-2", &[NOTHING]),
    (1, "none", &[Loose], "integrator", &[NOTHING]),
    (2, "none", &[Strict], "prescriber", &[&["D1", "D6", "referral"]]),
    (2, "none", &[Strict], "ehr", &[NOTHING]),
    (2, "none", &[Strict], "pharmacy", &[NOTHING]),
    (3, "partner", EITHER, "prescriber", &[MIND]),
    (3, "partner", EITHER, "nurse", &[MIND]),
    (3, "partner", EITHER, "ehr", &[NOTHING]),
    (3, "partner, use", EITHER, "prescriber", &[MIND, &["D11"]]),
    (4, "partner and primary care", EITHER, "prescriber", &[MIND]),
    (4, "partner and primary care", EITHER, "ehr", &[OUTSIDE]),
    (4, "partner and primary care", EITHER, "ehr-2", &[NOTHING]),
    // Sexuality is of the trauma class and not denied; violence is (`trauma`).
    (5, "partner, no trauma for anyone", EITHER, "prescriber", &[MIND, &["D13"]]),
    (5, "partner, trauma too", EITHER, "prescriber", &[MIND, &["D13"]]),
    (6, "use shared", EITHER, "prescriber", &[MIND, &["D11"]]),
    (6, "use shared", EITHER, "ehr", &[OUTSIDE, &["D11"]]),
    (7, "Part 2 beside privacy", EITHER, "prescriber", &[MIND, &["D11", "D12"]]),
    (7, "Part 2 beside privacy", EITHER, "ehr", &[OUTSIDE, &["D11", "D12"]]),
    (9, "withdrawn", EITHER, "prescriber", &[NOTHING]),
    (9, "withdrawn", EITHER, "nurse", &[NOTHING]),
    (9, "withdrawn", EITHER, "ehr", &[NOTHING]),
    (9, "withdrawn by both, given to one anew", EITHER, "prescriber", &[NOTHING]),
    (9, "withdrawn by both, given to one anew", EITHER, "ehr", &[OUTSIDE]),
    (10, "child, both signed", EITHER, "prescriber", &[MIND, &["D11"]]),
    (10, "child, both signed", EITHER, "ehr", &[OUTSIDE]),
    // A parent alone opens what is general: identity, allergies, home medicines. Harm reaches the partner.
    (10, "child, guardian alone", EITHER, "prescriber", &[&["D1", "D3", "D3a", "D6"]]),
    (10, "child, guardian alone", EITHER, "ehr", &[&["D1", "D3", "D3a"]]),
    (11, "adult now, guardian alone", EITHER, "prescriber", &[&["D6"]]),
    (11, "adult now, guardian alone", EITHER, "ehr", &[NOTHING]),
    (11, "adult now, own consent", EITHER, "prescriber", &[MIND, &["D11"]]),
    (11, "adult now, own consent", EITHER, "ehr", &[NOTHING]),
    (13, "partner, emergency only", EITHER, "prescriber", &[&["D6"]]),
    (13, "partner, emergency only", EITHER, "ehr", &[NOTHING]),
];

/// Services of either policy over the cohort.
struct Table {
    bench: Bench,
    loose: Service,
    strict: Service,
    open: Vec<(Client, Caller)>,
    closed: Vec<(Client, Caller)>,
    mould: &'static Mould,
}

async fn the_decision_table_holds(db: Db) {
    let mould = cohort().await;
    let bench = mould.copy(db).await;
    let (loose, strict) = (bench.serve(Loose).await, bench.serve(Strict).await);
    let table = Table {
        open: bench.log_in(&loose).await,
        closed: bench.log_in(&strict).await,
        bench,
        loose,
        strict,
        mould,
    };
    table.lines().await;
    table
        .row_5_violence_is_withheld_and_the_diagnosis_is_not()
        .await;
    table.row_7_a_part_2_record_says_what_it_is().await;
    table.row_8_a_note_has_no_form_here().await;
    table.row_9_the_partner_keeps_what_it_wrote().await;
    table.row_12_who_pays_is_no_matter_of_treatment().await;
    table.loose.stop(&table.bench.place).await;
    table.strict.stop(&table.bench.place).await;
    table.bench.store.close().await;
}

impl Table {
    /// The patients of that recipe: one of each door.
    fn both(&self, recipe: &str) -> [&Made; 2] {
        [Door::Json, Door::Fhir].map(|door| {
            let of = |m: &&Made| m.plan.tag == recipe && m.plan.related && m.plan.door == door;
            let mut made = self.mould.made.iter();
            made.find(of).expect("a patient of the table")
        })
    }

    fn caller(&self, policy: Policy, who: &str) -> &Caller {
        match policy {
            Loose => Bench::named(&self.open, who),
            Strict => Bench::named(&self.closed, who),
        }
    }

    async fn lines(&self) {
        let patients = LINES.iter().flat_map(|line| self.both(line.1));
        let patients: BTreeSet<&str> = patients.map(|m| m.patient.as_str()).collect();
        let patients = patients.into_iter().collect::<Vec<_>>().join(",");
        let asked = LINES.iter().flat_map(|(_, _, policies, who, _)| {
            policies.iter().map(move |policy| (*policy == Loose, *who))
        });
        let mut shown: BTreeMap<(bool, &str), HashSet<String>> = BTreeMap::new();
        for (loose, who) in asked.collect::<BTreeSet<_>>() {
            let policy = if loose { Loose } else { Strict };
            shown.insert((loose, who), self.shown(policy, who, &patients).await);
        }
        for (row, recipe, policies, who, classes) in LINES {
            let wanted: BTreeSet<&str> = classes.concat().into_iter().collect();
            for policy in *policies {
                let shown = &shown[&(*policy == Loose, *who)];
                for made in self.both(recipe) {
                    let told = self.classes(made, shown);
                    let door = made.plan.door;
                    assert_eq!(
                        told, wanted,
                        "row {row}: {recipe}, {policy:?}, {who}, {door:?}"
                    );
                }
            }
        }
    }

    /// The ids of what `who` is shown of these patients.
    async fn shown(&self, policy: Policy, who: &str, patients: &str) -> HashSet<String> {
        let client = CLIENTS.iter().find(|c| c.name == who).expect("a client");
        let mut out = HashSet::new();
        for kind in kinds().iter().filter(|k| may(client.role.code(), 's', k)) {
            let place = if kind == "Patient" { "_id" } else { "patient" };
            let path = format!("/fhir/{kind}?{place}={patients}&_count=250");
            let found = all(self.caller(policy, who), &path).await.0;
            out.extend(found.iter().map(|v| format!("{kind}/{}", text(&v["id"]))));
        }
        out
    }

    /// The classes of what is shown of that patient and was written by the practice.
    fn classes(&self, made: &Made, shown: &HashSet<String>) -> BTreeSet<&'static str> {
        let own = |row: &&Row| {
            row.patient.as_ref() == Some(&made.patient)
                && row.author == "practice-1"
                && row.kind != "Provenance"
                && shown.contains(&format!("{}/{}", row.kind, row.id))
        };
        self.mould
            .rows
            .iter()
            .filter(own)
            .map(|row| row.class)
            .collect()
    }

    async fn row_5_violence_is_withheld_and_the_diagnosis_is_not(&self) {
        for (recipe, trauma) in [
            ("partner, no trauma for anyone", 1),
            ("partner, trauma too", 3),
        ] {
            for made in self.both(recipe) {
                let caller = self.caller(Strict, "prescriber");
                let mut seen = 0;
                for kind in ["Goal", "Condition", "Observation"] {
                    let path = format!(
                        "/fhir/{kind}?patient={}&_security=SDV,MST,SEX",
                        made.patient
                    );
                    seen += found(caller, &path).await.len();
                }
                assert_eq!(seen, trauma, "{recipe}");
                let path = format!("/fhir/Condition?patient={}&code=F33.2", made.patient);
                assert_eq!(found(caller, &path).await.len(), 1);
            }
        }
    }

    async fn row_7_a_part_2_record_says_what_it_is(&self) {
        for made in self.both("Part 2 beside privacy") {
            let path = format!(
                "/fhir/DocumentReference?patient={}&_security=42CFRPart2",
                made.patient
            );
            let set = get(self.caller(Strict, "ehr"), &path).await.expect(200);
            assert!(set.to_string().contains("NORDSCLCD"), "{set}");
        }
    }

    async fn row_8_a_note_has_no_form_here(&self) {
        let note = json!({ "resourceType": "DocumentReference", "status": "current",
            "subject": { "reference": format!("Patient/{}", self.mould.made[0].patient) },
            "content": [{ "attachment": { "contentType": "text/plain" } }],
            "meta": { "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN" }] } });
        let refused = post(
            self.caller(Strict, "therapist"),
            "/fhir/DocumentReference",
            &note,
        )
        .await;
        assert_eq!(refused.status, 422, "{}", refused.text);
    }

    async fn row_9_the_partner_keeps_what_it_wrote(&self) {
        for made in self.both("withdrawn") {
            let path = format!("/fhir/Observation?patient={}", made.patient);
            for policy in EITHER {
                let kept = found(self.caller(*policy, "prescriber"), &path).await;
                assert_eq!(kept.len(), 1);
            }
        }
    }

    async fn row_12_who_pays_is_no_matter_of_treatment(&self) {
        let paid = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIPAASelfPay" }]);
        for (recipe, consented) in [("partner and primary care", true), ("none", false)] {
            for made in self.both(recipe) {
                let mut value = finding(&made.patient, "self-paid");
                value["meta"] = json!({ "security": paid });
                stored(self.caller(Strict, "therapist"), &value).await;
                let path = format!(
                    "/fhir/Observation?patient={}&_security=HIPAASelfPay",
                    made.patient
                );
                for (policy, who, shown) in [
                    (Strict, "prescriber", consented),
                    (Strict, "ehr", consented),
                    (Loose, "prescriber", true),
                    (Loose, "ehr", consented),
                    (Strict, "integrator", false),
                    (Strict, "therapist", true),
                ] {
                    let seen = found(self.caller(policy, who), &path).await.len();
                    assert_eq!(
                        seen,
                        usize::from(shown),
                        "{who} of {recipe} under {policy:?}"
                    );
                }
            }
        }
    }
}
