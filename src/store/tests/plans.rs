//! How SQLite goes about the statements that every request runs. A walk through a tenant grows with the practice; each
//! step must be a look-up by more than the tenant. (PostgreSQL plans by statistics, which an empty test has not.)

use std::collections::BTreeMap;

use super::*;
use crate::fhir::compartment::within;
use crate::fhir::search::{Handling, SearchQuery};
use crate::store::view::{Bodies, Everything, Record, View};
use crate::store::{Being, Portion, Whose};

/// The steps that walk a table, or all that a tenant has in it.
async fn walks(store: &Store, sql: Sql) -> Vec<String> {
    let explain = Sql {
        text: format!("EXPLAIN QUERY PLAN {}", sql.text).into(),
        args: sql.args,
    };
    let steps = store.read(explain).await.expect("a plan");
    let steps = steps.iter().map(|row| row.text(3).to_string());
    let walk = |step: &String| {
        let table = ["r", "h", "x", "p", "g"].iter().any(|alias| {
            step.starts_with(&format!("SCAN {alias} ")) || step == &format!("SCAN {alias}")
        });
        let of_tenant = step.ends_with("(tenant=?)") || step.ends_with("(tenant=? AND type=?)");
        (table && !step.contains("head")) || of_tenant
    };
    steps.filter(walk).collect()
}

fn query(kind: &str, text: &str) -> SearchQuery {
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    let (query, _) = SearchQuery::parse(kind, &parameters, Handling::Strict).expect("a query");
    query
}

fn search(view: View<'_>, kind: &str, query: &str) -> Sql {
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let (query, _) = SearchQuery::parse(kind, &parameters, Handling::Strict).expect("a query");
    view.page(&query).sql()
}

#[tokio::test]
async fn no_statement_of_a_request_walks_a_tenant() {
    let store = sqlite("plans").await;
    let narrowed =
        "system/*.rs?_tag=x system/Observation.rs?category=vital-signs system/Patient.rs";
    for access in [system(T), caller("practice"), scoped("practice", narrowed)] {
        let view = store.view(&access);
        let mut all = vec![
            view.of_episode(&id("e"), Bodies::All).sql(),
            view.of_ground(&id("e"), &id("p"), &[key("Organization", "o")])
                .sql(),
            view.of_past(Versions::Of(&key("Observation", "o")), &every())
                .sql(),
        ];
        for record in [
            Record::Patient(id("p")),
            Record::Episode {
                episode: id("e"),
                patient: id("p"),
            },
        ] {
            let asked = Everything {
                record,
                kinds: Some(vec!["Observation"]),
                since: Some(1),
                start: Some(1),
                end: Some(2),
                hidden: vec![("Patient", "general-practitioner")],
            };
            let after = key("Observation", "o");
            all.push(view.of_everything(&asked, 100, Some(&after)).sql());
        }
        for (whose, being) in [
            (Whose::All, Being::Present),
            (Whose::Patients, Being::Present),
            (Whose::Of(vec![id("p")]), Being::Present),
            (Whose::Members(id("g")), Being::Present),
            (Whose::All, Being::Deleted),
            (Whose::Members(id("g")), Being::Deleted),
        ] {
            let portion = Portion {
                kind: "Observation",
                being,
                whose,
                since: Some(1),
                any: vec![query(
                    "Observation",
                    "category=vital-signs&date=ge2026-01-01",
                )],
            };
            all.push(view.of_export(&portion, 100, "o").sql());
        }
        for (kind, query) in [
            (
                "Observation",
                "patient=Patient/p&code=http://loinc.org|8867-4&date=ge2026-01-01",
            ),
            (
                "Observation",
                "patient=Patient/p&category=vital-signs&_sort=-date",
            ),
            ("Patient", "identifier=urn:x|1"),
            (
                "Observation",
                "patient=Patient/p&value-quantity=gt5|http://unitsofmeasure.org|mg",
            ),
            (
                "Observation",
                "value-quantity=gt5|http://unitsofmeasure.org|mg",
            ),
            (
                "Observation",
                "code-value-quantity=http://loinc.org|8867-4$gt100",
            ),
            ("Observation", "performer:identifier=urn:npi|9"),
            ("Patient", "identifier:of-type=urn:types|MR|7"),
            ("QuestionnaireResponse", "questionnaire=http://x/q"),
            ("Questionnaire", "url=http://x/q"),
            ("Observation", "code:text=heart&_sort=-code,value-quantity"),
            (
                "Observation",
                "patient=Patient/p&_sort=-value-quantity,date",
            ),
            ("Patient", "name=load"),
            ("Task", "episode=EpisodeOfCare/e"),
            (
                "Composition",
                "patient=Patient/p&type=http://loinc.org|78472-8",
            ),
            ("Observation", "patient.identifier=urn:x|1&status=final"),
            ("Observation", "patient=Patient/p&encounter.status=finished"),
            ("Condition", "encounter.patient.name=load"),
            (
                "Patient",
                "_has:Observation:patient:code=http://loinc.org|8867-4",
            ),
            (
                "Patient",
                "identifier=urn:x|1&_has:Observation:patient:encounter.status=finished",
            ),
        ] {
            all.push(search(view, kind, query));
        }
        let along = "_include=Encounter:patient&_revinclude=Observation:encounter&_revinclude=Provenance:target";
        let found = BTreeMap::from([("Encounter", vec!["e", "f"])]);
        for include in &query("Encounter", along).include {
            for statement in view.asked(include, &found) {
                all.push(statement.sql());
            }
        }
        let several: Vec<SearchQuery> = ["Observation", "Task"]
            .into_iter()
            .map(|kind| {
                let within = within("Patient", "p", kind, &|_, _| false);
                let pairs = [("_tag".to_owned(), "x".to_owned())];
                let query = SearchQuery::parse(kind, &pairs, Handling::Strict);
                let (mut query, _) = query.expect("a query");
                query.within = within;
                query
            })
            .collect();
        all.push(view.page_of_all(&several).sql());
        for sql in all {
            let text = sql.text.clone();
            assert_eq!(walks(&store, sql).await, Vec::<String>::new(), "{text}");
        }
    }
    store.end().await;
}

#[tokio::test]
async fn a_patients_newest_records_are_found_in_their_order() {
    let store = sqlite("order_plan").await;
    let access = caller("practice");
    let view = store.view(&access);
    let newest = "patient=Patient/p&date=ge2026-01-01&_sort=-date&_count=20";
    let sql = search(view, "Observation", newest);
    let explain = Sql {
        text: format!("EXPLAIN QUERY PLAN {}", sql.text).into(),
        args: sql.args,
    };
    let steps = store.read(explain).await.expect("a plan");
    let steps: Vec<String> = steps.iter().map(|row| row.text(3).to_string()).collect();
    let keys = "SEARCH r USING INDEX resource_patient_date (tenant=? AND patient=? AND type=?)";
    assert!(steps.iter().any(|step| step == keys), "{steps:?}");
    store.end().await;
}
