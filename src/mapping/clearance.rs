//! The clearance: ClinicalImpression (canonical) and its read-only status Observation (domain reference §3.5).

use fhir_sdk::r4b::codes::ObservationStatus;
use fhir_sdk::r4b::resources::{
    ClinicalImpression, ClinicalImpressionEffective, ClinicalImpressionInvestigation, Observation,
    ObservationEffective, ObservationValue,
};
use fhir_sdk::r4b::types::{CodeableConcept, Extension, ExtensionValue, Period, Reference};

use super::build::{
    Frame, Parts, coding_of, concept, date_time, day_period, derived, finish, hl7_concept, instant,
    kap, kap_parts, kind_of, local, must, note, own_identifier, patient, period, positive,
    record_or_document, reference, role, some, start, ucum, words,
};
use super::codes::{SNOMED, structure, us_core};
use super::conditions::{condition, deferral, read_condition, read_deferral};
use super::limits;
use super::medication::{read_route, route_concept};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::value::Milligrams;
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::clearance::{Clearance, ClearanceStatus, Decision};
use crate::kap::dosing::Setting;
use crate::kap::{Day, Episode, Fact, Id, Instant};

/// ClinicalImpression first, then the status Observation.
pub fn write(x: &Clearance, e: &Episode) -> Vec<Resource> {
    vec![impression(x, e), status_observation(x, e)]
}

fn text(x: &Clearance) -> Html {
    Html::new()
        .fact("KAP medical clearance", x.decision.code())
        .fact("From", x.effective_from.to_string())
        .maybe("Until", x.valid_until.map(|d| d.to_string()))
        .maybe("Review by", x.review_by.map(|d| d.to_string()))
        .maybe("Revoked", x.revoked_at.map(|t| t.to_string()))
        .maybe(
            "Most per session",
            x.dose_ceiling_mg_per_session.map(|mg| format!("{mg} mg")),
        )
        .list(x.conditions.iter().map(|c| &c.text))
        .list(x.deferral_reasons.iter().map(|r| &r.text))
}

fn impression(x: &Clearance, e: &Episode) -> Resource {
    let sensitivity: Vec<String> = x
        .deferral_reasons
        .iter()
        .flat_map(|r| r.sensitivity.clone())
        .collect();
    let day = Some(Day(x.decided_at.0.date()));
    let security = super::label::labels(
        super::label::Class::Clinical,
        &sensitivity,
        Labels::NONE,
        day,
        e,
    );
    let frame = Frame::clinical(
        x.id.as_str(),
        &[structure("kap-clearance")],
        day,
        &text(x),
        e,
    )
    .labelled(security)
    .extend(extensions(x, e));
    let in_error = x.status == Some(ClearanceStatus::EnteredInError);
    let status = if in_error {
        "entered-in-error"
    } else {
        "completed"
    };
    let b = start!(ClinicalImpression, frame)
        .status(status.to_owned())
        .subject(patient(e));
    let mut ci = must(b.build());
    ci.identifier = some([own_identifier("clearance", &x.id)]);
    let service = if x.supersedes.is_some() {
        "clearance-renewal"
    } else {
        "medical-evaluation"
    };
    let assessment = coding_of(SNOMED, "225886003", Some("Medical assessment (procedure)"));
    ci.code = Some(concept([assessment, local("kap-service", service)]));
    ci.encounter = x
        .evaluation_session_id
        .as_ref()
        .map(|id| reference("Encounter", id));
    ci.effective = Some(effective(x, e));
    ci.date = Some(date_time(x.decided_at));
    ci.assessor = Some(role(&x.decided_by));
    ci.previous = x
        .supersedes
        .as_ref()
        .map(|id| reference("ClinicalImpression", id));
    ci.summary.clone_from(&x.rationale_summary);
    basis(x, e, &mut ci);
    finish(Ok(ci))
}

/// When the patient was assessed (not the validity): the evaluation session, else the decision.
fn effective(x: &Clearance, e: &Episode) -> ClinicalImpressionEffective {
    let session = e
        .sessions
        .iter()
        .find(|s| Some(&s.id) == x.evaluation_session_id.as_ref());
    match session {
        Some(s) => ClinicalImpressionEffective::Period(period(Some(s.start), s.end)),
        None => ClinicalImpressionEffective::DateTime(date_time(x.decided_at)),
    }
}

/// Puts each basis where R4 allows its type; the order is kept by `kap-clearance-details`.
fn basis(x: &Clearance, e: &Episode, ci: &mut ClinicalImpression) {
    let mut items: Vec<Reference> = vec![];
    for id in &x.basis_ids {
        let to = record_or_document(id, e);
        match kind_of(id, e) {
            Some("Condition" | "AllergyIntolerance") => ci.problem.push(Some(to)),
            Some("QuestionnaireResponse" | "Observation") => items.push(to),
            _ => ci.supporting_info.push(Some(to)),
        }
    }
    if !items.is_empty() {
        let b = ClinicalImpressionInvestigation::builder().code(words("Screening and measures"));
        ci.investigation = some([must(b.item(some(items)).build())]);
    }
    let letter = x
        .document_id
        .as_ref()
        .map(|id| reference("DocumentReference", id));
    ci.supporting_info.extend(letter.map(Some));
}

fn decision(x: Decision) -> CodeableConcept {
    concept([local("kap-clearance-decision", x.code())])
}

/// Validity; for a deferral its end is the day of review.
fn validity(x: &Clearance) -> Period {
    let end = if x.decision == Decision::Deferred {
        x.review_by
    } else {
        x.valid_until
    };
    day_period(Some(x.effective_from), end)
}

fn extensions(x: &Clearance, e: &Episode) -> Vec<Extension> {
    let mut out = vec![
        kap(
            "kap-clearance-decision",
            ExtensionValue::CodeableConcept(decision(x.decision)),
        ),
        kap(
            "kap-clearance-validity",
            ExtensionValue::Period(validity(x)),
        ),
    ];
    let code = |s: &Setting| {
        kap(
            "kap-clearance-setting",
            ExtensionValue::Code(s.code().to_owned()),
        )
    };
    out.extend(x.settings_allowed.iter().map(code));
    let route = |r| {
        kap(
            "kap-clearance-route",
            ExtensionValue::CodeableConcept(route_concept(r)),
        )
    };
    out.extend(x.routes_allowed.iter().copied().map(route));
    let ceiling = x
        .dose_ceiling_mg_per_session
        .map(|mg| ExtensionValue::Quantity(ucum(mg, "mg")));
    out.extend(ceiling.map(|v| kap("kap-clearance-dose-ceiling", v)));
    let frequency = Parts::new()
        .value(
            "maxSessionsPer7Days",
            x.max_sessions_per7_days.map(positive),
        )
        .count("minDaysBetweenSessions", x.min_days_between_sessions);
    out.extend(kap_parts("kap-clearance-max-frequency", frequency));
    out.extend(x.vital_parameters.iter().flat_map(limits::extensions));
    out.extend(x.conditions.iter().filter_map(|c| condition(c, e)));
    out.extend(x.deferral_reasons.iter().filter_map(|r| deferral(r, e)));
    out.extend(kap_parts("kap-clearance-details", own_parts(x)));
    out
}

fn own_parts(x: &Clearance) -> Parts {
    let deferred = x.decision == Decision::Deferred;
    Parts::new()
        .day("validUntil", x.valid_until.filter(|_| deferred))
        .day("reviewBy", x.review_by.filter(|_| !deferred))
        .texts("basis", &x.basis_ids)
        .flag("rationaleRestricted", x.rationale_restricted)
        .text("document", x.document_id.as_ref())
        .at("revokedAt", x.revoked_at)
        .text("revokedReason", x.revoked_reason.as_ref())
}

/// For receivers that cannot read a ClinicalImpression. R4 `derivedFrom` cannot name one, hence the note.
fn status_observation(x: &Clearance, e: &Episode) -> Resource {
    let id = derived(&x.id, "status");
    let profiles = [
        structure("kap-clearance-status-observation"),
        us_core("us-core-simple-observation"),
    ];
    let day = Some(Day(x.decided_at.0.date()));
    let source = ExtensionValue::Reference(reference("ClinicalImpression", &x.id));
    let frame = Frame::clinical(id.as_str(), &profiles, day, &text(x), e).extend([
        kap("kap-projection-of", source),
        kap(
            "kap-clearance-validity",
            ExtensionValue::Period(validity(x)),
        ),
    ]);
    let status = match (x.status, x.revoked_at) {
        (Some(ClearanceStatus::EnteredInError), _) => ObservationStatus::EnteredInError,
        (_, Some(_)) => ObservationStatus::Cancelled,
        _ => ObservationStatus::Final,
    };
    let code = concept([local("kap-observation", "clearance-status")]);
    let mut obs = must(start!(Observation, frame).status(status).code(code).build());
    obs.category = some([hl7_concept("observation-category", "exam", "Exam")]);
    obs.subject = Some(patient(e));
    obs.encounter = x
        .evaluation_session_id
        .as_ref()
        .map(|id| reference("Encounter", id));
    obs.effective = Some(ObservationEffective::DateTime(date_time(x.decided_at)));
    obs.issued = Some(instant(x.decided_at));
    obs.performer = some([role(&x.decided_by)]);
    obs.value = Some(ObservationValue::CodeableConcept(decision(x.decision)));
    obs.note = some([note(format!(
        "Projection of ClinicalImpression/{} for receivers without ClinicalImpression support.",
        x.id
    ))]);
    finish(Ok(obs))
}

/// Reads a ClinicalImpression of the clearance profile. One that is still being drafted is no clearance.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let value = node.ext("kap-clearance-decision").and_then(Node::any_value);
    let status = node.text("status").unwrap_or_default();
    let Some(value) = value.filter(|_| status != "in-progress") else {
        let claims = node.has_profile("kap-clearance") && status != "in-progress";
        let missing = node.missing("extension('kap-clearance-decision')");
        return if claims { Err(missing) } else { Ok(vec![]) };
    };
    let coding = value
        .codings()
        .next()
        .ok_or_else(|| value.missing("coding"))?;
    let decision = coding.code("code", Decision::from_code)?;
    let mut clearance = read_decision(node, decision, source)?;
    read_limits(node, &mut clearance)?;
    let reasons = node
        .exts("kap-deferral-reason")
        .map(|x| read_deferral(x, source));
    clearance.deferral_reasons = reasons.collect::<Read<_>>()?;
    let conditions = node
        .exts("kap-clearance-condition")
        .map(|x| read_condition(x, source));
    clearance.conditions = conditions.collect::<Read<_>>()?;
    one(Fact::Clearance(clearance), node)
}

/// Who decided what, when, for how long and why; limits and conditions are left open.
fn read_decision<'v>(node: Node<'v>, decision: Decision, source: &Source<'v>) -> Read<Clearance> {
    let validity = node.ext("kap-clearance-validity").and_then(Node::any_value);
    let end: Option<Day> = validity.map(|p| p.opt("end")).transpose()?.flatten();
    let from: Option<Day> = validity.map(|p| p.opt("start")).transpose()?.flatten();
    let own = node.ext("kap-clearance-details");
    let day = |name| own.map(|o| o.part::<Day>(name)).transpose();
    let deferred = decision == Decision::Deferred;
    let basis = own.map(|o| o.all_parts("basis")).transpose()?;
    let decided_at: Instant = node.req("date")?;
    let in_error = node.text("status") == Some("entered-in-error");
    Ok(Clearance {
        id: node.id()?,
        decision,
        status: in_error.then_some(ClearanceStatus::EnteredInError),
        decided_at,
        decided_by: source.need_actor(node, "assessor")?,
        evaluation_session_id: node.ref_id("encounter"),
        effective_from: from.unwrap_or(Day(decided_at.0.date())),
        valid_until: if deferred {
            day("validUntil")?.flatten()
        } else {
            end
        },
        review_by: if deferred {
            end
        } else {
            day("reviewBy")?.flatten()
        },
        settings_allowed: vec![],
        routes_allowed: vec![],
        dose_ceiling_mg_per_session: None,
        max_sessions_per7_days: None,
        min_days_between_sessions: None,
        vital_parameters: None,
        conditions: vec![],
        deferral_reasons: vec![],
        basis_ids: basis.unwrap_or_else(|| native_basis(node)),
        rationale_summary: node.opt("summary")?,
        rationale_restricted: own
            .map(|o| o.part("rationaleRestricted"))
            .transpose()?
            .flatten(),
        supersedes: node.ref_id("previous"),
        document_id: own.map(|o| o.part("document")).transpose()?.flatten(),
        revoked_at: own.map(|o| o.part("revokedAt")).transpose()?.flatten(),
        revoked_reason: own.map(|o| o.part("revokedReason")).transpose()?.flatten(),
    })
}

fn read_limits(node: Node<'_>, x: &mut Clearance) -> Read<()> {
    let values = |name| node.exts(name).filter_map(Node::any_value);
    let settings = values("kap-clearance-setting").map(|v| v.as_code(Setting::from_code));
    x.settings_allowed = settings.collect::<Read<_>>()?;
    x.routes_allowed = values("kap-clearance-route")
        .map(read_route)
        .collect::<Read<_>>()?;
    x.dose_ceiling_mg_per_session = node
        .ext_value::<Milligrams>("kap-clearance-dose-ceiling")?
        .map(|mg| mg.0);
    if let Some(frequency) = node.ext("kap-clearance-max-frequency") {
        x.max_sessions_per7_days = frequency.part("maxSessionsPer7Days")?;
        x.min_days_between_sessions = frequency.part("minDaysBetweenSessions")?;
    }
    x.vital_parameters = limits::read(node)?;
    Ok(())
}

/// What a partner's own clearance names as its basis.
fn native_basis(node: Node<'_>) -> Vec<Id> {
    let items = node.each("investigation").flat_map(|i| i.each("item"));
    let all = node
        .each("problem")
        .chain(items)
        .chain(node.each("supportingInfo"));
    all.filter_map(|r| Id::new(r.target()?.1)).collect()
}
