//! Golden files: what practice and partner see of whole episodes, word for word. A change of the output shows here
//! first, where a clinician can read it. `KAP_GOLDEN=write` writes them anew. `KAP_DUMP=folder` puts there whatever
//! each party sees, documents as `$document` gives them included, for the judges of `scripts/conformance`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::capability::TYPES;
use reqwest::Method;
use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::scenarios::stage::Stage;
use crate::scenarios::{ADOLESCENT, CLINIC, Case, FIRST, PAIN, REMOTE, SECOND, STAGES, THIRD};

both!(
    first_sample,
    second_sample,
    third_sample,
    clinic_with_injections,
    three_stages_with_lozenges,
    adolescent_and_psychiatrist,
    remote_full_course,
    chronic_pain_and_withdrawal,
);

/// Resources of a dosing session, and the documents: what is kept of most cases.
const DOSING: &[&str] = &[
    "AdverseEvent",
    "Composition",
    "DetectedIssue",
    "DocumentReference",
    "Encounter",
    "Flag",
    "MedicationAdministration",
    "Procedure",
];

/// What is kept of the cases that are kept whole: all but the definitions, which are the same for everyone, and what
/// no one may search. (A provenance for each write is kept of one case only.)
fn whole() -> Vec<&'static str> {
    let left_out = ["AuditEvent", "Endpoint", "Provenance", "Questionnaire"];
    let mut kinds = TYPES.to_vec();
    kinds.retain(|kind| !left_out.contains(kind));
    kinds
}

async fn first_sample(db: Db) {
    golden(db, FIRST, &whole()).await;
}

async fn second_sample(db: Db) {
    golden(db, SECOND, &[DOSING, &["AllergyIntolerance"]].concat()).await;
}

async fn third_sample(db: Db) {
    golden(db, THIRD, DOSING).await;
}

async fn clinic_with_injections(db: Db) {
    golden(db, CLINIC, &[whole(), vec!["Provenance"]].concat()).await;
}

async fn three_stages_with_lozenges(db: Db) {
    golden(db, STAGES, DOSING).await;
}

async fn adolescent_and_psychiatrist(db: Db) {
    golden(db, ADOLESCENT, DOSING).await;
}

async fn remote_full_course(db: Db) {
    golden(db, REMOTE, &whole()).await;
}

async fn chronic_pain_and_withdrawal(db: Db) {
    golden(db, PAIN, DOSING).await;
}

/// Plays a case, captures what is seen, and compares it with the files, or writes them.
async fn golden(db: Db, case: Case, kinds: &[&str]) {
    let stage = Stage::performed(db, case).await;
    let mut names = Names::default();
    let mut files = BTreeMap::new();
    let shown = stage.shown().await;
    // The practice's view comes first, so that its order gives the names.
    files.insert("practice.json".to_owned(), names.pretty(&shown));
    for kind in kinds {
        for (n, resource) in seen(&stage, kind).await.iter().enumerate() {
            let name = format!("fhir/{kind}-{:02}.json", n + 1);
            files.insert(name, names.pretty(resource));
        }
    }
    if let Some(folder) = variable("KAP_DUMP").filter(|_| db == Db::Sqlite) {
        dump(&stage, &Path::new(&folder).join(case.name)).await;
    }
    stage.end().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(case.name);
    // One database writes; the other must agree.
    if writes() && db == Db::Sqlite {
        write(&folder, &files);
    } else if !writes() {
        compare(&folder, &files);
    }
}

pub fn writes() -> bool {
    variable("KAP_GOLDEN").is_some_and(|word| word == "write")
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether to write, and where, is the developer's word"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Writes what each party sees: `{party}/{Type}-{id}.json`, `{party}/document-{id}.json`, and all in one Bundle.
async fn dump(stage: &Stage, folder: &Path) {
    for party in [Party::Practice, Party::Partner, Party::Ehr] {
        let (mut files, mut all) = (BTreeMap::new(), vec![]);
        for kind in [whole(), vec!["Provenance"]].concat() {
            for resource in seen_by(stage, party, kind).await {
                let id = resource["id"].as_str().expect("an id").to_owned();
                if kind == "Composition"
                    && let Some(document) = document(stage, party, &id).await
                {
                    files.insert(format!("document-{id}.json"), pretty(&document));
                }
                files.insert(format!("{kind}-{id}.json"), pretty(&resource));
                let url = format!("{}/fhir/{kind}/{id}", stage.app.base);
                all.push(json!({"fullUrl": url, "resource": resource}));
            }
        }
        // A judge that finds both ends of a reference holds the one against what the other asks for.
        let everything = json!({"resourceType": "Bundle", "type": "collection", "entry": all});
        files.insert("everything.json".to_owned(), pretty(&everything));
        write(&folder.join(format!("{party:?}").to_lowercase()), &files);
    }
}

/// A document as the party reads it; a party from whom its subject is hidden has none.
async fn document(stage: &Stage, party: Party, id: &str) -> Option<Value> {
    let path = format!("/fhir/Composition/{id}/$document");
    let sent = stage.app.as_party(party).send(Method::GET, &path, None);
    let reply = sent.await.expect("answer");
    let hidden = reply.status == 404 && party != Party::Practice;
    assert!(hidden || reply.status == 200, "{path}: {}", reply.body);
    (!hidden).then_some(reply.body)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("text")
}

/// Every resource of `kind` that the practice sees over the FHIR door, in the order of their making.
async fn seen(stage: &Stage, kind: &str) -> Vec<Value> {
    seen_by(stage, Party::Practice, kind).await
}

async fn seen_by(stage: &Stage, party: Party, kind: &str) -> Vec<Value> {
    let caller = stage.app.as_party(party);
    let mut found = vec![];
    let mut next = Some(format!("/fhir/{kind}?_count=200"));
    while let Some(path) = next {
        let reply = caller.send(Method::GET, &path, None).await.expect("answer");
        if reply.status == 403 && party != Party::Practice {
            break;
        }
        assert_eq!(reply.status, 200, "{kind}: {}", reply.body);
        let entries = reply.body["entry"].as_array().into_iter().flatten();
        found.extend(
            entries
                .filter(|e| e["search"]["mode"] == "match")
                .map(|e| e["resource"].clone()),
        );
        let links = reply.body["link"].as_array().into_iter().flatten();
        let link = links
            .filter(|l| l["relation"] == "next")
            .find_map(|l| l["url"].as_str());
        next = link.map(|url| url.replacen(&stage.app.base, "", 1));
    }
    found.sort_by_key(order);
    found
}

/// By time, then by content; ids are of this run and give no order.
fn order(resource: &Value) -> (String, String) {
    let fields = [
        "effectiveDateTime",
        "date",
        "identifiedDateTime",
        "authoredOn",
        "recordedDate",
        "authored",
        "dateTime",
        "whenPrepared",
        "birthDate",
    ];
    let direct = fields.iter().find_map(|f| resource[*f].as_str());
    let period = resource["period"]["start"].as_str();
    let time = direct.or(period).unwrap_or_default().to_owned();
    let mut names = Names::default();
    (time, names.pretty(resource))
}

fn write(folder: &Path, files: &BTreeMap<String, String>) {
    let _ = fs::remove_dir_all(folder);
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().expect("a folder");
        fs::create_dir_all(parent).expect("folder");
        fs::write(path, text).expect("golden file");
    }
}

fn compare(folder: &Path, files: &BTreeMap<String, String>) {
    let mut wrong = String::new();
    for (name, text) in files {
        match fs::read_to_string(folder.join(name)) {
            Ok(kept) if kept == *text => {}
            Ok(kept) => {
                let _ = writeln!(wrong, "{name}: {}", first_difference(&kept, text));
            }
            Err(_) => {
                let _ = writeln!(wrong, "{name} is new");
            }
        }
    }
    for name in kept(folder) {
        if !files.contains_key(&name) {
            let _ = writeln!(wrong, "{name} is gone");
        }
    }
    assert!(
        wrong.is_empty(),
        "{}: look at the change, then write the files anew with KAP_GOLDEN=write\n{wrong}",
        folder.display()
    );
}

fn kept(folder: &Path) -> Vec<String> {
    let read = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let in_fhir = read(folder.join("fhir")).map(|f| format!("fhir/{}", f.file_name().display()));
    in_fhir.collect()
}

pub fn first_difference(kept: &str, now: &str) -> String {
    let mut pairs = kept.lines().zip(now.lines()).enumerate();
    pairs.find(|(_, (a, b))| a != b).map_or_else(
        || "one is longer".to_owned(),
        |(n, (a, b))| format!("line {}: was {}, is {}", n + 1, a.trim(), b.trim()),
    )
}

/// Short names for the ids of a run, in the order in which they first appear.
#[derive(Debug, Default)]
struct Names(HashMap<String, String>);

impl Names {
    /// The value as text, with every UUID replaced. Nothing else is changed.
    fn pretty(&mut self, value: &Value) -> String {
        let mut bytes = vec![];
        // One space of indent: these are many files.
        let format = PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, format);
        value.serialize(&mut serializer).expect("text");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest
            .char_indices()
            .map(|(n, _)| n)
            .find(|n| uuid_at(&rest[*n..]))
        {
            let (before, from) = rest.split_at(at);
            let (uuid, after) = from.split_at(36);
            out.push_str(before);
            let next = self.0.len() + 1;
            let name = self
                .0
                .entry(uuid.to_owned())
                .or_insert_with(|| format!("id-{next:03}"));
            out.push_str(name);
            rest = after;
        }
        out.push_str(rest);
        out.push('\n');
        out
    }
}

/// Whether the text begins with a UUID.
fn uuid_at(text: &str) -> bool {
    let Some(head) = text.as_bytes().get(..36) else {
        return false;
    };
    head.iter().enumerate().all(|(n, byte)| match n {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}
