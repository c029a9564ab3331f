//! Detected issues, and references to any record.

use fhir_sdk::r4b::codes::{DetectedIssueSeverity, ObservationStatus};
use fhir_sdk::r4b::resources::{
    DetectedIssue as FhirIssue, DetectedIssueIdentified, DetectedIssueMitigation,
};
use fhir_sdk::r4b::types::{Extension, ExtensionValue, Reference};

use super::build::{
    Frame, Parts, actor, code, coding, concept, date_time, episode_link, finish, kap, kap_parts,
    local, must, own_identifier, patient, record, some, start,
};
use super::codes::{is_system, namespace, structure};
use super::label::{self, Class};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::summary::words::said;
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::base::{Coding, Day, Id};
use crate::kap::safety::{DetectedIssue, IssueSeverity, IssueStatus, Mitigation};
use crate::kap::{Episode, Fact};

// --- references to any record --------------------------------------------------------------------

/// A reference to a record: literal where the episode has it, else by its id as an identifier.
#[must_use]
pub fn any_record(id: &Id, e: &Episode) -> Reference {
    let logical = || Reference::builder().identifier(own_identifier("record", id));
    record(id, e).unwrap_or_else(|| must(logical().build()))
}

/// The id of the record that a reference names, either way.
#[must_use]
pub fn record_of(reference: Node<'_>) -> Option<Id> {
    if let Some((_, id)) = reference.target() {
        return Id::new(id);
    }
    let identifier = reference.get("identifier")?;
    let own = identifier.text("system") == Some(&namespace("record"));
    Id::new(identifier.text("value").filter(|_| own)?)
}

// --- detected issues -----------------------------------------------------------------------------

/// Rules and codes that speak of substance use: their own label family.
fn substance(x: &DetectedIssue) -> bool {
    x.rule_id == "KAP-RULE-SUD" || x.code.code == "ABUSE"
}

/// The issue. R4 has no `mitigated`: that is `final` with a mitigation.
#[must_use]
pub fn write_issue(x: &DetectedIssue, e: &Episode) -> Vec<Resource> {
    let day = Some(Day(x.identified_at.0.date()));
    let (class, implied) = if substance(x) {
        (Class::Topic, Labels::SUD.or(Labels::ETH))
    } else {
        (Class::Clinical, Labels::NONE)
    };
    let security = label::labels(class, &x.sensitivity, implied, day, e);
    let profiles = [structure("kap-detected-issue")];
    let frame = Frame::new(x.id.as_str(), &profiles, security, &issue_text(x), e)
        .extend([episode_link(e)])
        .extend(issue_extensions(x));
    let built = start!(FhirIssue, frame)
        .identifier(some([own_identifier("issue", &x.id)]))
        .status(wire_status(x.status))
        .code(concept([coding(&x.code), local("kap-rule", &x.rule_id)]))
        .severity(code(x.severity.code(), DetectedIssueSeverity::Moderate))
        .patient(patient(e))
        .identified(DetectedIssueIdentified::DateTime(date_time(
            x.identified_at,
        )))
        .implicated(some(x.implicated.iter().map(|id| any_record(id, e))))
        .mitigation(some(x.mitigations.iter().map(|m| mitigation(m, e))))
        .build();
    let mut built = must(built);
    built.author = x.author.as_ref().map(|id| actor(id, e));
    built.detail.clone_from(&x.detail);
    vec![finish(Ok(built))]
}

fn wire_status(status: IssueStatus) -> ObservationStatus {
    match status {
        IssueStatus::Preliminary => ObservationStatus::Preliminary,
        IssueStatus::Final | IssueStatus::Mitigated => ObservationStatus::Final,
        IssueStatus::EnteredInError => ObservationStatus::EnteredInError,
    }
}

/// What status and mitigations say together.
fn told_status(wire: &str, mitigated: usize) -> Option<IssueStatus> {
    match wire {
        "registered" | "preliminary" => Some(IssueStatus::Preliminary),
        "entered-in-error" | "cancelled" => Some(IssueStatus::EnteredInError),
        "final" | "amended" | "corrected" if mitigated > 0 => Some(IssueStatus::Mitigated),
        "final" | "amended" | "corrected" => Some(IssueStatus::Final),
        _ => None,
    }
}

fn issue_extensions(x: &DetectedIssue) -> Vec<Extension> {
    let wire = wire_status(x.status).to_string();
    // Only where the wire alone would be read otherwise.
    let exact = (told_status(&wire, x.mitigations.len()) != Some(x.status)).then_some(x.status);
    let parts = Parts::new().code("status", exact);
    let parts = x
        .sensitivity
        .iter()
        .fold(parts, |p, s| p.code("sensitivity", Some(s)));
    let version = x.rule_version.clone().map(ExtensionValue::String);
    kap_parts("kap-issue", parts)
        .into_iter()
        .chain(version.map(|v| kap("kap-rule-version", v)))
        .collect()
}

fn mitigation(m: &Mitigation, e: &Episode) -> DetectedIssueMitigation {
    let why = m.rationale.clone().map(ExtensionValue::String);
    let built = DetectedIssueMitigation::builder()
        .action(concept([coding(&m.action)]))
        .date(date_time(m.at))
        .author(actor(&m.by, e))
        .extension(
            why.map(|v| kap("kap-mitigation-rationale", v))
                .into_iter()
                .collect(),
        );
    must(built.build())
}

fn issue_text(x: &DetectedIssue) -> Html {
    let done = x.mitigations.iter().map(|m| {
        let why = m
            .rationale
            .as_ref()
            .map(|r| format!(" – {r}"))
            .unwrap_or_default();
        format!("{} at {}{why}", said(&m.action), m.at)
    });
    Html::new()
        .p(x.detail.clone().unwrap_or_else(|| said(&x.code)))
        .fact("Rule", &x.rule_id)
        .fact("Severity", x.severity.code())
        .fact("State", x.status.code())
        .fact("Identified", x.identified_at.to_string())
        .list(done)
}

/// Reads an issue.
pub fn read_issue<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let mut mitigations = vec![];
    for m in node.each("mitigation") {
        mitigations.push(read_mitigation(m, source)?);
    }
    let told = || told_status(node.text("status")?, mitigations.len());
    let exact = node.ext("kap-issue");
    let exact = exact
        .map(|x| x.part_code("status", IssueStatus::from_code))
        .transpose()?;
    let status = exact
        .flatten()
        .or_else(told)
        .ok_or_else(|| node.missing("status"))?;
    let coding = node.need("code")?;
    let own = |c: &Node<'v>| c.text("system").is_some_and(|s| is_system(s, "kap-rule"));
    let foreign = coding.codings().find(|c| !own(c));
    let code: Coding = foreign.or(coding.codings().next()).unwrap_or(coding).to()?;
    let rule = node.local_code("code", "kap-rule").map(str::to_owned);
    let sensitivity = node
        .ext("kap-issue")
        .map(|x| x.all_parts("sensitivity"))
        .transpose()?;
    let issue = DetectedIssue {
        id: node.id()?,
        rule_id: rule.unwrap_or_else(|| code.code.clone()),
        code,
        severity: node.code("severity", IssueSeverity::from_code)?,
        status,
        identified_at: match node.get("identifiedPeriod") {
            Some(period) => period.req("start")?,
            None => node.req("identifiedDateTime")?,
        },
        author: source.actor_at(node, "author"),
        implicated: node.each("implicated").filter_map(record_of).collect(),
        detail: node.opt("detail")?,
        sensitivity: sensitivity.unwrap_or_default(),
        mitigations,
        rule_version: node.ext_value("kap-rule-version")?,
    };
    one(Fact::Issue(issue), node)
}

fn read_mitigation<'v>(m: Node<'v>, source: &Source<'v>) -> Read<Mitigation> {
    Ok(Mitigation {
        action: m.need("action")?.need("coding")?.to()?,
        at: m.req("date")?,
        by: source.need_actor(m, "author")?,
        rationale: m.ext_value("kap-mitigation-rationale")?,
    })
}
