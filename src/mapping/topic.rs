//! What can be subscribed to (domain reference, appendix E), and which change of a record is of which topic.
//!
//! A topic is named by a canonical URL; how it is subscribed to is HL7's Subscriptions R5 Backport
//! (<https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/>).

use serde_json::Value;

use super::codes::CANONICAL;
use super::read::Node;

/// A topic.
#[derive(Debug)]
pub struct Topic {
    /// The last part of its URL.
    pub code: &'static str,
    /// For people.
    pub title: &'static str,
    /// When it speaks.
    pub when: &'static str,
    /// The types that it speaks of, and by which search parameters of each it can be filtered.
    pub of: &'static [(&'static str, &'static [&'static str])],
    /// Whether somebody must act at once: attempts that fail are repeated sooner.
    pub alert: bool,
    fires: fn(Change<'_>) -> bool,
}

/// A version of a record and the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Change<'v> {
    pub kind: &'v str,
    pub before: Option<&'v Value>,
    pub after: &'v Value,
}

/// The code of the topic that tells that a follow-up is due: it speaks by the calendar.
pub const FOLLOW_UP_DUE: &str = "kap-followup-due";
/// The code of the topic of what somebody must hear at once.
pub const ALERT: &str = "kap-safety-alert";
/// The code of the topic of clearances, which also speaks when one expires.
pub const CLEARANCE: &str = "kap-clearance-decision";
/// The code of the topic of consents, which also speaks when one expires.
pub const CONSENT: &str = "kap-consent-changed";

/// Every topic.
#[rustfmt::skip]
pub const TOPICS: &[Topic] = &[
    Topic { code: "kap-referral-task", title: "Referral", when: "A referral's Task is created, or its status or business status changes.",
        of: &[("Task", &["owner", "requester", "status", "patient"])], alert: false, fires: referral },
    Topic { code: CLEARANCE, title: "Clearance decision", when: "A clearance is issued, superseded, revoked, or expires.",
        of: &[("ClinicalImpression", &["patient", "decision"])], alert: false, fires: clearance },
    Topic { code: "kap-prescription", title: "Prescription", when: "A prescription is created, changed or stopped.",
        of: &[("MedicationRequest", &["patient", "intended-performer", "intended-dispenser", "status"])], alert: false, fires: prescription },
    Topic { code: "kap-dispense", title: "Dispense", when: "A dispense is recorded, shipped, delivered or cancelled.",
        of: &[("MedicationDispense", &["patient", "status"])], alert: false, fires: dispense },
    Topic { code: "kap-dosing-session", title: "Dosing session", when: "A dosing session is planned, started, held, completed or cancelled.",
        of: &[("Encounter", &["patient", "status", "practitioner"])], alert: false, fires: session },
    Topic { code: ALERT, title: "Safety alert", when: "An adverse event is moderate or worse; a suicide screen is positive; \
        a dose is above its maximum; vital signs are beyond their limits; the count of units differs from the ledger.",
        of: &[("AdverseEvent", &["subject", "severity", "seriousness"]), ("DetectedIssue", &["patient", "severity", "rule"])], alert: true, fires: alert },
    Topic { code: FOLLOW_UP_DUE, title: "Follow-up due", when: "A follow-up is due within seven days, or overdue.",
        of: &[("Task", &["owner", "requester", "status", "patient", "code"])], alert: false, fires: |_| false },
    Topic { code: CONSENT, title: "Consent changed", when: "A consent is given, changed or withdrawn, or expires.",
        of: &[("Consent", &["patient", "consent-kind", "status"])], alert: false, fires: consent },
    Topic { code: "kap-document-available", title: "Document available", when: "A document is published, replaced or superseded.",
        of: &[("DocumentReference", &["patient", "type", "status"])], alert: false, fires: document },
];

impl Topic {
    /// Its canonical URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{CANONICAL}/SubscriptionTopic/{}", self.code)
    }

    /// The parameters by which records of this type are filtered; `None` where the topic does not speak of them.
    #[must_use]
    pub fn filters(&self, kind: &str) -> Option<&'static [&'static str]> {
        let own = self.of.iter().find(|(own, _)| *own == kind);
        own.map(|(_, filters)| *filters)
    }
}

/// The topic of this canonical URL, with or without a version.
#[must_use]
pub fn at(url: &str) -> Option<&'static Topic> {
    let url = url.split('|').next().unwrap_or_default();
    let code = url.strip_prefix(CANONICAL)?;
    named(code.strip_prefix("/SubscriptionTopic/")?)
}

/// The topic of this code.
#[must_use]
pub fn named(code: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.code == code)
}

/// The topics that a change is of.
pub fn told(change: Change<'_>) -> impl Iterator<Item = &'static Topic> {
    TOPICS
        .iter()
        .filter(move |topic| topic.filters(change.kind).is_some() && (topic.fires)(change))
}

/// Whether a record says of itself that it holds.
#[must_use]
pub fn is_active(value: &Value) -> bool {
    value["status"] == "active"
}

/// Whether records of this type are of any topic.
#[must_use]
pub fn concerns(kind: &str) -> bool {
    TOPICS.iter().any(|topic| topic.filters(kind).is_some())
}

impl Change<'_> {
    /// Whether one of these elements is other than it was.
    fn differs(&self, elements: &[&str]) -> bool {
        self.before
            .is_none_or(|before| elements.iter().any(|e| before[e] != self.after[e]))
    }

    /// Whether anything but what the service itself writes is other than it was.
    fn says_new(&self) -> bool {
        let said = |value: &Value| {
            let own = value.as_object().cloned().unwrap_or_default();
            let own = own.into_iter().filter(|(k, _)| k != "meta" && k != "text");
            own.collect::<serde_json::Map<_, _>>()
        };
        self.before
            .is_none_or(|before| said(before) != said(self.after))
    }
}

fn codes(concept: &Value) -> impl Iterator<Item = &str> {
    let codings = concept["coding"].as_array().into_iter().flatten();
    codings.filter_map(|coding| coding["code"].as_str())
}

fn extension(value: &Value, name: &str) -> bool {
    let all = value["extension"].as_array().into_iter().flatten();
    let mut urls = all.filter_map(|e| e["url"].as_str());
    urls.any(|url| super::codes::is_structure(url, name))
}

fn referral(change: Change<'_>) -> bool {
    let own = !Node::new(change.after).has_profile("kap-followup-task");
    own && change.differs(&["status", "businessStatus", "owner"])
}

fn clearance(change: Change<'_>) -> bool {
    extension(change.after, "kap-clearance-decision")
        && change.differs(&["status", "extension", "summary"])
}

fn prescription(change: Change<'_>) -> bool {
    change.after["intent"] != "plan" && change.says_new()
}

fn dispense(change: Change<'_>) -> bool {
    change.says_new()
}

fn session(change: Change<'_>) -> bool {
    let types = change.after["type"].as_array().into_iter().flatten();
    let dosing = types.flat_map(codes).any(|code| code == "dosing");
    dosing && change.differs(&["status", "period"])
}

/// The rules whose findings somebody must hear of at once.
const ALERTS: &[&str] = &[
    "KAP-INV-07",
    "KAP-INV-09",
    "KAP-INV-11",
    "KAP-INV-19",
    "KAP-RULE-BP-PREDOSE",
    "KAP-RULE-CSSRS",
    "KAP-RULE-INVENTORY",
    "KAP-RULE-SEDATION",
    "KAP-RULE-SI-ITEM9",
];

fn alert(change: Change<'_>) -> bool {
    let after = change.after;
    if change.kind == "AdverseEvent" {
        let worse = codes(&after["severity"]).any(|code| code != "mild");
        let serious = codes(&after["seriousness"]).any(|c| c.eq_ignore_ascii_case("serious"));
        let grave = after["actuality"] == "actual" && (worse || serious);
        let fatal = codes(&after["outcome"]).any(|code| code == "fatal");
        let death = fatal && change.differs(&["outcome"]);
        return grave && (death || change.differs(&["actuality", "severity", "seriousness"]));
    }
    let rule = codes(&after["code"]).any(|code| ALERTS.contains(&code));
    let stands = after["status"] != "entered-in-error";
    rule && stands && change.differs(&["code", "severity"])
}

/// Whether an alert needs nobody any more: a person has acknowledged the event, or said what was done about the finding; or
/// it was an error.
#[must_use]
pub fn is_acknowledged(kind: &str, value: &Value) -> bool {
    if kind == "AdverseEvent" {
        return !acknowledgements(value).is_empty() || value["actuality"] != "actual";
    }
    let done = value["mitigation"]
        .as_array()
        .is_some_and(|all| !all.is_empty());
    done || value["status"] == "entered-in-error"
}

/// When somebody acknowledged an adverse event, as its record says.
#[must_use]
pub fn acknowledgements(event: &Value) -> Vec<&Value> {
    let all = event["extension"].as_array().into_iter().flatten();
    let own = all.filter(|e| {
        super::codes::is_structure(e["url"].as_str().unwrap_or_default(), "kap-ae-alert")
    });
    own.flat_map(|e| e["extension"].as_array().into_iter().flatten())
        .filter(|part| part["url"] == "acknowledgedAt")
        .collect()
}

/// Whether a Task is that of a follow-up that is still to be done.
#[must_use]
pub fn is_open_follow_up(task: &Value) -> bool {
    let over = [
        "completed",
        "rejected",
        "cancelled",
        "failed",
        "entered-in-error",
    ];
    let status = task["status"].as_str().unwrap_or_default();
    Node::new(task).has_profile("kap-followup-task") && !over.contains(&status)
}

/// Whether a ClinicalImpression is a clearance that nobody has taken back.
#[must_use]
pub fn is_standing_clearance(impression: &Value) -> bool {
    impression["status"] == "completed" && extension(impression, "kap-clearance-decision")
}

fn consent(change: Change<'_>) -> bool {
    change.says_new()
}

fn document(change: Change<'_>) -> bool {
    change.differs(&["status", "docStatus", "content"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn topics(kind: &str, before: Option<&Value>, after: &Value) -> Vec<&'static str> {
        let change = Change {
            kind,
            before,
            after,
        };
        told(change).map(|topic| topic.code).collect()
    }

    #[test]
    fn every_filter_is_a_search_parameter_of_its_type() {
        for topic in TOPICS {
            for (kind, filters) in topic.of {
                for name in *filters {
                    let known = crate::fhir::parameter::find(kind, name);
                    assert!(known.is_some(), "{} {kind} {name}", topic.code);
                }
            }
            assert_eq!(at(&topic.url()).map(|t| t.code), Some(topic.code));
        }
        assert!(at("https://elsewhere.example/SubscriptionTopic/kap-dispense").is_none());
    }

    #[test]
    fn what_the_published_topics_can_be_filtered_by_is_a_filter() {
        for topic in TOPICS {
            let path = format!("profiles/generated/Basic-{}-topic.json", topic.code);
            let text = std::fs::read_to_string(&path).expect("a published topic");
            let value: Value = serde_json::from_str(&text).expect("JSON");
            let all = value["extension"].as_array().into_iter().flatten();
            let all = all.filter(|x| {
                x["url"]
                    .as_str()
                    .is_some_and(|url| url.ends_with("canFilterBy"))
            });
            for filter in all {
                let kind = filter["extension"][0]["valueUri"].as_str();
                let kind = kind.and_then(|url| url.rsplit('/').next()).expect("a type");
                let name = filter["extension"][1]["valueString"].as_str();
                let known = topic.filters(kind).unwrap_or_default();
                assert!(
                    name.is_some_and(|name| known.contains(&name)),
                    "{path} {kind} {name:?}"
                );
            }
        }
    }

    #[test]
    fn an_adverse_event_is_told_once_when_it_is_grave() {
        let event = |severity: &str| json!({"actuality": "actual", "severity": {"coding": [{"code": severity}]}});
        let (mild, moderate) = (event("mild"), event("moderate"));
        assert!(topics("AdverseEvent", None, &mild).is_empty());
        assert_eq!(
            topics("AdverseEvent", None, &moderate),
            ["kap-safety-alert"]
        );
        assert_eq!(
            topics("AdverseEvent", Some(&mild), &moderate),
            ["kap-safety-alert"]
        );
        assert!(topics("AdverseEvent", Some(&moderate), &moderate).is_empty());
        let worse = topics("AdverseEvent", Some(&moderate), &event("severe"));
        assert_eq!(worse, ["kap-safety-alert"]);
        let serious = json!({"actuality": "actual", "severity": {"coding": [{"code": "mild"}]},
            "seriousness": {"coding": [{"code": "serious"}]}});
        assert_eq!(
            topics("AdverseEvent", Some(&mild), &serious),
            ["kap-safety-alert"]
        );
    }

    #[test]
    fn findings_alert_by_their_rule() {
        let issue = |rule: &str, status: &str| json!({"status": status, "code": {"coding": [{"code": "OBSA"}, {"code": rule}]}});
        let positive = issue("KAP-RULE-CSSRS", "final");
        assert_eq!(
            topics("DetectedIssue", None, &positive),
            ["kap-safety-alert"]
        );
        assert!(topics("DetectedIssue", None, &issue("KAP-RULE-LAMO", "final")).is_empty());
        assert!(
            topics(
                "DetectedIssue",
                None,
                &issue("KAP-RULE-CSSRS", "entered-in-error")
            )
            .is_empty()
        );
        let mitigated = issue("KAP-RULE-CSSRS", "mitigated");
        assert!(topics("DetectedIssue", Some(&positive), &mitigated).is_empty());
    }

    #[test]
    fn what_the_service_writes_itself_is_no_news() {
        let rx = |version: &str, dose: i64| json!({"intent": "order", "status": "active", "meta": {"versionId": version}, "text": version, "dose": dose});
        assert_eq!(
            topics("MedicationRequest", None, &rx("1", 1)),
            ["kap-prescription"]
        );
        assert!(topics("MedicationRequest", Some(&rx("1", 1)), &rx("2", 1)).is_empty());
        assert_eq!(
            topics("MedicationRequest", Some(&rx("1", 1)), &rx("2", 2)),
            ["kap-prescription"]
        );
        assert!(topics("MedicationRequest", None, &json!({"intent": "plan"})).is_empty());
    }

    #[test]
    fn a_follow_up_is_known_by_any_version_of_its_profile() {
        for version in ["", "|0.1.0"] {
            let profile = format!("{CANONICAL}/StructureDefinition/kap-followup-task{version}");
            let task = json!({"resourceType": "Task", "status": "requested", "meta": {"profile": [profile]}});
            assert!(is_open_follow_up(&task), "{profile}");
            assert!(topics("Task", None, &task).is_empty(), "{profile}");
        }
        let other = json!({"resourceType": "Task", "status": "requested"});
        assert!(!is_open_follow_up(&other));
        assert_eq!(topics("Task", None, &other), ["kap-referral-task"]);
    }

    #[test]
    fn only_dosing_sessions_are_told() {
        let session = |kind: &str, status: &str| json!({"status": status, "type": [{"coding": [{"code": kind}]}]});
        let planned = session("dosing", "planned");
        assert_eq!(topics("Encounter", None, &planned), ["kap-dosing-session"]);
        assert!(topics("Encounter", Some(&planned), &planned).is_empty());
        assert_eq!(
            topics(
                "Encounter",
                Some(&planned),
                &session("dosing", "in-progress")
            ),
            ["kap-dosing-session"]
        );
        assert!(topics("Encounter", None, &session("integration", "planned")).is_empty());
    }
}
