//! Reads sessions.

use super::build::derived;
use super::codes::PARTICIPATION;
use super::read::{Facts, Node, Read, Source};
use super::session::{ROLE, TYPE};
use super::session_record::{RECORD, Record, dosing};
use crate::kap::Fact;
use crate::kap::dosing::{
    EmergencyPlan, EncounterClass, Participant, PatientLocation, PresenceMode, Session,
    SessionStatus, SessionType, Setting, TherapistPresence,
};

/// Reads the session that an Encounter states, with its appointment, weight and record.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let Some(kind) = node.local_code("type", TYPE) else {
        return Ok(vec![]);
    };
    let kind = SessionType::from_code(kind).ok_or_else(|| node.wrong("a kap-session-type"))?;
    let id = node.id()?;
    let of = |kind: &str, suffix: &str| source.lookup(kind, derived(&id, suffix).as_str());
    let (appointment, weight) = (of("Appointment", "appt"), of("Observation", "weight"));
    let form = of("QuestionnaireResponse", "record").filter(|r| RECORD.answers(r.value()));
    let record: Option<Record> = form.map(|r| RECORD.parse(r)).transpose()?;
    let period = node.need("period")?;
    let class = node
        .need("class")?
        .code("code", EncounterClass::from_code)?;
    let lead = lead(node)?;
    let continuous = record.as_ref().and_then(|r| r.presence_continuous);
    let mut session = Session {
        kind,
        status: told_status(node, appointment)?,
        start: period.req("start")?,
        end: period.opt("end")?,
        setting: setting(node, class)?,
        encounter_class: class,
        lead_id: source.need_actor(lead, "individual")?,
        participants: others(node, source)?,
        patient_location: node.ext("kap-patient-location").map(location).transpose()?,
        therapist_presence: presence(node, lead, continuous)?,
        emergency_plan: node
            .ext("kap-emergency-plan")
            .map(|p| plan(p, source))
            .transpose()?,
        environment: None,
        clinical_summary: None,
        topics: vec![],
        vitals: vec![],
        body_weight: weight.map(|w| w.req("valueQuantity")).transpose()?,
        dosing: None,
        integrates_session_id: None,
        integration: None,
        id: id.clone(),
    };
    if let Some(record) = record {
        session.environment = record.environment;
        session.clinical_summary = record.clinical_summary;
        session.topics = record.topics;
        session.integrates_session_id = record.integrates_session_id;
        session.dosing = record.dosing.map(dosing);
    }
    let parts = [appointment, of("Procedure", "proc"), weight, form];
    let mut keys = vec![node.key()?];
    for part in parts.into_iter().flatten() {
        keys.push(part.key()?);
    }
    Ok(vec![(Fact::Session(session), keys)])
}

fn told_status(node: Node<'_>, appointment: Option<Node<'_>>) -> Read<SessionStatus> {
    let missed = appointment.is_some_and(|a| a.text("status") == Some("noshow"));
    Ok(match node.text("status") {
        Some("planned") => SessionStatus::Planned,
        Some("arrived" | "triaged") => SessionStatus::Arrived,
        Some("in-progress" | "onleave") => SessionStatus::InProgress,
        Some("finished") => SessionStatus::Completed,
        Some("cancelled") if missed => SessionStatus::NoShow,
        Some("cancelled") => SessionStatus::Cancelled,
        Some("entered-in-error") => SessionStatus::EnteredInError,
        Some(_) => return Err(node.wrong("an Encounter status with a meaning for sessions")),
        None => return Err(node.missing("status")),
    })
}

/// As stated, else what the class allows to say.
fn setting(node: Node<'_>, class: EncounterClass) -> Read<Setting> {
    let stated = node.ext("kap-session-setting").and_then(Node::any_value);
    match stated {
        Some(coding) => coding.code("code", Setting::from_code),
        None => Ok(match class {
            EncounterClass::Ambulatory => Setting::InPerson,
            EncounterClass::Virtual => Setting::Remote,
            EncounterClass::HomeHealth => Setting::HomeVisit,
        }),
    }
}

fn is_primary(participant: &Node<'_>) -> bool {
    let code = participant
        .coding_in("type", PARTICIPATION)
        .and_then(|c| c.text("code"));
    code == Some("PPRF")
}

/// The primary performer, else the first clinician.
fn lead(node: Node<'_>) -> Read<Node<'_>> {
    let clinician = |p: &Node<'_>| {
        let who = p.get("individual").and_then(Node::target);
        who.is_some_and(|(kind, _)| kind.starts_with("Practitioner"))
    };
    let primary = node.each("participant").find(is_primary);
    primary
        .or_else(|| node.each("participant").find(clinician))
        .ok_or_else(|| node.missing("participant"))
}

fn others<'v>(node: Node<'v>, source: &Source<'v>) -> Read<Vec<Participant>> {
    let mut out = vec![];
    for p in node.each("participant").filter(|p| !is_primary(p)) {
        let role = p.local_code("type", ROLE);
        let who = p.get("individual").and_then(|who| source.actor(who));
        let (Some(role), Some(id)) = (role, who) else {
            continue;
        };
        let period = p.get("period");
        out.push(Participant {
            id,
            role: role.to_owned(),
            from: period.map(|p| p.opt("start")).transpose()?.flatten(),
            to: period.map(|p| p.opt("end")).transpose()?.flatten(),
        });
    }
    Ok(out)
}

fn presence(
    node: Node<'_>,
    lead: Node<'_>,
    continuous: Option<bool>,
) -> Read<Option<TherapistPresence>> {
    let Some(mode) = node.ext_code("kap-presence-mode", PresenceMode::from_code)? else {
        return Ok(None);
    };
    let period = lead.get("period");
    Ok(Some(TherapistPresence {
        from: period.map(|p| p.opt("start")).transpose()?.flatten(),
        to: period.map(|p| p.opt("end")).transpose()?.flatten(),
        mode,
        continuous,
    }))
}

fn location(node: Node<'_>) -> Read<PatientLocation> {
    let address = node.parts("address").next().and_then(Node::any_value);
    Ok(PatientLocation {
        confirmed_at: node.part("confirmedAt")?,
        address_ref: node.part("addressRef")?,
        state: node.part("state")?,
        address: address.map(super::contact::read_address),
    })
}

fn plan<'v>(node: Node<'v>, source: &Source<'v>) -> Read<EmergencyPlan> {
    let contact = node.parts("contact").next().and_then(Node::any_value);
    Ok(EmergencyPlan {
        contact_id: contact.and_then(|who| source.actor(who)),
        address_ref: node.part("addressRef")?,
        hospital: node.part("hospital")?,
        local_emergency_number: node.part("localEmergencyNumber")?,
    })
}
