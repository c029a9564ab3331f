//! What each party sees after the play, and the lines to try next.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::Value;

use super::player::{Caller, Played};
use super::script::Party;
use crate::error::{Error, Result};

/// Prints it.
///
/// # Errors
/// Where the service cannot be reached.
pub async fn show(callers: &HashMap<Party, Caller>, played: &Played) -> Result<()> {
    println!(
        "\n{} commands played; the episode is {}.\n",
        played.steps, played.episode
    );
    let caller = |party| {
        callers
            .get(&party)
            .ok_or_else(|| Error::internal("a party without a token"))
    };
    practice(caller(Party::Practice)?, played).await?;
    private(caller(Party::Practice)?, caller(Party::Partner)?, played).await?;
    partner(caller(Party::Partner)?, played).await?;
    let composition = ehr(caller(Party::Ehr)?).await?;
    let base = &caller(Party::Practice)?.base;
    let theirs = &caller(Party::Partner)?.base;
    let token = |party| {
        callers
            .get(&party)
            .map(|c| c.token.as_str())
            .unwrap_or_default()
    };
    println!("\nTry it (these tokens live for five minutes):\n");
    println!("  PRACTICE={}", token(Party::Practice));
    println!("  PARTNER={}", token(Party::Partner));
    println!("  EHR={}\n", token(Party::Ehr));
    println!(
        "  curl -s -H \"Authorization: Bearer $PRACTICE\" {base}/kap/v1/episodes/{}",
        played.episode
    );
    println!(
        "  curl -s -H \"Authorization: Bearer $PRACTICE\" {base}/kap/v1/episodes/{}/trends",
        played.episode
    );
    println!("  curl -s -H \"Authorization: Bearer $PRACTICE\" {base}/kap/v1/worklist");
    println!(
        "  curl -s -H \"Authorization: Bearer $PARTNER\" '{theirs}/fhir/Task?status=completed'"
    );
    if let Some(id) = composition {
        println!(
            "  curl -s -H \"Authorization: Bearer $EHR\" '{base}/fhir/Composition/{id}/$document'"
        );
    }
    println!("  API page: {base}/docs");
    Ok(())
}

async fn practice(caller: &Caller, played: &Played) -> Result<()> {
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let episode = caller.send(Method::GET, &path, None).await?.body;
    let derived = &episode["derived"];
    println!(
        "The practice sees the whole episode: phase {}, version {}.",
        episode["phase"], episode["version"]
    );
    println!(
        "  dosing sessions completed {}, lozenges left {}, PHQ-9 {} -> {}, next follow-up due {}",
        derived["dosingSessionsCompleted"],
        derived["lozenges"]["remaining"],
        derived["outcomeTrend"]["PHQ-9"]["baseline"],
        derived["outcomeTrend"]["PHQ-9"]["latest"],
        derived["nextMedicalFollowUpDue"],
    );
    Ok(())
}

/// The notes that stay in the practice: read by who wrote them, and not there for anybody else.
async fn private(practice: &Caller, partner: &Caller, played: &Played) -> Result<()> {
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let episode = practice.send(Method::GET, &path, None).await?.body;
    let team = episode["careTeam"].as_array().into_iter().flatten();
    let leads = team.filter(|m| m["role"] == "lead-therapist");
    let author = leads.map(|m| text(&m["id"])).next().unwrap_or_default();
    let path = format!("{path}/private-notes?authorId={author}");
    let own = practice.send(Method::GET, &path, None).await?.body;
    let theirs = partner.send(Method::GET, &path, None).await?;
    println!(
        "The therapist's private notes are sealed: {} of them; the partner, asking for them, hears {}.",
        own["items"].as_array().map_or(0, Vec::len),
        theirs.status
    );
    Ok(())
}

async fn partner(caller: &Caller, played: &Played) -> Result<()> {
    let path = format!(
        "/fhir/MedicationAdministration?episode={}&_sort=effective-time",
        played.episode
    );
    let doses = caller.send(Method::GET, &path, None).await?.body;
    println!("The partner sees every dose:");
    for entry in doses["entry"].as_array().into_iter().flatten() {
        let dose = &entry["resource"];
        let mg = &dose["dosage"]["dose"];
        println!(
            "  {} {} {} {}",
            text(&dose["effectiveDateTime"]),
            dose["status"],
            mg["value"],
            text(&mg["unit"])
        );
    }
    Ok(())
}

async fn ehr(caller: &Caller) -> Result<Option<String>> {
    let found = caller.send(
        Method::GET,
        "/fhir/Composition?type=http://loinc.org|78472-8&_sort=-date&_count=1",
        None,
    );
    let found = found.await?.body;
    let composition = &found["entry"][0]["resource"];
    let Some(id) = composition["id"].as_str() else {
        println!("The EHR sees no dosing summary.");
        return Ok(None);
    };
    let document = caller
        .send(
            Method::GET,
            &format!("/fhir/Composition/{id}/$document"),
            None,
        )
        .await?
        .body;
    let entries = document["entry"].as_array().map_or(0, Vec::len);
    println!(
        "The EHR pulls the newest dosing summary as a document of {entries} resources: {}",
        text(&composition["title"])
    );
    Ok(Some(id.to_owned()))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
