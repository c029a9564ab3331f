//! The data of the load: patients with observations, and episodes with a dosing session in progress.
//!
//! Written through the library's one way in, as the service itself would store them. All of it is synthetic.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use kap_fhir::access::label::Labelling;
use kap_fhir::access::{Access, Caller, Labels, Scopes};
use kap_fhir::app::App;
use kap_fhir::demo::script::Party;
use kap_fhir::demo::{Account, SAMPLE, set_up};
use kap_fhir::error::{Error, Result};
use kap_fhir::fhir::resource::{Key, Resource};
use kap_fhir::interaction::commit::{Change, Changes, commit, lost};
use kap_fhir::interaction::episode::DIRECTORY;
use kap_fhir::interaction::practice::{documents, grants, head, party};
use kap_fhir::kap::base::Instant;
use kap_fhir::kap::dosing::SessionStatus;
use kap_fhir::kap::{Episode, Id, lift};
use kap_fhir::{cli, mapping, store};
use serde_json::Value;

/// How much is seeded.
#[derive(Debug)]
pub struct Plan {
    pub patients: usize,
    pub observations: usize,
    pub episodes: usize,
}

/// What was seeded.
#[derive(Debug)]
pub struct Seeded {
    /// The client that asks, and one that is told what consents permit.
    pub practice: Account,
    pub partner: Account,
    pub names: Arc<Names>,
    pub resources: usize,
}

/// Ids to ask for.
#[derive(Debug, Default)]
pub struct Names {
    pub patients: Vec<String>,
    pub observations: Vec<String>,
    /// An episode and its session.
    pub episodes: Vec<(Id, Id)>,
}

/// LOINC codes of the observations, with their unit.
pub const CODES: [(&str, &str, &str); 5] = [
    ("8480-6", "Systolic blood pressure", "mm[Hg]"),
    ("8462-4", "Diastolic blood pressure", "mm[Hg]"),
    ("8867-4", "Heart rate", "/min"),
    (
        "59408-5",
        "Oxygen saturation in Arterial blood by Pulse oximetry",
        "%",
    ),
    (
        "44261-6",
        "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]",
        "{score}",
    ),
];

/// Fills the database at `url`, which must be empty.
pub async fn seed(url: &str, plan: &Plan) -> Result<Seeded> {
    let app = cli::app(url, "default", "http://127.0.0.1", None, 2).await?;
    let mut episode = lift::lift(SAMPLE)?.episode;
    let accounts = set_up(&app, &episode).await?;
    let mut accounts = accounts.into_iter();
    let mut of = |party| {
        let found = accounts.find(|a| a.party == party);
        found.ok_or_else(|| Error::internal("the demonstration lacks a party"))
    };
    let (practice, partner) = (of(Party::Practice)?, of(Party::Partner)?);
    let mut seeding = Seeding {
        access: access(&app, &practice)?,
        app,
        owner: practice.organization.clone(),
        names: Names::default(),
        resources: 0,
    };
    for n in 0..plan.patients {
        seeding.patient(&episode, n, plan.observations).await?;
    }
    begin(&mut episode);
    let mut shared = HashSet::new();
    for n in 0..plan.episodes {
        seeding.episode(&episode, n, &mut shared).await?;
    }
    seeding.app.store.close().await;
    Ok(Seeded {
        practice,
        partner,
        names: Arc::new(seeding.names),
        resources: seeding.resources,
    })
}

fn access(app: &App, account: &Account) -> Result<Access> {
    let caller = Caller {
        client: account.client.into(),
        organization: account.organization.clone(),
        role: account.role,
        scopes: Scopes::parse(account.scope).map_err(Error::internal)?,
        purpose: "TREAT".into(),
        token: "seed".into(),
    };
    Ok(Access::of(app.tenant.clone(), caller, app.clock.millis()))
}

/// Takes the episode back to its last dosing session before the first dose.
fn begin(episode: &mut Episode) {
    let last = episode.sessions.iter().rposition(|s| s.dosing.is_some());
    episode.sessions.truncate(last.map_or(0, |n| n + 1));
    if let Some(session) = episode.sessions.last_mut() {
        session.status = SessionStatus::InProgress;
        session.end = None;
        if let Some(dosing) = &mut session.dosing {
            dosing.doses.clear();
            dosing.effects = None;
            dosing.discharge = None;
        }
    }
}

struct Seeding {
    app: App,
    access: Access,
    owner: Id,
    names: Names,
    resources: usize,
}

impl Seeding {
    async fn store(&mut self, set: Changes) -> Result<()> {
        self.resources += set.changes.len();
        commit(&self.app, &self.access, "seed", set)
            .await?
            .map(drop)
            .map_err(lost)
    }

    fn change(&self, resource: Resource, episode: Option<&Id>) -> Change {
        Change {
            resource,
            over: None,
            owner: self.owner.clone(),
            author: self.owner.clone(),
            class: None,
            episode: episode.cloned(),
            by_caller: None,
            labelling: Labelling::Built(Labels::NONE),
        }
    }

    async fn patient(&mut self, model: &Episode, n: usize, observations: usize) -> Result<()> {
        let id = format!("load-patient-{n}");
        let text = format!(
            r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:load","value":"{n}"}}],"name":[{{"family":"Load{n}","given":["Synthetic"]}}],"gender":"unknown","birthDate":"1980-01-01"}}"#
        );
        let mut changes = vec![self.change(resource(&text, "Patient", &id)?, None)];
        for k in 0..observations {
            let own = format!("load-observation-{n}-{k}");
            let text = observation(&id, n, k);
            changes.push(self.change(resource(&text, "Observation", &own)?, None));
            self.names.observations.push(own);
        }
        let steps = grants::steps(self.access.tenant(), &consented(model, n, &id)?);
        self.names.patients.push(id);
        self.store(Changes {
            changes,
            steps,
            ..Changes::default()
        })
        .await
    }

    async fn episode(
        &mut self,
        model: &Episode,
        n: usize,
        shared: &mut HashSet<Key>,
    ) -> Result<()> {
        let mut episode = renamed(model, n)?;
        episode.version = 1;
        let id = episode.episode_id.clone();
        let mut built = mapping::all_to_fhir(&episode.facts(), &episode);
        built.retain(|r| !DIRECTORY.contains(&&*r.key.kind));
        built.extend(self.papers(&episode, &built, n));
        // The people of the directory stand once for all.
        built.retain(|r| shared.insert(r.key.clone()));
        let changes = built
            .into_iter()
            .map(|r| self.change(r, Some(&id)))
            .collect();
        let tenant = self.access.tenant();
        let mut steps = store::episode::open(tenant, &head::of(&episode, self.app.clock.millis()));
        steps.extend(party::steps(tenant, &episode));
        steps.extend(grants::steps(tenant, &episode));
        let session = episode.sessions.last().map(|s| s.id.clone());
        self.names.episodes.push((id, session.unwrap_or_default()));
        self.store(Changes {
            changes,
            steps,
            ..Changes::default()
        })
        .await
    }
}

impl Seeding {
    /// What the commands of such an episode would have left beside its facts: documents, and who wrote what.
    fn papers(&self, episode: &Episode, built: &[Resource], n: usize) -> Vec<Resource> {
        let mut before = episode.clone();
        before.sessions.clear();
        before.referrals.clear();
        before.clearances.clear();
        let at = Instant(self.app.clock.now());
        let mut out = documents::due(&before, episode, at);
        for (i, written) in built.chunks(2).enumerate() {
            let keys: Vec<Key> = written.iter().map(|r| r.key.clone()).collect();
            let id = Id::new(format!("load-provenance-{n}-{i}")).unwrap_or_default();
            out.push(mapping::provenance::write(
                &id,
                &keys,
                &self.owner,
                at,
                Labels::PSY.or(Labels::R),
                episode,
            ));
        }
        out
    }
}

/// An episode with the consents of the model, as of this patient.
fn consented(model: &Episode, n: usize, patient: &str) -> Result<Episode> {
    let mut episode = renamed(model, n)?;
    let own = |text: String| Id::new(text).ok_or_else(|| Error::internal("an id that is none"));
    episode.episode_id = own(format!("load-consents-{n}"))?;
    episode.patient.id = own(patient.to_owned())?;
    Ok(episode)
}

fn resource(text: &str, kind: &str, id: &str) -> Result<Resource> {
    let id = Id::new(id).ok_or_else(|| Error::internal("an id that is none"))?;
    Resource::received(text.as_bytes(), Some(kind), None, || id)
}

/// An observation of about 1 KB; those of one code are spread over the year.
fn observation(patient: &str, n: usize, k: usize) -> String {
    let (code, display, unit) = CODES[k % CODES.len()];
    let (month, day, hour) = (1 + (k / CODES.len()) % 12, 1 + (n + k) % 28, k % 24);
    let when = format!("2026-{month:02}-{day:02}T{hour:02}:15:00Z");
    let value = 60 + (n * 7 + k) % 80;
    format!(
        r#"{{"resourceType":"Observation","meta":{{"tag":[{{"system":"urn:load","code":"load"}}]}},"identifier":[{{"system":"urn:load","value":"{n}-{k}"}}],"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}}],"text":"Vital Signs"}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}","display":"{display}"}}],"text":"{display}"}},"subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"{when}","issued":"{when}","performer":[{{"display":"Synthetic monitor"}}],"valueQuantity":{{"value":{value},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}},"interpretation":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}}]}}],"note":[{{"text":"Synthetic observation of a dosing session, forty minutes after the dose; resting, with eyeshades."}}]}}"#
    )
}

/// A dose of the session, `minute` minutes after ten.
pub fn dose(minute: usize) -> String {
    format!(
        r#"{{"at":"2026-07-18T10:{minute:02}:00-07:00","kind":"booster","status":"completed","doseMg":1,"units":0.01,"route":{{"system":"http://snomed.info/sct","code":"37839007","display":"Sublingual route"}},"performer":"patient","holdMinutes":12,"expectorated":true}}"#
    )
}

/// The same episode with ids of its own; people and organizations of the directory keep theirs.
fn renamed(model: &Episode, n: usize) -> Result<Episode> {
    let mut value = serde_json::to_value(model).map_err(Error::internal)?;
    let mut own = BTreeSet::new();
    for (name, part) in value.as_object().into_iter().flatten() {
        if name != "careTeam" && name != "organizations" {
            ids(part, &mut own);
        }
    }
    if let Some(id) = value["episodeId"].as_str() {
        own.insert(id.to_owned());
    }
    rename(&mut value, &own, n);
    serde_json::from_value(value).map_err(Error::internal)
}

fn ids(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|i| ids(i, out)),
        Value::Object(fields) => {
            out.extend(fields.get("id").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|f| ids(f, out));
        }
        _ => {}
    }
}

fn rename(value: &mut Value, own: &BTreeSet<String>, n: usize) {
    match value {
        Value::String(text) if own.contains(text) => *text = format!("{text}-{n}"),
        Value::Array(items) => items.iter_mut().for_each(|i| rename(i, own, n)),
        Value::Object(fields) => fields.values_mut().for_each(|f| rename(f, own, n)),
        _ => {}
    }
}
