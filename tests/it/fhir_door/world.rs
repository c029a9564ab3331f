//! Two practices and three patients, for tests of what must stay apart.

use kap_fhir::access::Role;
use kap_fhir::demo::player::{Played, play};
use kap_fhir::interaction::directory::put_organization;
use kap_fhir::kap::Id;

use super::*;
use crate::client::client;

/// A practice with two patients, and another practice with the same partner.
pub struct World {
    pub app: TestApp,
    pub own: Played,
    pub neighbour: Played,
    pub stranger: Played,
}

fn another(identifier: &str) -> Episode {
    let mut episode = referred();
    episode.patient.identifiers[0].value = identifier.into();
    episode
}

impl World {
    pub async fn new(db: Db) -> Self {
        let (app, own) = TestApp::played(db, &cleared()).await;
        let next = another("SYN-200001");
        let neighbour = play(&next, &app.callers, "neighbour", |_, _| {}).await;
        let neighbour = neighbour.expect("the neighbour's episode");

        let mut far = another("SYN-300001");
        let elsewhere = Id::new("org-practice-02").expect("id");
        let here = std::mem::replace(&mut far.organizations.practice.id, elsewhere.clone());
        for member in far
            .care_team
            .iter_mut()
            .filter(|m| m.organization_id == here)
        {
            member.organization_id = elsewhere.clone();
        }
        let practice = &far.organizations.practice;
        put_organization(&app.app, practice)
            .await
            .expect("organization");
        let name = "practice-02";
        let role = Role::PracticeTherapist;
        let caller = client(&app, name, elsewhere.as_str(), role, "system/*.cruds").await;
        let mut callers = app.callers.clone();
        callers.insert(Party::Practice, caller);
        let stranger = play(&far, &callers, "stranger", |_, _| {}).await;
        let stranger = stranger.expect("the stranger's episode");
        Self {
            app,
            own,
            neighbour,
            stranger,
        }
    }

    pub fn practice(&self) -> &Caller {
        self.app.as_party(Party::Practice)
    }

    pub fn partner(&self) -> &Caller {
        self.app.as_party(Party::Partner)
    }

    /// The id of one of an episode's resources.
    pub async fn first(&self, kind: &str, of: &Played) -> String {
        let path = format!("/fhir/{kind}?patient=Patient/{}&_count=1", patient(of));
        let set = get(self.partner(), &path).await.expect(200);
        let id = &set["entry"][0]["resource"]["id"];
        format!("{kind}/{}", id.as_str().expect("a resource of that kind"))
    }

    /// A message in the first patient's record.
    pub fn message(&self, about: &[&str]) -> Value {
        let member =
            |name: &str| json!({ "reference": format!("Practitioner/{}", self.own.names[name]) });
        let about: Vec<Value> = about.iter().map(|r| json!({ "reference": r })).collect();
        let mut message = json!({ "resourceType": "Communication", "status": "completed",
            "subject": { "reference": format!("Patient/{}", patient(&self.own)) },
            "sender": member("prac-ther-01"), "recipient": [member("prac-pres-01")],
            "sent": "2026-11-01T10:00:00Z", "about": about });
        if message["about"] == json!([]) {
            message.as_object_mut().map(|m| m.remove("about"));
        }
        message
    }

    pub async fn send(&self, about: &[&str]) -> Answer {
        post(self.practice(), "/fhir/Communication", &self.message(about)).await
    }

    pub async fn messages(&self) -> usize {
        let set = get(
            self.practice(),
            "/fhir/Communication?_count=0&_total=accurate",
        );
        let total = set.await.expect(200)["total"].as_u64();
        usize::try_from(total.expect("a total")).expect("a number")
    }
}

pub fn patient(of: &Played) -> &str {
    &of.names["pat-0001"]
}
