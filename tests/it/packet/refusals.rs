//! What a packet may not be.

use super::*;
use crate::fhir_door::STRUCTURE;

both!(a_packet_is_refused_whole);

async fn a_packet_is_refused_whole(db: Db) {
    let pair = Pair::new(db).await;
    let before = pair.count().await;
    let partner = pair.partner.as_party(Party::Partner);
    let other = parcel::another_practice(&pair.partner).await;
    let whole = &pair.parcel;

    let by_partner = post(partner, "/fhir", &whole.bundle()).await;
    assert_eq!(by_partner.status, 403, "{}", by_partner.text);
    let (_, n) = whole.with("EpisodeOfCare", |_| {});
    let at = |n: usize, below: &str| format!("Bundle.entry[{n}].resource{below}");
    let by_other = post(&other, "/fhir", &whole.bundle()).await;
    assert_eq!(
        (by_other.status, by_other.expression()),
        (403, at(n, ".managingOrganization")),
        "{}",
        by_other.text
    );

    let mut wrong: Vec<(Parcel, u16, String)> = Vec::new();
    let (parcel, _) = whole.with("EpisodeOfCare", |r| {
        r["managingOrganization"]["reference"] = json!("Organization/org-practice-02");
    });
    wrong.push((parcel, 403, at(n, ".managingOrganization")));
    let (parcel, _) = whole.with("EpisodeOfCare", |r| {
        let text = r
            .to_string()
            .replace("Organization/org-partner-01", "Organization/nobody");
        *r = serde_json::from_str(&text).expect("JSON");
    });
    wrong.push((parcel, 422, String::new()));
    let (parcel, _) = whole.with("EpisodeOfCare", |r| {
        let text = r.to_string().replace(
            "Organization/org-partner-01",
            "Organization/org-practice-02",
        );
        *r = serde_json::from_str(&text).expect("JSON");
    });
    wrong.push((
        parcel,
        422,
        at(
            n,
            &format!(".extension('{STRUCTURE}/kap-partner-organization')"),
        ),
    ));
    let (parcel, _) = whole.with("EpisodeOfCare", |r| {
        r["meta"] = json!({ "tag": [{ "code": "x" }] });
        r.as_object_mut().map(|m| m.remove("extension"));
    });
    wrong.push((parcel, 422, at(n, "")));
    let (parcel, _) = whole.with("EpisodeOfCare", |r| {
        let mut phase = r["extension"].clone();
        phase[0]["valueCodeableConcept"]["coding"][0]["code"] = json!("nowhere");
        r["extension"] = phase;
    });
    wrong.push((parcel, 422, String::new()));
    let mut parcel = whole.clone();
    parcel
        .0
        .retain(|entry| entry["resource"]["resourceType"] != "Patient");
    wrong.push((parcel, 422, String::new()));
    // A part that the mapping cannot read.
    let (parcel, n) = whole.with("Consent", |r| {
        let list = r["extension"].as_array().cloned().unwrap_or_default();
        let kept: Vec<Value> = list
            .into_iter()
            .filter(|x| !text(&x["url"]).ends_with("kap-consent-kind"))
            .collect();
        r["extension"] = json!(kept);
    });
    let kind = format!(".extension('{STRUCTURE}/kap-consent-kind')");
    wrong.push((parcel, 422, at(n, &kind)));
    // One episode at a time, of one patient, and nothing that is of neither.
    let add = |resource: Value| {
        let mut parcel = whole.clone();
        let url = &resource["resourceType"];
        parcel
            .0
            .push(json!({ "resource": resource, "request": { "method": "POST", "url": url } }));
        (parcel, whole.0.len())
    };
    let (parcel, n) = add(whole.first("EpisodeOfCare")["resource"].clone());
    wrong.push((parcel, 422, at(n, "")));
    let (parcel, n) = add(
        json!({ "resourceType": "Patient", "name": [{ "family": "Other" }], "birthDate": "1980-01-01" }),
    );
    wrong.push((parcel, 422, at(n, "")));
    let (parcel, _) = add(json!({ "resourceType": "Communication", "status": "completed" }));
    wrong.push((parcel, 422, String::new()));
    for (parcel, status, expression) in wrong {
        let answer = pair.push(&parcel).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if !expression.is_empty() {
            assert_eq!(answer.expression(), expression, "{}", answer.text);
        }
        assert_eq!(pair.count().await, before);
    }
    pair.stop().await;
}
