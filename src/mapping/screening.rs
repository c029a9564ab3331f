//! Screening instruments: a QuestionnaireResponse with everything, and its total as an Observation for
//! receivers that look for scores (a projection; left out where an outcome of the episode is that total).

use fhir_sdk::r4b::codes::{ObservationStatus, QuestionnaireResponseStatus};
use fhir_sdk::r4b::resources::{
    Observation, ObservationEffective, ObservationReferenceRange, ObservationValue,
    QuestionnaireResponse, QuestionnaireResponseItem, QuestionnaireResponseItemAnswer,
    QuestionnaireResponseItemAnswerValue as Value,
};
use fhir_sdk::r4b::types::ExtensionValue;

use super::build::{
    Frame, Parts, actor, code, coding, concept, date_time, derived, episode_link, exact, finish,
    hl7_concept, kap, kap_parts, must, patient, reference, some, start, ucum, words,
};
use super::codes::{self, structure, us_core};
use super::label::{Class, labels, of_instrument};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::fhir::resource::Resource;
use crate::kap::consultation::{Answer, ScoreRange, Screening, ScreeningItem};
use crate::kap::{Day, Episode, Fact};

/// Names of instruments by the last part of their questionnaire's canonical. The first one of an instrument is
/// the project's; the others are met in forms of other systems.
pub(super) const KNOWN: &[(&str, &str)] = &[
    ("phq-9", "PHQ-9"),
    ("phq-9-teen", "PHQ-9-TEEN"),
    ("gad-7", "GAD-7"),
    ("pcl-5", "PCL-5"),
    ("cssrs-screen", "C-SSRS-SCREEN"),
    ("c-ssrs-screen", "C-SSRS-SCREEN"),
    ("audit-c", "AUDIT-C"),
    ("dast-10", "DAST-10"),
    ("kap-screening", "KAP-SCREEN"),
    ("kap-screen", "KAP-SCREEN"),
    ("kap-readiness", "KAP-READINESS"),
    ("pain-nrs", "PAIN-NRS"),
];

/// The QuestionnaireResponse, then the score where there is one.
pub fn write(x: &Screening, e: &Episode) -> Vec<Resource> {
    let mut out = vec![response(x, e)];
    let told = e
        .outcomes
        .iter()
        .any(|o| o.questionnaire_response_id.as_ref() == Some(&x.id));
    if x.score.is_some() && !told {
        out.push(score(x, e));
    }
    out
}

fn frame(x: &Screening, id: &str, profiles: &[String], e: &Episode) -> Frame {
    let text = Html::new()
        .p(&x.instrument)
        .maybe("Score", x.score.map(|s| s.to_string()))
        .maybe("Risk", x.risk_level.as_deref());
    let day = x.at.or(x.authored).map(|t| Day(t.0.date()));
    let security = labels(Class::Topic, &[], of_instrument(&x.instrument), day, e);
    Frame::new(id, profiles, security, &text, e).extend([episode_link(e)])
}

fn response(x: &Screening, e: &Episode) -> Resource {
    let profile = [
        structure("kap-questionnaire-response"),
        us_core("us-core-questionnaireresponse"),
    ];
    let frame = frame(x, x.id.as_str(), &profile, e).extend(kap_parts("kap-screening", parts(x)));
    let status = code(
        x.status.as_deref().unwrap_or("completed"),
        QuestionnaireResponseStatus::Completed,
    );
    let mut qr = must(start!(QuestionnaireResponse, frame).status(status).build());
    qr.questionnaire = Some(
        x.questionnaire
            .clone()
            .unwrap_or_else(|| questionnaire(&x.instrument)),
    );
    qr.subject = Some(patient(e));
    qr.authored = x.authored.or(x.at).map(date_time);
    qr.author = x.author.as_ref().map(|id| actor(id, e));
    qr.item = some(x.items.iter().map(item));
    finish(Ok(qr))
}

fn parts(x: &Screening) -> Parts {
    Parts::new()
        .text("instrument", Some(&x.instrument))
        .coding("panel", x.panel_coding.as_ref())
        .coding("scoreCode", x.score_coding.as_ref())
        .decimal("score", x.score)
        .decimal("min", x.range.as_ref().map(|r| r.min))
        .decimal("max", x.range.as_ref().map(|r| r.max))
        .at("at", x.at)
        .at("authored", x.authored.filter(|_| x.at.is_some()))
        .text("status", x.status.as_ref())
        .text("timing", x.timing.as_ref())
        .text("reportedBy", x.reported_by.as_ref())
        .count("item9", x.item9.map(u32::from))
        .text("riskLevel", x.risk_level.as_ref())
        .flag("formAssumed", x.questionnaire.is_none().then_some(true))
}

fn item(x: &ScreeningItem) -> QuestionnaireResponseItem {
    let value = match &x.answer {
        Answer::Boolean(yes) => Value::Boolean(*yes),
        Answer::Coding(c) => Value::Coding(coding(c)),
        Answer::Integer(n) => {
            i32::try_from(*n).map_or_else(|_| Value::Decimal(exact((*n).into())), Value::Integer)
        }
        Answer::Text(text) => Value::String(text.clone()),
    };
    let detail = x.detail.as_ref().map(|text| {
        let answer = answer(Value::String(text.clone()), vec![]);
        let b = QuestionnaireResponseItem::builder().link_id(format!("{}-detail", x.link_id));
        must(b.answer(some([answer])).build())
    });
    let answer = answer(value, detail.into_iter().collect());
    let b = QuestionnaireResponseItem::builder().link_id(x.link_id.clone());
    let mut out = must(b.answer(some([answer])).build());
    out.text.clone_from(&x.text);
    out
}

fn answer(value: Value, items: Vec<QuestionnaireResponseItem>) -> QuestionnaireResponseItemAnswer {
    must(
        QuestionnaireResponseItemAnswer::builder()
            .value(value)
            .item(some(items))
            .build(),
    )
}

fn score(x: &Screening, e: &Episode) -> Resource {
    let id = derived(&x.id, "score");
    let source = reference("QuestionnaireResponse", &x.id);
    let profile = [
        structure("kap-observation"),
        us_core("us-core-observation-screening-assessment"),
    ];
    let frame = frame(x, id.as_str(), &profile, e).extend([kap(
        "kap-projection-of",
        ExtensionValue::Reference(source.clone()),
    )]);
    let coded = x.score_coding.as_ref().map(|c| concept([coding(c)]));
    let b = start!(Observation, frame)
        .status(ObservationStatus::Final)
        .code(coded.unwrap_or_else(|| words(format!("{} score", x.instrument))));
    let mut obs = must(b.build());
    obs.category = some([hl7_concept("observation-category", "survey", "Survey")]);
    obs.subject = Some(patient(e));
    obs.effective =
        x.at.or(x.authored)
            .map(|t| ObservationEffective::DateTime(date_time(t)));
    obs.value = x
        .score
        .map(|s| ObservationValue::Quantity(ucum(s, "{score}")));
    obs.reference_range = some(x.range.as_ref().map(|r| {
        let b = ObservationReferenceRange::builder().low(ucum(r.min, "{score}"));
        must(b.high(ucum(r.max, "{score}")).build())
    }));
    obs.derived_from = some([source]);
    finish(Ok(obs))
}

/// Reads a QuestionnaireResponse that is a screening: our own, or a known instrument of another system.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let canonical = node.text("questionnaire");
    let known = canonical.and_then(known_instrument);
    let screening = match (node.ext("kap-screening"), known) {
        (Some(own), _) => read_own(node, own, source)?,
        (None, Some(instrument)) => read_common(node, instrument.to_owned(), source)?,
        (None, None) => return Ok(vec![]),
    };
    one(Fact::Screening(screening), node)
}

/// The canonical of the project's questionnaire of `instrument`, such as `…/Questionnaire/phq-9|1.0.0`.
pub(super) fn questionnaire(instrument: &str) -> String {
    let known = KNOWN.iter().find(|(_, known)| *known == instrument);
    let letter = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => '-',
    };
    let name = known.map_or_else(
        || instrument.chars().map(letter).collect(),
        |(name, _)| (*name).to_owned(),
    );
    codes::questionnaire(&name)
}

fn known_instrument(canonical: &str) -> Option<&'static str> {
    let name = canonical
        .split('|')
        .next()?
        .rsplit('/')
        .next()?
        .to_ascii_lowercase();
    KNOWN
        .iter()
        .find(|(tail, _)| *tail == name)
        .map(|(_, instrument)| *instrument)
}

fn read_common<'v>(node: Node<'v>, instrument: String, source: &Source<'v>) -> Read<Screening> {
    let own = node.ext("kap-screening");
    let assumed: Option<bool> = own
        .map(|own| own.part("formAssumed"))
        .transpose()?
        .flatten();
    let canonical = node.text("questionnaire").filter(|_| assumed != Some(true));
    Ok(Screening {
        id: node.id()?,
        panel_coding: None,
        score_coding: None,
        questionnaire: canonical.map(str::to_owned),
        at: None,
        authored: node.opt("authored")?,
        author: source.actor_at(node, "author"),
        status: node.opt("status")?,
        score: None,
        range: None,
        timing: None,
        reported_by: None,
        item9: None,
        items: node
            .each("item")
            .map(read_item)
            .collect::<Read<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect(),
        risk_level: None,
        instrument,
    })
}

fn read_own<'v>(node: Node<'v>, own: Node<'v>, source: &Source<'v>) -> Read<Screening> {
    let common = read_common(node, own.need_part("instrument")?, source)?;
    let at = own.part("at")?;
    let authored = if at.is_some() {
        own.part("authored")?
    } else {
        common.authored
    };
    let given: Option<String> = own.part("status")?;
    let status = common.status.filter(|s| s != "completed").or(given);
    let range = match (own.part("min")?, own.part("max")?) {
        (Some(min), Some(max)) => Some(ScoreRange { min, max }),
        _ => None,
    };
    Ok(Screening {
        panel_coding: own.part("panel")?,
        score_coding: own.part("scoreCode")?,
        at,
        authored,
        status,
        score: own.part("score")?,
        range,
        timing: own.part("timing")?,
        reported_by: own.part("reportedBy")?,
        item9: own.part("item9")?,
        risk_level: own.part("riskLevel")?,
        ..common
    })
}

/// An item with an answer; groups and unanswered items give none.
fn read_item(node: Node<'_>) -> Read<Option<ScreeningItem>> {
    let Some(answer) = node.get("answer") else {
        return Ok(None);
    };
    let Some(value) = answer.any_value() else {
        return Ok(None);
    };
    let detail = answer
        .get("item")
        .and_then(|i| i.get("answer")?.any_value());
    let read = match value.value() {
        serde_json::Value::Bool(yes) => Answer::Boolean(*yes),
        serde_json::Value::Object(_) => Answer::Coding(value.to()?),
        serde_json::Value::Number(_) => Answer::Integer(value.to()?),
        _ => Answer::Text(value.to()?),
    };
    Ok(Some(ScreeningItem {
        link_id: node.req("linkId")?,
        text: node.opt("text")?,
        answer: read,
        detail: detail.map(Node::to).transpose()?,
    }))
}
