//! Rows 3 to 5: criteria on other records, what comes along step by step, compartments. Each record on the way is found
//! under the filter of its own: what a client does not see meets nothing for it, and nothing is met by it.

use std::collections::BTreeSet;

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::Value;

use super::super::rows::all;
use super::super::scene::{Scene, found, ids, same};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{Answer, call, get, text};

both!(
    a_chain_finds_what_its_reader_could_find_in_two_steps,
    what_is_hidden_meets_no_criterion,
    what_is_no_parameter_or_no_type_to_the_reader_is_none_in_a_chain,
    everything_that_comes_along_is_seen_by_itself,
    a_compartment_is_of_whom_the_reader_sees,
);

/// A chain, and how a reader would find the same by hand: the matches refer to a `far` record by `link`, or are
/// referred to by it, and that record `holds`.
struct Case {
    kind: &'static str,
    query: &'static str,
    far: &'static str,
    link: &'static str,
    holds: fn(&Value) -> bool,
}

fn has_code(value: &Value, wanted: &str) -> bool {
    let mut codings = value["code"]["coding"].as_array().into_iter().flatten();
    codings.any(|c| c["code"] == wanted)
}

fn labelled(value: &Value, wanted: &str) -> bool {
    let mut labels = value["meta"]["security"].as_array().into_iter().flatten();
    labels.any(|c| c["code"] == wanted)
}

const CASES: &[Case] = &[
    Case {
        kind: "Observation",
        query: "subject:Patient.name=Family0",
        far: "Patient",
        link: "subject",
        holds: |p| p["name"][0]["family"] == "Family0",
    },
    Case {
        kind: "Condition",
        query: "patient.birthdate=1984-03-12",
        far: "Patient",
        link: "subject",
        holds: |p| p["birthDate"] == "1984-03-12",
    },
    Case {
        kind: "EpisodeOfCare",
        query: "patient.gender:missing=true",
        far: "Patient",
        link: "patient",
        holds: |p| p.get("gender").is_none(),
    },
    Case {
        kind: "Patient",
        query: "_has:Condition:patient:code=F33.2",
        far: "Condition",
        link: "subject",
        holds: |c| has_code(c, "F33.2"),
    },
    Case {
        kind: "Patient",
        query: "_has:Condition:patient:code=B20",
        far: "Condition",
        link: "subject",
        holds: |c| has_code(c, "B20"),
    },
    Case {
        kind: "Patient",
        query: "_has:Observation:patient:_security=HIV",
        far: "Observation",
        link: "subject",
        holds: |o| labelled(o, "HIV"),
    },
    Case {
        kind: "Patient",
        query: "_has:Condition:subject:_security=SDV",
        far: "Condition",
        link: "subject",
        holds: |c| labelled(c, "SDV"),
    },
    Case {
        kind: "Patient",
        query: "_has:EpisodeOfCare:patient:status=active",
        far: "EpisodeOfCare",
        link: "patient",
        holds: |e| e["status"] == "active",
    },
];

fn key(value: &Value) -> String {
    format!("{}/{}", text(&value["resourceType"]), text(&value["id"]))
}

/// What the case finds among what the caller sees.
async fn by_hand(caller: &Caller, case: &Case) -> BTreeSet<String> {
    let near = all(caller, &format!("/fhir/{}?_count=250", case.kind))
        .await
        .0;
    let far = all(caller, &format!("/fhir/{}?_count=250", case.far))
        .await
        .0;
    let met: Vec<&Value> = far.iter().filter(|value| (case.holds)(value)).collect();
    let matches = near.iter().filter(|value| {
        met.iter().any(|other| {
            let (from, to) = if case.kind == "Patient" {
                (*other, *value)
            } else {
                (*value, *other)
            };
            text(&from[case.link]["reference"]) == key(to)
        })
    });
    matches.map(|value| text(&value["id"]).to_owned()).collect()
}

async fn a_chain_finds_what_its_reader_could_find_in_two_steps(db: Db) {
    let scene = Scene::new(db).await;
    let mut told = 0;
    for who in ["therapist", "therapist-2", "prescriber", "nurse", "ehr"] {
        let caller = scene.caller(who);
        for case in CASES {
            let path = format!("/fhir/{}?{}&_count=250", case.kind, case.query);
            let found: BTreeSet<String> = found(caller, &path).await.into_iter().collect();
            assert_eq!(found, by_hand(caller, case).await, "{who}: {path}");
            told += found.len();
            // Beside another criterion it is asked the other way round.
            let narrow = format!("{path}&_lastUpdated=ge2020&_id={}", scene.open.patient);
            let both = self::found(caller, &narrow).await;
            let own = found.contains(&scene.open.patient);
            assert_eq!(both.len(), usize::from(own), "{who}: {narrow}");
            let total = get(caller, &format!("{path}&_total=accurate"))
                .await
                .expect(200);
            assert_eq!(
                total["total"].as_u64(),
                Some(found.len() as u64),
                "{who}: {path}"
            );
        }
    }
    assert!(told > 50, "{told}");
    scene.stop().await;
}

/// What two answers say, but for the value that was asked for.
fn alike(a: &Answer, b: &Answer, values: [&str; 2]) {
    let [a, b] = [(a, values[0]), (b, values[1])]
        .map(|(answer, value)| (answer.status, answer.text.replace(value, "…")));
    assert_eq!(a, b);
}

async fn what_is_hidden_meets_no_criterion(db: Db) {
    let scene = Scene::new(db).await;
    // What is so of hidden records alone, and what is so of none.
    for (query, real, none) in [
        ("Patient?_has:Condition:patient:code=", "B20", "Z99"),
        ("Patient?_has:Observation:patient:_security=", "HIV", "XXX"),
        ("Patient?_has:Condition:subject:_security=", "SDV", "XXX"),
        (
            "EpisodeOfCare?patient._has:Condition:patient:code=",
            "B20",
            "Z99",
        ),
        (
            "EpisodeOfCare?patient._has:Condition:patient:_security=",
            "SDV",
            "XXX",
        ),
        (
            "Condition?patient._id=",
            &scene.far.patient,
            "00000000-0000-4000-8000-00000000ffff",
        ),
        ("Provenance?target:Condition.code=", "B20", "Z99"),
    ] {
        let ask = async |who: &str, value: &str| {
            get(
                scene.caller(who),
                &format!("/fhir/{query}{value}&_total=accurate"),
            )
            .await
        };
        for who in ["prescriber", "ehr"] {
            let [hidden, missing] = [ask(who, real).await, ask(who, none).await];
            assert_eq!(hidden.status, 200, "{query}: {}", hidden.text);
            alike(&hidden, &missing, [real, none]);
            assert_eq!(hidden.json()["total"], 0, "{who}: {query}{real}");
        }
        let mine = if real == scene.far.patient {
            "therapist-2"
        } else {
            "therapist"
        };
        let seen = ask(mine, real).await.expect(200);
        assert!(seen["total"].as_u64() > Some(0), "{query}{real}: {seen}");
    }
    scene.stop().await;
}

async fn strictly(caller: &Caller, path: &str) -> Answer {
    let strict = [("Prefer", "handling=strict")];
    call(caller, Method::GET, path, &strict, None).await
}

async fn what_is_no_parameter_or_no_type_to_the_reader_is_none_in_a_chain(db: Db) {
    let scene = Scene::new(db).await;
    // Where a patient who lives with violence lives is told to none of these.
    for who in ["prescriber", "ehr", "pharmacy"] {
        let caller = scene.caller(who);
        for query in ["patient.address-city=", "patient:Patient.address="] {
            let path = format!("/fhir/MedicationRequest?{query}");
            let hidden = strictly(caller, &format!("{path}Springfield")).await;
            assert_eq!(hidden.status, 400, "{who}: {}", hidden.text);
            let lenient = get(caller, &format!("{path}Springfield")).await;
            assert_eq!(
                ids(&lenient),
                found(caller, "/fhir/MedicationRequest").await
            );
            let none = get(caller, &format!("{path}Nowhere")).await;
            alike(&lenient, &none, ["Springfield", "Nowhere"]);
        }
    }
    // A pharmacy knows no Encounters, and learns nothing of any.
    let pharmacy = scene.caller("pharmacy");
    for query in [
        "MedicationRequest?medication._has:MedicationAdministration:medication:status=completed",
        "Patient?_has:Encounter:patient:status=finished",
        "Patient?_has:Condition:patient:code=F33.2",
    ] {
        let answer = get(pharmacy, &format!("/fhir/{query}")).await;
        assert_eq!(answer.status, 403, "{query}: {}", answer.text);
    }
    scene.stop().await;
}

async fn everything_that_comes_along_is_seen_by_itself(db: Db) {
    let scene = Scene::new(db).await;
    for who in ["prescriber", "ehr", "pharmacy", "therapist"] {
        let caller = scene.caller(who);
        for query in [
            "Patient?_revinclude=*",
            "EpisodeOfCare?_include=*&_include:iterate=*",
            "MedicationRequest?_include=MedicationRequest:*&_revinclude=Provenance:*",
            "Patient?_revinclude=MedicationRequest:patient&_revinclude:iterate=Provenance:target",
            "MedicationDispense?_include:iterate=MedicationDispense:prescription&_include:iterate=MedicationRequest:requester",
        ] {
            let answer = get(caller, &format!("/fhir/{query}&_count=100")).await;
            if answer.status == 403 {
                continue;
            }
            let set = answer.expect(200);
            let entries = set["entry"].as_array().cloned().unwrap_or_default();
            let mut seen = BTreeSet::new();
            for entry in entries.iter().filter(|e| e["search"]["mode"] != "outcome") {
                let resource = &entry["resource"];
                assert!(
                    seen.insert(key(resource)),
                    "{who}: {query} twice: {}",
                    key(resource)
                );
                let read = get(caller, &format!("/fhir/{}", key(resource)))
                    .await
                    .expect(200);
                assert_eq!(read, *resource, "{who}: {query}");
            }
            assert!(!seen.is_empty(), "{who}: {query}");
        }
    }
    scene.stop().await;
}

async fn a_compartment_is_of_whom_the_reader_sees(db: Db) {
    let scene = Scene::new(db).await;
    let nobody = "99999999-9999-4999-8999-999999999999";
    for who in ["therapist", "prescriber", "ehr", "nurse"] {
        let caller = scene.caller(who);
        for within in [
            "Condition",
            "Observation",
            "*",
            "*?_type=Goal,Flag",
            "Patient",
        ] {
            let path = |id: &str| format!("/fhir/Patient/{id}/{within}");
            let missing = get(caller, &path(nobody)).await;
            assert_eq!(missing.status, 404, "{within}: {}", missing.text);
            for hidden in [&scene.closed, &scene.far] {
                if get(caller, &format!("/fhir/Patient/{}", hidden.patient))
                    .await
                    .status
                    == 404
                {
                    same(&get(caller, &path(&hidden.patient)).await, &missing);
                }
            }
        }
        let own = scene.open.patient.as_str();
        let of = async |path: String| -> BTreeSet<String> {
            found(caller, &path).await.into_iter().collect()
        };
        for (kind, parameter) in [
            ("Condition", "patient"),
            ("Flag", "patient"),
            ("Goal", "patient"),
        ] {
            let direct = of(format!("/fhir/{kind}?{parameter}={own}&_count=250")).await;
            let inside = of(format!("/fhir/Patient/{own}/{kind}?_count=250")).await;
            assert_eq!(inside, direct, "{who}: {kind}");
        }
        // The whole is what each type has.
        let whole = all(caller, &format!("/fhir/Patient/{own}/*?_count=7"))
            .await
            .0;
        let keys: BTreeSet<String> = whole.iter().map(key).collect();
        assert_eq!(keys.len(), whole.len(), "{who}: no record twice");
        assert!(keys.contains(&format!("Patient/{own}")), "{who}");
        for value in &whole {
            let read = get(caller, &format!("/fhir/{}", key(value)))
                .await
                .expect(200);
            assert_eq!(read, *value, "{who}");
        }
        for kind in ["Condition", "Observation", "Communication", "EpisodeOfCare"] {
            if get(caller, &format!("/fhir/{kind}?_count=0")).await.status == 403 {
                let inside = get(caller, &format!("/fhir/Patient/{own}/{kind}")).await;
                assert_eq!(inside.status, 403, "{who}: {kind}");
                continue;
            }
            let inside = of(format!("/fhir/Patient/{own}/{kind}?_count=250")).await;
            let among = keys
                .iter()
                .filter_map(|key| key.strip_prefix(&format!("{kind}/")));
            assert_eq!(
                among.map(str::to_owned).collect::<BTreeSet<_>>(),
                inside,
                "{who}: {kind}"
            );
        }
    }
    scene.stop().await;
}
