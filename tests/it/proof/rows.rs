//! What is stored, as the practice that owns it sees it: the rows that the oracle judges.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use futures_util::future::join_all;
use kap_fhir::demo::player::Caller;
use serde_json::Value;

use super::oracle::Row;
use crate::fhir_door::{get, text};

/// Every type of the role table.
pub fn kinds() -> Vec<String> {
    let mut kinds: Vec<String> = LETTERS.iter().map(|(_, _, kind)| kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    // Some are kept by the service for itself or are still to come, some are not searched so.
    kinds.retain(|kind| kap_fhir::interaction::capability::TYPES.contains(&kind.as_str()));
    kinds.retain(|kind| !["AuditEvent", "Endpoint", "Questionnaire"].contains(&kind.as_str()));
    kinds
}

/// Role, letter, type: part 1 of the policy that was agreed, as `tests/golden/policy.txt` says it.
static LETTERS: LazyLock<HashSet<(String, char, String)>> = LazyLock::new(|| {
    let policy = include_str!("../../golden/policy.txt");
    let (_, part) = policy.split_once("\nPART 1.").expect("part 1");
    let (part, _) = part.split_once("\nPART 2.").expect("part 2");
    let (mut out, mut role) = (HashSet::new(), "");
    for line in part.lines().skip(1).filter(|l| !l.is_empty()) {
        let Some(of_type) = line.strip_prefix("    ") else {
            role = line;
            continue;
        };
        let (kind, words) = of_type
            .split_once("  ")
            .expect("a type and what is allowed");
        for word in words.trim().split(", ") {
            let letter = word.chars().next().expect("a word");
            out.insert((role.to_owned(), letter, kind.to_owned()));
        }
    }
    out
});

/// Whether the role may do `letter` with the type at all.
pub fn may(role: &str, letter: char, kind: &str) -> bool {
    LETTERS.contains(&(role.to_owned(), letter, kind.to_owned()))
}

/// Every match of a search, page after page, and the total that each page told.
pub async fn all(caller: &Caller, path: &str) -> (Vec<Value>, Vec<u64>) {
    let (mut found, mut totals) = (vec![], vec![]);
    let mut next = path.to_owned();
    loop {
        let answer = get(caller, &next).await;
        assert_eq!(answer.status, 200, "{next}: {}", answer.text);
        let set = answer.json();
        totals.extend(set["total"].as_u64());
        for entry in set["entry"].as_array().into_iter().flatten() {
            found.push(entry["resource"].clone());
        }
        let links = set["link"].as_array().into_iter().flatten();
        let mut links = links.filter(|l| l["relation"] == "next");
        let Some(link) = links.next() else {
            return (found, totals);
        };
        text(&link["url"])
            .strip_prefix(&caller.base)
            .expect("a link to this service")
            .clone_into(&mut next);
    }
}

/// Every resource that `practice` owns, told by its own therapist, but for the directory's.
pub async fn owned(caller: &Caller, practice: &str) -> Vec<(Row, Value)> {
    let kinds = kinds();
    let searches = kinds.iter().map(|kind| async move {
        let (found, _) = all(caller, &format!("/fhir/{kind}?_count=250")).await;
        found
    });
    let values: Vec<Value> = join_all(searches).await.into_iter().flatten().collect();
    let known: HashMap<String, &Value> = values.iter().map(|v| (name(v), v)).collect();
    let authors = authors(&values);
    let row = |value: &Value| {
        let told = match text(&value["resourceType"]) {
            "Provenance" => known.get(text(&value["target"][0]["reference"])).copied(),
            _ => None,
        };
        let of = told.unwrap_or(value);
        let author = authors.get(&name(of)).map_or(practice, String::as_str);
        let targets = value["target"].as_array().into_iter().flatten();
        let about = targets.map(|t| text(&t["reference"]).to_owned());
        Row {
            kind: text(&value["resourceType"]).to_owned(),
            id: text(&value["id"]).to_owned(),
            patient: patient(of).or_else(|| prescribed_to(of, &values)),
            owner: practice.to_owned(),
            author: author.to_owned(),
            class: class(of, &labels(of)),
            labels: labels(value),
            about: about.collect(),
        }
    };
    values
        .iter()
        .map(|value| (row(value), value.clone()))
        .collect()
}

fn name(value: &Value) -> String {
    format!("{}/{}", text(&value["resourceType"]), text(&value["id"]))
}

/// The patient of a Medication: it is of the prescription that names it, or beside which the service keeps it.
fn prescribed_to(value: &Value, all: &[Value]) -> Option<String> {
    if value["resourceType"] != "Medication" {
        return None;
    }
    let named = name(value);
    let beside = text(&value["id"]).strip_suffix("-med");
    let is = |v: &&Value| {
        v["medicationReference"]["reference"] == named
            || (v["resourceType"] == "MedicationRequest" && v["id"].as_str() == beside)
    };
    patient(all.iter().find(is)?)
}

/// Who made each resource: the organization of its Provenances, where they agree. Documents are the practice's.
fn authors(values: &[Value]) -> HashMap<String, String> {
    let mut authors: HashMap<String, Option<String>> = HashMap::new();
    for value in values.iter().filter(|v| v["resourceType"] == "Provenance") {
        let who = text(&value["agent"][0]["who"]["reference"]);
        let who = who.strip_prefix("Organization/").unwrap_or(who).to_owned();
        for target in value["target"].as_array().into_iter().flatten() {
            let of = authors
                .entry(text(&target["reference"]).to_owned())
                .or_insert_with(|| Some(who.clone()));
            if *of != Some(who.clone()) {
                *of = None;
            }
        }
    }
    let agreed = authors
        .into_iter()
        .filter_map(|(key, who)| Some((key, who?)));
    agreed
        .filter(|(key, _)| !key.starts_with("Composition/"))
        .collect()
}

fn patient(value: &Value) -> Option<String> {
    if value["resourceType"] == "Patient" {
        return Some(text(&value["id"]).to_owned());
    }
    let places = ["subject", "patient", "for", "individual"];
    let mut found = places
        .iter()
        .map(|p| text(&value[*p]["reference"]).to_owned());
    if let Some(reference) = found.find(|r| r.starts_with("Patient/")) {
        return Some(reference["Patient/".len()..].to_owned());
    }
    let participants = value["participant"].as_array().into_iter().flatten();
    let mut actors = participants.map(|p| text(&p["actor"]["reference"]));
    let actor = actors.find(|r| r.starts_with("Patient/"))?;
    Some(actor["Patient/".len()..].to_owned())
}

/// The security codes of a resource that protect it.
pub fn labels(value: &Value) -> Vec<String> {
    let open = [
        "U",
        "L",
        "M",
        "N",
        "PERSISTLABEL",
        "HTEST",
        "PATRPT",
        "CLINAST",
    ];
    let codings = value["meta"]["security"].as_array().into_iter().flatten();
    let codes = codings.map(|c| text(&c["code"]).to_owned());
    codes.filter(|c| !open.contains(&c.as_str())).collect()
}

/// The class of data (domain reference 5.3); what it leaves open as `src/access/class.rs` documents it.
fn class(value: &Value, labels: &[String]) -> &'static str {
    let has = |list: &[&str]| labels.iter().any(|l| list.contains(&l.as_str()));
    let own = by_type(value);
    if ["D1", "D19", "directory"].contains(&own) {
        own
    } else if has(&["42CFRPart2"]) {
        "D12"
    } else if has(&["SDV", "MST", "SEX"]) {
        "D13"
    } else if has(&["SUD", "ETH", "ETHUD", "OPIOIDUD"]) {
        "D11"
    } else {
        own
    }
}

fn by_type(value: &Value) -> &'static str {
    let coded = |name: &str, code: &str| value[name].to_string().contains(&format!("\"{code}\""));
    let ours = |name: &str| value["meta"]["profile"].to_string().contains(name);
    let order = value["intent"] == "order";
    match text(&value["resourceType"]) {
        "MedicationRequest" if value["intent"] == "plan" => "D3",
        "ServiceRequest" if order => "referral",
        "Task" if ours("kap-referral-task") => "referral",
        "Communication" | "CommunicationRequest" if coded("category", "alert") => "D6",
        "Observation" if coded("code", "82810-3") => "D14",
        "Observation" if coded("code", "clearance-status") => "D2",
        "Observation" if coded("category", "survey") => "D4",
        "Observation" if coded("category", "laboratory") => "D3",
        "Observation" if coded("category", "vital-signs") && value["encounter"].is_null() => "D3",
        "Composition" | "DocumentReference" if coded("type", "78472-8") => "D7",
        "Composition" | "DocumentReference" if coded("type", "34788-0") => "D2",
        "Composition" | "DocumentReference" if coded("type", "57143-0") => "referral",
        "Composition" | "DocumentReference" if coded("type", "59284-0") => "D19",
        "Appointment" => "D0",
        "Patient" | "RelatedPerson" => "D1",
        "ClinicalImpression" => "D2",
        "AllergyIntolerance" => "D3a",
        "Condition" | "QuestionnaireResponse" => "D4",
        "Encounter" | "Procedure" | "MedicationAdministration" | "Observation" => "D5",
        "AdverseEvent" | "DetectedIssue" | "Flag" => "D6",
        "Goal" | "CarePlan" | "Composition" | "DocumentReference" => "D8",
        "MedicationRequest" | "Medication" | "Basic" => "D18",
        "MedicationDispense" => "D18s",
        "Consent" => "D19",
        "EpisodeOfCare" | "CareTeam" | "ServiceRequest" | "Task" => "course",
        "Communication" | "CommunicationRequest" => "message",
        _ => "directory",
    }
}
