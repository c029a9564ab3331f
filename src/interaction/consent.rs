//! Privacy consents that could not be enforced are refused when they are written, by either door.

use std::collections::HashSet;

use serde_json::Value;

use super::practice::grants::is_enforced;
use super::write::Incoming;
use crate::access::Access;
use crate::access::consent::{Place, Rule, faults};
use crate::access::label::{ACT_CODE, ACT_REASON, CONFIDENTIALITY};
use crate::app::App;
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::resource::Key;
use crate::kap::consent::{Consent, ConsentKind, PrivacyRule, RuleType};
use crate::kap::{Episode, Id};

/// Which door the consent came by: how its parts are called in a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// JSON pointers.
    Practice,
    /// FHIRPath.
    Fhir,
}

impl Door {
    fn rule(self, n: usize) -> String {
        match self {
            Self::Practice => format!("/exceptions/{n}"),
            Self::Fhir => format!("Consent.provision.provision[{n}]"),
        }
    }

    fn part(self, n: usize, place: Place) -> String {
        let rule = self.rule(n);
        match (self, place) {
            (Self::Practice, Place::Purpose(k)) => format!("{rule}/purposes/{k}"),
            (Self::Practice, Place::Label(k)) => format!("{rule}/securityLabels/{k}"),
            (Self::Practice, Place::Class(k)) => format!("{rule}/dataClasses/{k}"),
            (Self::Fhir, Place::Purpose(k)) => format!("{rule}.purpose[{k}]"),
            (Self::Fhir, Place::Label(k)) => format!("{rule}.securityLabel[{k}]"),
            (Self::Fhir, Place::Class(_)) => format!("{rule}.extension('kap-consent-rule')"),
        }
    }

    fn recipient(self, n: usize, k: usize) -> String {
        let rule = self.rule(n);
        match self {
            Self::Practice => format!("{rule}/recipients/{k}"),
            Self::Fhir => format!("{rule}.actor[{k}].reference"),
        }
    }
}

/// The organizations of the directory among the recipients of a consent.
///
/// # Errors
/// Where the store fails.
pub async fn organizations(app: &App, access: &Access, consent: &Consent) -> Result<HashSet<Id>> {
    let recipients = consent.exceptions.iter().flat_map(|r| &r.recipients);
    let keys: Vec<Key> = recipients
        .map(|id| Key::new("Organization", id.clone()))
        .collect();
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let found = app.store.view(access).find(&keys).await?;
    Ok(found.into_iter().map(|row| row.key.id).collect())
}

/// Whether everything that the consent says can be enforced. `known` tells which ids are organizations of the directory.
///
/// # Errors
/// `Unprocessable` with everything that cannot.
pub fn check(
    consent: &Consent,
    episode: &Episode,
    known: impl Fn(&Id) -> bool,
    door: Door,
) -> Result<()> {
    let mut issues = Vec::new();
    let mut say = |at: String, text: &str| {
        issues.push(Issue {
            code: Some("not-supported"),
            text: text.to_owned(),
            at: Some(at),
            ..Issue::default()
        });
    };
    let ruled = is_enforced(consent.kind) || consent.kind == ConsentKind::PsychotherapyNotes;
    for (n, rule) in consent.exceptions.iter().enumerate() {
        if !ruled {
            let text = "Who may be told what is said in a privacy consent or a Part 2 consent; here it \
                        would have no effect.";
            say(door.rule(n), text);
        }
        if !is_enforced(consent.kind) {
            continue;
        }
        for fault in faults(&words(rule)) {
            say(door.part(n, fault.place), fault.why);
        }
        for (k, id) in rule.recipients.iter().enumerate() {
            if !names_somebody(episode, id) && !known(id) {
                let text = "The recipient is no organization of the directory, no member of the care \
                            team, no related person and not the patient.";
                say(door.recipient(n, k), text);
            }
        }
    }
    if issues.is_empty() {
        return Ok(());
    }
    Err(Error::with_issues(Kind::Unprocessable, issues))
}

fn names_somebody(episode: &Episode, id: &Id) -> bool {
    let organizations = &episode.organizations;
    let all = [&organizations.practice, &organizations.partner].into_iter();
    let mut all = all.chain(&organizations.pharmacy);
    *id == episode.patient.id
        || all.any(|o| o.id == *id)
        || episode.care_team.iter().any(|m| m.id == *id)
        || episode.related_persons.iter().any(|p| p.id == *id)
}

fn words(rule: &PrivacyRule) -> Rule {
    Rule {
        permit: rule.kind == RuleType::Permit,
        recipients: None,
        purposes: rule.purposes.clone(),
        labels: rule.security_labels.clone(),
        classes: rule.data_classes.clone(),
    }
}

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// What a provision may not say at its root, and what it may not say within.
const NOT_AT_ROOT: &[&str] = &["actor", "securityLabel", "purpose"];
const NOWHERE: &[&str] = &[
    "action",
    "class",
    "code",
    "data",
    "dataPeriod",
    "modifierExtension",
];

/// Refuses what a FHIR privacy Consent says that is not read, and could therefore not be enforced.
///
/// # Errors
/// `Unprocessable` with each element, said of the sender's own body.
pub fn check_shapes(incoming: &[Incoming]) -> Result<()> {
    let mut issues = Vec::new();
    for one in incoming {
        if &*one.resource.key.kind == "Consent" && is_privacy(&one.resource.value) {
            let found = shape(&one.resource.value);
            issues.extend(found.into_iter().map(|issue| one.place(issue)));
        }
    }
    if issues.is_empty() {
        return Ok(());
    }
    Err(Error::with_issues(Kind::Unprocessable, issues))
}

fn is_privacy(value: &Value) -> bool {
    let codings = value["scope"]["coding"].as_array();
    let mut codings = codings.into_iter().flatten();
    let kinds = value["extension"].as_array().into_iter().flatten();
    let url = crate::mapping::codes::structure("kap-consent-kind");
    let mut kinds = kinds.filter(|x| x["url"] == url.as_str());
    codings.any(|c| c["code"] == "patient-privacy")
        || kinds.any(|x| {
            let code = x["valueCoding"]["code"].as_str();
            code.and_then(ConsentKind::from_code)
                .is_some_and(is_enforced)
        })
}

fn shape(value: &Value) -> Vec<Issue> {
    let mut out = Vec::new();
    let mut say = |at: String, text: &str| {
        out.push(Issue {
            code: Some("not-supported"),
            text: text.to_owned(),
            at: Some(at),
            ..Issue::default()
        });
    };
    let unread = "This element is not enforced here: a rule is made of type, actor, purpose, \
                  securityLabel, and the period of the whole.";
    for name in ["verification", "modifierExtension"] {
        if !value[name].is_null() {
            let text = "This element is not enforced here.";
            say(format!("Consent.{name}"), text);
        }
    }
    let root = &value["provision"];
    for name in NOT_AT_ROOT.iter().chain(NOWHERE) {
        if !root[*name].is_null() {
            say(format!("Consent.provision.{name}"), unread);
        }
    }
    for (n, rule) in root["provision"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = format!("Consent.provision.provision[{n}]");
        for name in NOWHERE.iter().chain(&["period", "provision"]) {
            if !rule[*name].is_null() {
                say(format!("{at}.{name}"), unread);
            }
        }
        for (k, actor) in list(rule, "actor") {
            let roles = list(&actor["role"], "coding").map(|(_, c)| c);
            let receives = |c: &Value| c["system"] == PARTICIPATION && c["code"] == "IRCP";
            if !roles.into_iter().any(receives) {
                let text = "Rules are about information recipients (IRCP) here.";
                say(format!("{at}.actor[{k}].role"), text);
            }
        }
        for (k, purpose) in list(rule, "purpose") {
            if purpose["system"] != ACT_REASON {
                let text = "A purpose of use is a code of v3-ActReason here.";
                say(format!("{at}.purpose[{k}]"), text);
            }
        }
        for (k, label) in list(rule, "securityLabel") {
            if label["system"] != ACT_CODE && label["system"] != CONFIDENTIALITY {
                let text = "A security label is a code of v3-Confidentiality or v3-ActCode here.";
                say(format!("{at}.securityLabel[{k}]"), text);
            }
        }
    }
    out
}

fn list<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    of[name].as_array().into_iter().flatten().enumerate()
}
