//! Which elements hold what people write freely.

use super::Element;

/// Elements of these names are text wherever they stand, or hold nothing else.
const TEXT: &[&str] = &[
    "text",
    "note",
    "comment",
    "patientInstruction",
    "progress",
    "contentAttachment",
    "valueAttachment",
    "data",
    "div",
];
/// What names a substance stays, whatever it is called: an allergy without its name would be read as none.
const NAMES: &[(&str, &str)] = &[
    ("AllergyIntolerance", "code.text"),
    ("MedicationAdministration", "medicationCodeableConcept.text"),
    ("MedicationDispense", "medicationCodeableConcept.text"),
    ("MedicationRequest", "medicationCodeableConcept.text"),
];
/// Elements of these names are text where they are a string; as an object they hold codes or references.
const TEXT_IF_STRING: &[&str] = &["description", "summary", "detail", "title", "basis", "name"];
/// Parts of the practice's own extensions whose strings are codes, ids or numbers.
const CODED_PARTS: &[&str] = &[
    "addressRef",
    "basis",
    "by",
    "carrier",
    "comparator",
    "document",
    "goal",
    "id",
    "instruction",
    "instrument",
    "localEmergencyNumber",
    "lot",
    "modality",
    "reportedBy",
    "riskLevel",
    "status",
    "task",
    "timing",
    "trackingNumber",
];
/// Extensions of the practice's own whose string is a code.
const CODED_EXTENSIONS: &[&str] = &["kap-rule-version"];
/// Questions of the practice's own forms whose answers are codes or ids.
const CODED_ANSWERS: &[&str] = &[
    "assessorId",
    "disposition",
    "responsibleAdultPresent",
    "actions.status",
    "chaperone.relatedPersonId",
    "holdsFollowed.conditionId",
    "transport.escortId",
    "transport.mode",
    "dosing.clearanceId",
    "dosing.doseLevel",
    "dosing.outcome",
    "dosing.prescriptionId",
    "environment.lighting",
    "environment.position",
    "integratesSessionId",
];

/// Whether the element is text that somebody wrote.
pub(super) fn is_free(kind: &str, element: &Element<'_>) -> bool {
    let name = last(element.path);
    let is_string = element.text.starts_with('"');
    match name {
        _ if TEXT.contains(&name) => !NAMES.contains(&(kind, element.path)),
        _ if TEXT_IF_STRING.contains(&name) => is_string && !must_stay(kind, element.path),
        "display" => (element.beside)("code").is_none(),
        _ if is_words(name) => !is_coded(element),
        _ => false,
    }
}

/// As [`is_free`], where only the path is known.
pub(super) fn may_be_free(kind: &str, path: &str) -> bool {
    let name = last(path);
    TEXT.contains(&name)
        || is_words(name)
        || (TEXT_IF_STRING.contains(&name) && !is_concept(kind, path) && !must_stay(kind, path))
}

/// `valueString`, `valueMarkdown`, `contentString` and whatever else is a choice of text.
fn is_words(name: &str) -> bool {
    name.ends_with("String") || name.ends_with("Markdown")
}

/// Parameters of these names and types search codes or the names of people.
fn is_concept(kind: &str, path: &str) -> bool {
    path == "name" || (kind, path) == ("Goal", "description")
}

/// A document has a title, and this service's own say no more than what kind of document it is.
fn must_stay(kind: &str, path: &str) -> bool {
    kind == "Composition" && path == "title"
}

/// A string of a part, extension or question that holds codes, which have no blanks.
fn is_coded(element: &Element<'_>) -> bool {
    let url = (element.beside)("url").and_then(super::string);
    let known = match &url {
        Some(url) => {
            CODED_PARTS.contains(&url.as_str())
                || CODED_EXTENSIONS.iter().any(|name| {
                    let rest = url.strip_suffix(name);
                    rest.is_some_and(|rest| rest.ends_with("/StructureDefinition/"))
                })
        }
        None => element
            .link
            .is_some_and(|link| CODED_ANSWERS.contains(&link)),
    };
    known && !element.text.contains(char::is_whitespace)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
