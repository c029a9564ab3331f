//! A service with two episodes of one practice, on a database that can be looked at.

use kap_fhir::access::Role;
use kap_fhir::demo::player::{Caller, Played, play};
use kap_fhir::demo::script::Party;
use kap_fhir::kap::{Episode, Id};
use serde_json::{Value, json};

use crate::app::{Db, TestApp};
use crate::client::log_in;
use crate::idempotency::beginning;
use crate::raw::Place;
use crate::wire::Ask;

/// An id that nothing has.
pub const MISSING: &str = "00000000-0000-4000-8000-000000000000";

/// A service, two episodes, and the clinicians of the practice.
pub struct Bed {
    pub app: TestApp,
    pub played: Played,
    pub episode: String,
    /// Another episode of the same practice.
    pub another: String,
    pub session: String,
    /// The therapist.
    pub author: String,
    /// Her colleague.
    pub second: String,
}

/// The first sample's beginning, with a second therapist.
pub fn two_therapists() -> Episode {
    let mut episode = beginning();
    let mut colleague = episode.care_team[0].clone();
    colleague.id = Id::new("prac-ther-02").expect("id");
    "Robin Secondly, LCSW".clone_into(&mut colleague.name);
    colleague.npi = None;
    episode.care_team.push(colleague);
    episode
}

impl Bed {
    pub async fn new(db: Db) -> Self {
        let episode = two_therapists();
        let (app, played) = TestApp::played(db, &episode).await;
        let again = play(&episode, &app.callers, "again", |_, _| {}).await;
        let id = |name: &str| played.names[name].clone();
        Self {
            episode: played.episode.clone(),
            another: again.expect("every step is taken").episode,
            session: id(episode.sessions[0].id.as_str()),
            author: id("prac-ther-01"),
            second: id("prac-ther-02"),
            app,
            played,
        }
    }

    /// The database, behind the service's back.
    pub fn place(&self) -> &Place {
        self.app.place()
    }

    /// The client that stands for the practice's clinicians.
    pub fn own(&self) -> &Caller {
        self.app.as_party(Party::Practice)
    }

    pub fn practice(&self) -> String {
        let practice = self.app.logins.iter().find(|l| l.party == Party::Practice);
        practice.expect("practice").organization.to_string()
    }

    /// A psychotherapy note of the therapist.
    pub fn note(&self, text: &str) -> Value {
        json!({ "kind": "psychotherapy-note", "authorId": self.author, "text": text })
    }

    /// Stores a note and gives its id.
    pub async fn stored(&self, note: &Value) -> String {
        let path = format!("/kap/v1/episodes/{}/private-notes", self.episode);
        let heard = Ask::json(path, note).send(self.own()).await;
        assert_eq!(heard.status, 201, "{}", heard.text);
        heard.json()["id"].as_str().expect("id").to_owned()
    }

    /// The path of a note of the therapist.
    pub fn one(&self, note: &str) -> String {
        let (episode, author) = (&self.episode, &self.author);
        format!("/kap/v1/episodes/{episode}/private-notes/{note}?authorId={author}")
    }

    /// The path of all notes of the therapist.
    pub fn all(&self) -> String {
        let (episode, author) = (&self.episode, &self.author);
        format!("/kap/v1/episodes/{episode}/private-notes?authorId={author}")
    }

    /// The list of the therapist's notes.
    pub async fn heads(&self, more: &str) -> Vec<Value> {
        let heard = Ask::get(format!("{}{more}", self.all()))
            .send(self.own())
            .await;
        assert_eq!(heard.status, 200, "{}", heard.text);
        heard.json()["items"].as_array().expect("items").clone()
    }

    /// A therapist's client of an organization.
    pub async fn therapist(&self, name: &str, organization: &str) -> Caller {
        client(&self.app, name, organization, Role::PracticeTherapist).await
    }

    /// A registered client with a narrower token.
    pub async fn again(&self, name: &str, scope: &str) -> Caller {
        let login = self.app.logins.iter().find(|l| l.client == name);
        log_in(&self.app, name, &login.expect("login").key, scope).await
    }

    /// A client of every other kind, and a therapist's of another practice.
    pub async fn others(&self) -> Vec<(&'static str, Caller)> {
        let (app, practice) = (&self.app, self.practice());
        let partner = app.logins.iter().find(|l| l.party == Party::Partner);
        let partner = partner.expect("partner").organization.to_string();
        let mut all = vec![
            ("partner", app.as_party(Party::Partner).clone()),
            ("pharmacy", app.as_party(Party::Pharmacy).clone()),
            ("ehr", app.as_party(Party::Ehr).clone()),
        ];
        for (name, organization, role) in [
            ("admin", practice.as_str(), Role::PracticeAdmin),
            ("nurse", &partner, Role::PartnerNurse),
            ("integrator", &practice, Role::Integrator),
            ("privacy-officer", &practice, Role::PrivacyOfficer),
            ("stranger", "org-other-practice", Role::PracticeTherapist),
        ] {
            all.push((name, client(app, name, organization, role).await));
        }
        all
    }

    pub async fn end(self) {
        self.app.stop().await;
    }
}

/// A new client with all scopes, logged in.
pub async fn client(app: &TestApp, name: &str, organization: &str, role: Role) -> Caller {
    crate::client::client(app, name, organization, role, "system/*.cruds").await
}
