//! Which elements of a record a role does not see, though it sees the record (domain reference §5.4, marks m, s and F;
//! security reference §2.5). The whole table is in this file.
//!
//! What a role wrote itself it sees as it wrote it, and so does the practice what it keeps.

mod words;

use super::label::Labels;
use super::policy;
use super::role::Role;
use super::scope::Interaction;
use super::{Access, Caller};
use crate::kap::base::{Coding, Id};

/// One line of the table.
#[derive(Debug)]
struct Rule {
    roles: &'static [Role],
    kind: &'static str,
    when: When,
    cut: Cut,
}

/// Of which records a rule speaks.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// Of those with one of these labels.
    Labelled(Labels),
}

/// What is left out.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// All but these elements and what every resource has.
    AllBut(&'static [&'static str]),
    /// These elements, as paths below the resource.
    These(&'static [&'static str]),
    /// Identifiers of another type than these (HL7 v2 table 0203).
    IdentifiersBut(&'static [&'static str]),
    /// Whatever people write freely; codes, numbers, times and ids stay.
    FreeText,
}

use Role::{ExternalEhr, Integrator, PartnerNurse, PartnerPrescriber, Pharmacy};

/// Who reads other organizations' patients.
const TOLD: &[Role] = &[
    PartnerPrescriber,
    PartnerNurse,
    Pharmacy,
    ExternalEhr,
    Integrator,
];
/// Who is told, and reads documents.
const READERS: &[Role] = &[PartnerPrescriber, PartnerNurse, ExternalEhr, Integrator];

const fn rule(roles: &'static [Role], kind: &'static str, when: When, cut: Cut) -> Rule {
    Rule {
        roles,
        kind,
        when,
        cut,
    }
}

const fn silent(kind: &'static str) -> Rule {
    rule(&[Integrator], kind, When::Always, Cut::FreeText)
}

/// The table. A search parameter over what a line may leave out is none to its roles.
#[rustfmt::skip]
const TABLE: &[Rule] = &[
    // A pharmacy sees what it takes to fill the prescription and to ship it.
    rule(&[Pharmacy], "Patient", When::Always, Cut::AllBut(&[
        "active", "identifier", "name", "telecom", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime", "address"])),
    rule(&[Pharmacy], "Patient", When::Always, Cut::IdentifiersBut(&["MR"])),
    rule(&[Pharmacy], "MedicationRequest", When::Always, Cut::These(&[
        "reasonCode", "reasonReference", "supportingInformation", "note", "encounter", "detectedIssue", "insurance"])),
    rule(&[Pharmacy], "AllergyIntolerance", When::Always, Cut::These(&[
        "note", "encounter", "reaction.description", "reaction.note"])),
    // Another provider sees who the patient is, not who stands beside the patient.
    rule(&[ExternalEhr], "Patient", When::Always, Cut::These(&["contact", "photo"])),
    rule(&[Integrator], "Patient", When::Always, Cut::AllBut(&[
        "active", "identifier", "name", "telecom", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime", "address",
        "communication", "managingOrganization"])),
    // Where somebody who lives with violence lives is told to nobody.
    rule(TOLD, "Patient", When::Labelled(Labels::SDV), Cut::These(&["address"])),
    rule(TOLD, "RelatedPerson", When::Labelled(Labels::SDV), Cut::These(&["address"])),
    // A document repeats the record: `interaction::retelling` writes it again from what the reader sees of that. The
    // entry by which it is found repeats its first sentence.
    rule(READERS, "Composition", When::Always, Cut::These(DOCUMENT)),
    rule(READERS, "DocumentReference", When::Always, Cut::These(&["text"])),
    // An integrator computes: codes, numbers and times do for that.
    silent("AdverseEvent"), silent("AllergyIntolerance"), silent("Appointment"), silent("CarePlan"), silent("CareTeam"),
    silent("ClinicalImpression"), silent("Communication"), silent("CommunicationRequest"), silent("Composition"),
    silent("Condition"), silent("DetectedIssue"), silent("DocumentReference"), silent("Encounter"), silent("EpisodeOfCare"),
    silent("Flag"), silent("Goal"), silent("MedicationAdministration"), silent("MedicationDispense"),
    silent("MedicationRequest"), silent("Observation"), silent("Patient"), silent("Procedure"), silent("Provenance"),
    silent("QuestionnaireResponse"), silent("RelatedPerson"), silent("ServiceRequest"), silent("Task"),
];

/// What a document tells of others.
const DOCUMENT: &[&str] = &["text", "section", "event", "contained"];

/// What every resource has.
const FRAME: [&str; 5] = ["resourceType", "id", "meta", "implicitRules", "language"];

/// The label of a copy that is not the whole record.
#[must_use]
pub fn mark() -> Coding {
    Coding {
        system: super::label::OBSERVATION_VALUE.to_owned(),
        code: "REDACTED".to_owned(),
        display: Some("redacted".to_owned()),
    }
}

/// An element of a resource, or an entry of a list of elements.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct Element<'a> {
    /// The names from below the resource, joined by dots.
    pub path: &'a str,
    /// Its JSON.
    pub text: &'a str,
    /// The JSON of its neighbours by name.
    pub beside: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The `linkId` of the nearest item around it.
    pub link: Option<&'a str>,
}

/// What of one record is not shown to a caller.
#[derive(Debug)]
pub struct Cuts<'a> {
    caller: &'a Caller,
    kind: &'a str,
    rules: Vec<&'static Rule>,
}

/// What of a record is left out of what `access` sees of it; `None` where nothing is.
#[must_use]
pub fn cuts<'a>(
    access: &'a Access,
    kind: &'a str,
    owner: &Id,
    author: &Id,
    labels: Labels,
) -> Option<Cuts<'a>> {
    let caller = access.caller()?;
    let own = &caller.organization;
    if own == author || (own == owner && policy::owns(caller.role)) {
        return None;
    }
    let holds = |rule: &&Rule| match rule.when {
        When::Always => true,
        When::Labelled(any) => any.meets(labels),
    };
    let rules: Vec<&Rule> = of(caller.role, kind).filter(holds).collect();
    (!rules.is_empty()).then_some(Cuts {
        caller,
        kind,
        rules,
    })
}

fn of(role: Role, kind: &str) -> impl Iterator<Item = &'static Rule> {
    TABLE
        .iter()
        .filter(move |rule| rule.kind == kind && rule.roles.contains(&role))
}

/// Whether the role ever sees less than the whole of a record of somebody else's.
#[must_use]
pub fn is_told_parts(role: Role) -> bool {
    TABLE.iter().any(|rule| rule.roles.contains(&role))
}

/// Whether the element at `path` of a `kind` may be hidden from `role`: to search by it would tell it.
#[must_use]
pub fn hides(role: Role, kind: &str, path: &str) -> bool {
    let within = |top: &str| {
        let below = path.strip_prefix(top);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let listed = |tops: &[&str]| tops.iter().any(|top| within(top));
    of(role, kind).any(|rule| match rule.cut {
        Cut::AllBut(shown) => !listed(&FRAME) && !listed(shown),
        Cut::These(hidden) => listed(hidden),
        Cut::IdentifiersBut(_) => within("identifier"),
        Cut::FreeText => words::may_be_free(kind, path),
    })
}

/// Whether whole elements, references among them, of a `kind` may be hidden from `role`.
#[must_use]
pub fn hides_references(role: Role, kind: &str) -> bool {
    of(role, kind).any(|rule| matches!(rule.cut, Cut::AllBut(_) | Cut::These(_)))
}

/// Whether `role` never sees the element `name` of anybody else's `kind`: to it there is no such element. What it sees of
/// some records, or in part, or written again, there is.
#[must_use]
pub fn never_shows(role: Role, kind: &str, name: &str) -> bool {
    let mut always = of(role, kind).filter(|rule| matches!(rule.when, When::Always));
    always.any(|rule| match rule.cut {
        Cut::AllBut(shown) => !FRAME.contains(&name) && !shown.contains(&name),
        Cut::These(hidden) => hidden != DOCUMENT && hidden.contains(&name),
        Cut::IdentifiersBut(_) | Cut::FreeText => false,
    })
}

impl Cuts<'_> {
    /// The same for a document that was written again from what the reader sees; `None` where nothing is left out then.
    #[must_use]
    pub fn of_retold(mut self) -> Option<Self> {
        let of_document = |rule: &Rule| matches!(rule.cut, Cut::These(list) if list == DOCUMENT);
        self.rules.retain(|rule| !of_document(rule));
        (!self.rules.is_empty()).then_some(self)
    }

    /// Whether a rule leaves the element out.
    #[must_use]
    pub fn drops(&self, element: &Element<'_>) -> bool {
        let Element { path, .. } = element;
        self.rules.iter().any(|rule| match rule.cut {
            Cut::AllBut(shown) => {
                !path.contains('.') && !FRAME.contains(path) && !shown.contains(path)
            }
            Cut::These(hidden) => hidden.contains(path),
            Cut::IdentifiersBut(types) => *path == "identifier" && !is_typed(element.text, types),
            Cut::FreeText => words::is_free(self.kind, element),
        })
    }

    /// Whether a copy that lost something may not keep the element either: the narrative says it all again, what is
    /// contained may be of a type that is hidden, and the name of what is referred to tells what that is.
    #[must_use]
    pub fn betrays(&self, element: &Element<'_>) -> bool {
        match element.path {
            "text" => true,
            "contained" => {
                let kind = resource_type(element.text);
                kind.is_none_or(|kind| {
                    !self.reads(&kind) || of(self.caller.role, &kind).next().is_some()
                })
            }
            path if path == "display" || path.ends_with(".display") => {
                let to = (element.beside)("reference").and_then(string);
                to.is_some_and(|to| {
                    to.split_once('/')
                        .is_some_and(|(kind, _)| !self.reads(kind))
                })
            }
            _ => false,
        }
    }

    fn reads(&self, kind: &str) -> bool {
        self.caller.role.allows(Interaction::Read, kind)
    }
}

fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

fn resource_type(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value["resourceType"].as_str().map(str::to_owned)
}

fn is_typed(identifier: &str, types: &[&str]) -> bool {
    let value: serde_json::Value = serde_json::from_str(identifier).unwrap_or_default();
    let mut codings = value["type"]["coding"].as_array().into_iter().flatten();
    codings.any(|c| c["code"].as_str().is_some_and(|code| types.contains(&code)))
}

#[cfg(test)]
mod tests;
