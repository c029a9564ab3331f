//! What is wrong with a search is told whole, and where it stands.

use kap_fhir::demo::script::Party;
use reqwest::Method;

use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{call, get, referred, text};

both!(every_fault_is_an_issue_of_its_own);

async fn every_fault_is_an_issue_of_its_own(db: Db) {
    let app = TestApp::start(db, &referred()).await;
    let practice = app.as_party(Party::Practice);
    let path =
        "/fhir/Observation?colour=red&date=soon&value-quantity=heavy&code:like=x&_sort=shape&size=";
    let strict = [("Prefer", "handling=strict")];
    for (headers, wanted) in [
        (
            &strict[..],
            &[
                ("http._sort", "not-supported"),
                ("http.code:like", "value"),
                ("http.colour", "not-supported"),
                ("http.date", "value"),
                ("http.size", "value"),
                ("http.value-quantity", "value"),
            ][..],
        ),
        (
            &[],
            &[
                ("http._sort", "not-supported"),
                ("http.code:like", "value"),
                ("http.date", "value"),
                ("http.value-quantity", "value"),
            ],
        ),
    ] {
        let outcome = call(practice, Method::GET, path, headers, None)
            .await
            .expect(400);
        let mut told: Vec<(String, String)> = outcome["issue"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|i| {
                (
                    text(&i["expression"][0]).to_owned(),
                    text(&i["code"]).to_owned(),
                )
            })
            .collect();
        told.sort();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(at, code)| ((*at).to_owned(), (*code).to_owned()))
            .collect();
        assert_eq!(told, wanted, "{outcome}");
    }
    let set = get(practice, "/fhir/Observation?colour=red&size=&status=final")
        .await
        .expect(200);
    let outcome = &set["entry"][0]["resource"]["issue"][0]["diagnostics"];
    assert!(text(outcome).contains("colour, size"), "{set}");
    app.stop().await;
}
