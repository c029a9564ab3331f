//! People and place of the session: chaperone and way home, presence, location, emergency plan (05, 13, 22, 33, 34).

use super::{Gate, PATIENT, THERAPIST};
use crate::kap::Episode;
use crate::kap::base::{Day, Id, TelecomSystem};
use crate::kap::consent::ConsentKind;
use crate::kap::dosing::{Checklist, Dosing, EncounterClass, Session, Setting};
use crate::kap::people::RelatedRole;

impl Gate<'_> {
    /// Chaperone or way home, and the therapist's presence (13, 22).
    pub(super) fn people(&mut self, session: &Session, dosing: &Dosing) {
        let list = dosing.pre_dose_checklist.as_ref();
        if session.is_remote() {
            self.chaperone(list);
        } else if !list
            .and_then(|l| l.transport.as_ref())
            .is_some_and(|t| t.arranged)
        {
            self.warn("KAP-INV-13", "way home not arranged", THERAPIST);
        }
        if session.therapist_presence.is_none() {
            let text = "therapist's mode of presence not recorded";
            self.block("KAP-INV-22", "state-conflict", text, THERAPIST);
        }
    }

    fn chaperone(&mut self, list: Option<&Checklist>) {
        let Some(check) = list.and_then(|l| l.chaperone.as_ref()) else {
            let text = "adult chaperone in residence not recorded";
            return self.block("KAP-INV-13", "state-conflict", text, THERAPIST);
        };
        let mut people = self.episode.related_persons.iter();
        let person = people.find(|p| p.id == check.related_person_id);
        let adult = person.is_some_and(|p| {
            p.is_adult == Some(true) && p.kap_roles.contains(&RelatedRole::Chaperone)
        });
        let phone =
            person.is_some_and(|p| p.telecom.iter().any(|t| t.system == TelecomSystem::Phone));
        if !adult {
            self.block(
                "KAP-INV-13",
                "state-conflict",
                "chaperone is no adult chaperone on record",
                THERAPIST,
            );
        }
        if !phone || check.phone_verified == Some(false) {
            self.block(
                "KAP-INV-13",
                "state-conflict",
                "chaperone has no verified phone",
                THERAPIST,
            );
        }
        if check.present_at.is_none_or(|t| t > self.at) {
            self.block(
                "KAP-INV-13",
                "state-conflict",
                "chaperone is not present",
                THERAPIST,
            );
        }
    }

    /// What a remote session needs of its place (05, 33, 34).
    pub(super) fn place(&mut self, session: &Session) {
        if !session.is_remote() {
            return;
        }
        if self
            .episode
            .consent(ConsentKind::Telehealth, self.at)
            .is_none()
        {
            self.block(
                "KAP-INV-05",
                "consent-missing",
                "telehealth consent missing",
                PATIENT,
            );
        }
        match self.episode.state_of(session) {
            None => self.block(
                "KAP-INV-33",
                "state-conflict",
                "patient location not recorded",
                THERAPIST,
            ),
            Some(state) => self.licensure(session, &state),
        }
        let plan = session.emergency_plan.as_ref();
        let address = plan.is_some_and(|p| p.address_ref.is_some())
            || session
                .patient_location
                .as_ref()
                .is_some_and(|l| l.address.is_some());
        let contact = plan.is_some_and(|p| p.contact_id.is_some());
        let number = plan.is_some_and(|p| p.local_emergency_number.is_some());
        let parts = [
            (address, "address"),
            (contact, "contact"),
            (number, "local emergency number"),
        ];
        let lacks: Vec<_> = parts
            .into_iter()
            .filter(|(there, _)| !there)
            .map(|(_, n)| n)
            .collect();
        if !lacks.is_empty() {
            let text = format!("emergency plan lacks {}", lacks.join(", "));
            self.block("KAP-INV-34", "state-conflict", text, THERAPIST);
        }
    }

    fn licensure(&mut self, session: &Session, state: &str) {
        let prescriber = self
            .episode
            .active_clearance(self.at)
            .map(|c| &c.decided_by);
        let treats = |id: &Id| *id == session.lead_id || Some(id) == prescriber;
        for member in self.episode.care_team.iter().filter(|m| treats(&m.id)) {
            let lapsed = |d: Option<Day>| d.is_some_and(|last| last < self.day);
            let licensed = member
                .licences
                .iter()
                .any(|l| l.state == state && !lapsed(l.expires));
            if !member.licences.is_empty() && !licensed {
                let text = format!("{} has no licence on record for {state}", member.id);
                self.warn("KAP-INV-33", text, THERAPIST);
            }
        }
    }
}

impl Session {
    /// Whether therapist and patient are in different places: by its setting or by its class.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        matches!(self.setting, Setting::Remote | Setting::RemoteHome)
            || matches!(self.encounter_class, EncounterClass::Virtual)
    }
}

impl Episode {
    /// The state in which the patient is during a session, where it was recorded.
    fn state_of(&self, session: &Session) -> Option<String> {
        let place = session.patient_location.as_ref()?;
        let on_file = place
            .address_ref
            .as_ref()
            .and(self.patient.address.as_ref());
        let address = place.address.as_ref().or(on_file);
        place.state.clone().or_else(|| address?.state.clone())
    }
}
