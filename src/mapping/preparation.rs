//! The treatment plan (CarePlan) and the intentions that the patient shares (Goal).
//!
//! An intention for the practice alone has no FHIR form: nothing is written for it.

use fhir_sdk::r4b::codes::{GoalLifecycleStatus, RequestStatus};
use fhir_sdk::r4b::resources::{
    CarePlan, Goal, GoalStart, GoalTarget as FhirTarget, GoalTargetDetail, GoalTargetDue,
};

use super::build::{
    Frame, Parts, actor, code, coding, coding_of, concept, date, derived, finish, hl7_concept,
    kap_parts, must, patient, reference, some, start, ucum, words,
};
use super::codes::{structure, us_core};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::fhir::resource::Resource;
use crate::kap::dosing::Setting;
use crate::kap::medication::Route;
use crate::kap::preparation::{
    Cadence, GoalTarget, Intention, IntentionCategory, SessionRange, Sharing, TreatmentPlan,
};
use crate::kap::{Day, Episode, Fact, Id};

const CARE_PLAN_CATEGORY: &str = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category";

// --- plan ----------------------------------------------------------------------------------------

/// The CarePlan.
pub fn write_plan(x: &TreatmentPlan, e: &Episode) -> Vec<Resource> {
    let range = x
        .planned_dosing_sessions
        .as_ref()
        .map(|r| format!("{} to {}", r.min, r.max));
    let every = x
        .dosing_cadence
        .as_ref()
        .map(|c| format!("every {} days", c.every_days));
    let text = Html::new()
        .p("Treatment plan of ketamine-assisted psychotherapy")
        .fact("Status", &x.status)
        .maybe("Dosing sessions", range)
        .maybe("Cadence", every)
        .maybe("Dose strategy", x.dose_strategy.as_deref())
        .maybe("Maintenance", x.maintenance.as_deref());
    let profiles = [structure("kap-careplan"), us_core("us-core-careplan")];
    let frame = Frame::clinical(x.id.as_str(), &profiles, None, &text, e)
        .extend(kap_parts("kap-treatment-plan", plan_parts(x)));
    let b = start!(CarePlan, frame)
        .status(code(&x.status, RequestStatus::Unknown))
        .intent("plan".to_owned())
        .subject(patient(e));
    let mut plan = must(b.build());
    let category = coding_of(
        CARE_PLAN_CATEGORY,
        "assess-plan",
        Some("Assessment and Plan of Treatment"),
    );
    plan.category = some([concept([category])]);
    plan.title = Some("KAP treatment plan".to_owned());
    let treated = e.problems.iter().filter(|p| p.kap_indication);
    plan.addresses = some(treated.map(|p| reference("Condition", &p.id)));
    plan.care_team = some([reference("CareTeam", derived(&e.episode_id, "team"))]);
    // A goal that stays inside the practice has no resource to refer to.
    let shared = |id: &&Id| {
        e.intentions
            .iter()
            .any(|i| i.id == **id && i.sharing != Sharing::PracticeOnly)
    };
    plan.goal = some(
        x.goal_ids
            .iter()
            .filter(shared)
            .map(|id| reference("Goal", id)),
    );
    vec![finish(Ok(plan))]
}

fn plan_parts(x: &TreatmentPlan) -> Parts {
    let range = x.planned_dosing_sessions.as_ref();
    Parts::new()
        .text("status", Some(&x.status))
        .count("minSessions", range.map(|r| r.min))
        .count("maxSessions", range.map(|r| r.max))
        .count("everyDays", x.dosing_cadence.as_ref().map(|c| c.every_days))
        .count("integrationPerDosing", x.integration_per_dosing)
        .count("integrationTargetHours", x.integration_target_hours)
        .count("preparationSessions", x.preparation_sessions)
        .text("maintenance", x.maintenance.as_ref())
        .texts("modality", &x.modality)
        .code("setting", x.setting)
        .code("route", x.route)
        .text("doseStrategy", x.dose_strategy.as_ref())
        .texts("goal", &x.goal_ids)
}

/// Reads a CarePlan of the KAP profile. The native status wins over the practice's word where they differ.
pub fn read_plan<'v>(node: Node<'v>, _: &Source<'v>) -> Facts {
    if !node.has_profile("kap-careplan") {
        return Ok(vec![]);
    }
    let own = node
        .ext("kap-treatment-plan")
        .ok_or_else(|| node.missing("extension('kap-treatment-plan')"))?;
    let native: String = node.req("status")?;
    let word: Option<String> = own.part("status")?;
    let same =
        |w: &String| code(w, RequestStatus::Unknown) == code(&native, RequestStatus::Unknown);
    let range = match (own.part("minSessions")?, own.part("maxSessions")?) {
        (Some(min), Some(max)) => Some(SessionRange { min, max }),
        _ => None,
    };
    let every: Option<u32> = own.part("everyDays")?;
    let plan = TreatmentPlan {
        id: node.id()?,
        status: word.filter(same).unwrap_or(native),
        planned_dosing_sessions: range,
        dosing_cadence: every.map(|every_days| Cadence { every_days }),
        integration_per_dosing: own.part("integrationPerDosing")?,
        integration_target_hours: own.part("integrationTargetHours")?,
        preparation_sessions: own.part("preparationSessions")?,
        maintenance: own.part("maintenance")?,
        modality: own.all_parts("modality")?,
        setting: own.part_code("setting", Setting::from_code)?,
        route: own.part_code("route", Route::from_code)?,
        dose_strategy: own.part("doseStrategy")?,
        goal_ids: own.all_parts("goal")?,
    };
    one(Fact::Plan(plan), node)
}

// --- intentions ----------------------------------------------------------------------------------

/// The Goal of an intention that is shared; nothing for one that is not.
pub fn write_intention(x: &Intention, e: &Episode) -> Vec<Resource> {
    if x.sharing == Sharing::PracticeOnly {
        return vec![];
    }
    let text = Html::new().p(&x.text);
    let profiles = [structure("kap-goal"), us_core("us-core-goal")];
    let target = x.target.as_ref();
    let own = Parts::new()
        .code("category", Some(x.category))
        .code("sharing", Some(x.sharing))
        .at("at", x.at)
        .flag("target", target.map(|_| true))
        .text("comparator", target.and_then(|t| t.comparator.as_ref()))
        .decimal("value", target.and_then(|t| t.value))
        .coding("measure", x.measure.as_ref());
    let day = x.at.map(|t| Day(t.0.date()));
    let frame = Frame::clinical(x.id.as_str(), &profiles, day, &text, e)
        .extend(kap_parts("kap-intention", own));
    let b = start!(Goal, frame)
        .lifecycle_status(GoalLifecycleStatus::Active)
        .description(words(x.text.clone()))
        .subject(patient(e));
    let mut goal = must(b.build());
    goal.category = some([hl7_concept("goal-category", "behavioral", "Behavioral")]);
    goal.start = day.map(|d| GoalStart::Date(date(d)));
    goal.expressed_by = Some(actor(&x.expressed_by, e));
    goal.target = some(fhir_target(x));
    vec![finish(Ok(goal))]
}

/// R4 invariant gol-1: a detail needs a measure.
fn fhir_target(x: &Intention) -> Option<FhirTarget> {
    let target = x.target.as_ref()?;
    let mut out = must(FhirTarget::builder().build());
    out.measure = x.measure.as_ref().map(|m| concept([coding(m)]));
    out.due = target.due_date.map(|d| GoalTargetDue::Date(date(d)));
    if out.measure.is_some() {
        out.detail = target.value.map(|value| {
            let mut quantity = ucum(value, "{score}");
            quantity.comparator = target.comparator.as_ref().and_then(|c| c.parse().ok());
            GoalTargetDetail::Quantity(quantity)
        });
    }
    (out.measure.is_some() || out.due.is_some()).then_some(out)
}

/// Reads a Goal of the KAP profile.
pub fn read_intention<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if !node.has_profile("kap-goal") {
        return Ok(vec![]);
    }
    let own = node
        .ext("kap-intention")
        .ok_or_else(|| node.missing("extension('kap-intention')"))?;
    let category = own.part_code("category", IntentionCategory::from_code)?;
    let sharing = own.part_code("sharing", Sharing::from_code)?;
    let intention = Intention {
        id: node.id()?,
        text: node.need("description")?.req("text")?,
        expressed_by: source.need_actor(node, "expressedBy")?,
        at: own.part("at")?,
        category: category.ok_or_else(|| own.missing("extension('category')"))?,
        measure: own.part("measure")?,
        target: read_target(node, own)?,
        sharing: sharing.ok_or_else(|| own.missing("extension('sharing')"))?,
    };
    one(Fact::Intention(intention), node)
}

fn read_target(node: Node<'_>, own: Node<'_>) -> Read<Option<GoalTarget>> {
    if own.part::<bool>("target")? != Some(true) {
        return Ok(None);
    }
    Ok(Some(GoalTarget {
        comparator: own.part("comparator")?,
        value: own.part("value")?,
        due_date: node
            .get("target")
            .map(|t| t.opt("dueDate"))
            .transpose()?
            .flatten(),
    }))
}
