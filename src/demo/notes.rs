//! The practice-only part of an episode file, and the keys of the demonstration.
//!
//! What has no place in the record (practice-only intentions, the inner experience of a dose, psychotherapy notes) goes
//! to the practice's private notes, so that nothing of a file is lost.

use std::path::Path;

use serde_json::{Value, json};

use super::script::{Step, note};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::interaction::private_note::keys::unlock;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::Session;
use crate::kap::{Episode, Phase};
use crate::private::{Ring, file};

/// Gives the demonstration new keys, in its own folder.
///
/// # Errors
/// Where the file cannot be written.
pub async fn make_keys(app: &App, folder: &Path) -> Result<()> {
    let path = folder.join("private-keys.json");
    if path.exists() {
        std::fs::remove_file(&path).map_err(Error::internal)?;
    }
    let ring = Ring::generate(&app.clock)?;
    file::create(&path, &ring)?;
    println!(
        "Private notes are sealed with keys in {}; in production keep that file apart from the database.",
        path.display()
    );
    unlock(app, ring, Some(path)).await
}

/// The notes that the practice keeps of `episode`, read from its file: what [`crate::kap::lift::lift`] leaves out
/// because it is practice-only.
///
/// # Errors
/// `Invalid` where the text is no JSON.
pub fn of_file(text: &str, episode: &Episode) -> Result<Vec<Step>> {
    let file: Value = serde_json::from_str(text)
        .map_err(|e| Error::new(Kind::Invalid, format!("The file is no JSON: {e}.")))?;
    let mut steps = Vec::new();
    for intention in list(&file, "intentions") {
        if intention["sharing"] == "practice-only" {
            steps.push(of_intention(intention, episode));
        }
    }
    for told in list(&file, "sessions") {
        let own = |s: &&Session| told["id"] == s.id.as_str();
        let Some(session) = episode.sessions.iter().find(own) else {
            continue;
        };
        steps.extend(of_experience(session, told, episode));
        steps.extend(of_talk(session, told, episode));
    }
    Ok(steps)
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

fn of_intention(intention: &Value, episode: &Episode) -> Step {
    let mut body = json!({ "kind": "intention", "authorId": author(None, episode) });
    for name in ["text", "expressedBy", "at", "category", "measure", "target"] {
        if !intention[name].is_null() {
            body[name] = intention[name].clone();
        }
    }
    let at = intention["at"].as_str().and_then(|at| at.parse().ok());
    note(at.unwrap_or(prepared(episode)), body)
}

fn of_experience(session: &Session, told: &Value, episode: &Episode) -> Option<Step> {
    let effects = &told["dosing"]["effects"];
    let mut body = about("imagery", session, episode);
    for (name, own) in [
        ("experienceType", "experienceType"),
        ("domains", "domains"),
        ("summary", "text"),
    ] {
        if !effects[name].is_null() {
            body[own] = effects[name].clone();
        }
    }
    let says = ["experienceType", "domains", "text"];
    says.iter()
        .any(|name| !body[*name].is_null())
        .then(|| note(end(session), body))
}

/// A file says that a psychotherapy note exists; the note itself is not in it, so the demonstration writes one.
fn of_talk(session: &Session, told: &Value, episode: &Episode) -> Option<Step> {
    let said = [told, &told["integration"]];
    said.iter()
        .any(|v| v["psychotherapyNoteRef"]["exists"] == true)
        .then(|| {
            let mut body = about("psychotherapy-note", session, episode);
            body["text"] =
                json!("SYNTHETIC. Stands for the note that the practice holds of this session.");
            note(end(session), body)
        })
}

fn about(kind: &str, session: &Session, episode: &Episode) -> Value {
    json!({
        "kind": kind,
        "authorId": author(Some(&session.lead_id), episode),
        "sessionId": session.id,
        "at": end(session),
    })
}

fn end(session: &Session) -> Instant {
    session.end.unwrap_or(session.start)
}

/// The practice's own clinician who led, else the first of the practice.
fn author(led: Option<&Id>, episode: &Episode) -> Id {
    let own =
        |m: &&crate::kap::people::Member| m.organization_id == episode.organizations.practice.id;
    let mut team = episode.care_team.iter().filter(own);
    let lead = team.clone().find(|m| Some(&m.id) == led);
    lead.or_else(|| team.next())
        .map(|m| m.id.clone())
        .unwrap_or_default()
}

/// When preparation began, for what has no time of its own.
fn prepared(episode: &Episode) -> Instant {
    let all = &episode.phase_history;
    let entry = all.iter().find(|p| p.phase == Phase::Preparation);
    entry
        .or(all.last())
        .map_or(Instant(time::OffsetDateTime::UNIX_EPOCH), |p| p.from)
}
