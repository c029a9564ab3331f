//! Tells a partner what to change in a record of theirs that does not fit.

use reqwest::Method;
use serde_json::{Value, json};

use super::ability::Abilities;
use super::bundle;
use super::remote::{Ask, Remote};
use super::trouble::Trouble;
use crate::fhir::resource::instant;
use crate::mapping::exchange::URI;
use crate::store::partner::review::{self, Review};

/// Answers at once at most.
const MOST: i64 = 100;
/// So many that the server breaks down at, or lets nobody write, and it is told nothing more this time.
const FAILED: usize = 3;

/// Answers what was not answered yet: with a Communication, or a Task where the server has no room for those.
pub(super) async fn answer(remote: &Remote<'_>, abilities: &Abilities) -> Result<(), Trouble> {
    let (app, partner) = (remote.app, remote.partner);
    let kind = ["Communication", "Task"]
        .into_iter()
        .find(|kind| abilities.can(kind, "create"));
    let Some(kind) = kind else {
        return Ok(());
    };
    let waiting = app
        .store
        .reviews_to_answer(&app.tenant, &partner.id, MOST)
        .await?;
    let (mut failed, mut first) = (0, None);
    for one in &waiting {
        let address = format!(
            "{}/partner/{}/{}/{}/{}",
            app.base, partner.id, one.kind, one.there, one.digest
        );
        let said = said(kind, one, &address, &instant(app.clock.now()));
        let unless = bundle::criteria(URI, &address);
        let mut ask = Ask {
            body: Some(said.to_string()),
            headers: vec![],
        };
        if abilities.creates_once(kind) {
            ask.headers.push(("if-none-exist", &unless));
        }
        let reply = match remote.at(Method::POST, kind, ask).await {
            // It stays unanswered; the next one may be taken, but not for ever.
            Err(trouble) if trouble.failure.is_of_one_question() => {
                failed += 1;
                if failed == FAILED {
                    return Err(trouble);
                }
                first.get_or_insert(trouble);
                continue;
            }
            heard => heard?,
        };
        if !matches!(reply.status, 200 | 201) {
            // It stays unanswered, and is seen here; the rest of the feed goes on.
            tracing::warn!(
                partner = &*partner.id,
                status = reply.status,
                "an answer to a partner is not taken"
            );
            continue;
        }
        let step = review::answered(&app.tenant, &partner.id, one);
        let _ = app.store.write("partner answered", vec![step]).await?;
    }
    first.map_or(Ok(()), Err)
}

fn said(kind: &str, one: &Review, address: &str, now: &str) -> Value {
    let body: Value = serde_json::from_str(&one.body).unwrap_or_default();
    let patient = if one.kind.as_ref() == "Task" {
        &body["for"]
    } else {
        &body["subject"]
    };
    let about = json!({ "reference": format!("{}/{}", one.kind, one.there) });
    let text = format!("This record is not taken over. {}", one.reason);
    if kind == "Communication" {
        let category = json!({ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/communication-category",
            "code": "notification",
        }]});
        return json!({
            "resourceType": "Communication",
            "identifier": [{ "system": URI, "value": address }],
            "status": "completed",
            "category": [category],
            "subject": patient,
            "about": [about],
            "sent": now,
            "payload": [{ "contentString": text }],
        });
    }
    json!({
        "resourceType": "Task",
        "identifier": [{ "system": URI, "value": address }],
        "status": "requested",
        "intent": "order",
        "focus": about,
        "for": patient,
        "description": text,
        "authoredOn": now,
    })
}
