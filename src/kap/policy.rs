//! The practice's policy: every clinical number that is not a person's own. Versioned, signed by a medical director.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::base::{Day, Decimal, Id, Instant};
use super::clearance::VitalParameters;
use super::rules::{Class, rule};
use super::safety::IssueSeverity;
use crate::error::{Error, Issue, Kind, Result};

/// Limits of MOAA/S sedation scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sedation {
    /// Lowest score at which a patient may leave.
    pub discharge_min: u8,
    /// A score below this one is a high alert.
    pub alert_below: u8,
}

/// Limits of a supply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SupplyLimits {
    pub first_fill_sessions: u32,
    pub later_fill_sessions: u32,
    /// At most 5 (21 CFR 1306.22).
    pub schedule_three_refills: u32,
    /// At most 6 (21 CFR 1306.22).
    pub schedule_three_months: u32,
}

/// Cap on the number of dosing sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CadenceCap {
    #[serde(rename = "maxPer7Days")]
    pub max_per7_days: u32,
}

/// Intervals of follow-ups, in days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FollowUpIntervals {
    /// First medical follow-up after the evaluation.
    pub first_days: u32,
    /// Longest gap between later ones.
    pub max_days: u32,
    /// The interval at which later ones are scheduled; at most `maxDays`.
    pub target_days: u32,
    /// Days overdue from which dosing waits.
    pub overdue_hold_days: u32,
    /// Safety check after a withdrawal.
    pub safety_check_days: u32,
}

/// Targets of integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationTargets {
    pub target_hours: u32,
    pub reminder_hours: u32,
    pub escalate_days: u32,
}

/// How the scores of an instrument count. What is absent is not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measure {
    /// Fall from the baseline, in per cent, that is a response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_pct: Option<Decimal>,
    /// A score below this one is remission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remission_below: Option<Decimal>,
    /// Rise above the baseline, in points, from which a score is flagged as worse (KAP-RULE-WORSENING). The shipped
    /// numbers are no clinical claim but defaults to be approved: for PCL-5 the change that the domain reference
    /// (§4.4) calls meaningful, the other way; for PHQ-9 and GAD-7 the width of one severity band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worsening_points: Option<Decimal>,
}

/// The policy under which rules speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    pub id: String,
    /// Stored with each decision and flag.
    pub version: String,
    pub jurisdiction: String,
    /// The medical director; absent in the shipped default, which is nobody's yet.
    pub approved_by: Option<String>,
    pub approved_at: Option<Instant>,
    pub effective: Day,
    pub clock_skew_minutes: u32,
    /// Used where the clearance sets no limit of its own.
    pub vital_parameters: VitalParameters,
    pub sedation: Sedation,
    pub supply: SupplyLimits,
    pub cadence: CadenceCap,
    pub follow_up: FollowUpIntervals,
    pub integration: IntegrationTargets,
    /// Lowest age that a partner accepts, by the partner's organization id. Below it a referral is flagged, and a
    /// decision that clears is refused; the partner declines, or defers with `partner-age-limit`.
    pub minimum_age: BTreeMap<Id, u32>,
    /// Topics that the treatment consent must have covered on the day of dosing.
    pub consent_topics: Vec<String>,
    /// A dosing session shorter than this, from first dose to discharge, is worth a second look.
    pub short_session_minutes: u32,
    /// Trend facts by instrument.
    pub measures: BTreeMap<String, Measure>,
    /// Severity of the screening rules, by code of `kap-rule`.
    pub severities: BTreeMap<String, IssueSeverity>,
    /// Invariants whose class this practice moves between `FLAG` and `HOLD`.
    pub rules: BTreeMap<String, Class>,
}

impl Policy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// `Invalid` with a JSON pointer where the text is no policy; `Unprocessable`, one issue per breach, where a
    /// number is out of bounds or a rule is moved that may not be.
    pub fn parse(json: &str) -> Result<Self> {
        let read = &mut serde_json::Deserializer::from_str(json);
        let policy: Self = serde_path_to_error::deserialize(read).map_err(|e| {
            let at = format!("/{}", e.path().to_string().replace('.', "/"));
            Error::new(
                Kind::Invalid,
                format!("The policy cannot be read: {}.", e.inner()),
            )
            .at(at)
        })?;
        let breaches = policy.breaches();
        if breaches.is_empty() {
            return Ok(policy);
        }
        Err(Error::with_issues(Kind::Unprocessable, breaches))
    }

    /// The policy that the service ships: the defaults of the domain reference, unsigned.
    ///
    /// # Panics
    /// Never: a test reads the shipped text.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(include_str!("policy.json")).expect("the shipped policy is read by a test")
    }

    fn breaches(&self) -> Vec<Issue> {
        let mut out = vec![];
        let mut say = |at: String, text: String| {
            out.push(Issue {
                text,
                at: Some(at),
                ..Issue::default()
            });
        };
        if self.supply.schedule_three_refills > 5 {
            let text = "A schedule III prescription has at most 5 refills (21 CFR 1306.22).";
            say("/supply/scheduleThreeRefills".into(), text.into());
        }
        if self.supply.schedule_three_months > 6 {
            let text = "A schedule III prescription lasts at most 6 months (21 CFR 1306.22).";
            say("/supply/scheduleThreeMonths".into(), text.into());
        }
        if self.follow_up.target_days > self.follow_up.max_days {
            let text = "The target interval is longer than the longest interval.";
            say("/followUp/targetDays".into(), text.into());
        }
        for (name, measure) in &self.measures {
            let points = measure.worsening_points;
            if points.is_some_and(|n| n <= Decimal::ZERO) {
                let text = "A score is worse when it is higher: give points above 0.";
                say(format!("/measures/{name}/worseningPoints"), text.into());
            }
        }
        if self.approved_by.is_some() != self.approved_at.is_some() {
            let text = "approvedBy and approvedAt are given together.";
            say("/approvedAt".into(), text.into());
        }
        for (id, class) in &self.rules {
            if let Some(text) = immovable(id, *class) {
                say(format!("/rules/{id}"), text);
            }
        }
        out
    }

    /// The class under which `id` speaks for this practice; `own` is that of the finding itself.
    #[must_use]
    pub fn class(&self, id: &str, own: Class) -> Class {
        match (own, self.rules.get(id)) {
            (Class::Flag | Class::Hold, Some(moved)) => *moved,
            _ => own,
        }
    }

    /// Severity of a screening rule; moderate where the policy is silent.
    #[must_use]
    pub fn severity(&self, rule: &str) -> IssueSeverity {
        let found = self.severities.get(rule);
        found.copied().unwrap_or(IssueSeverity::Moderate)
    }
}

/// Why `id` may not be moved to `class`.
fn immovable(id: &str, class: Class) -> Option<String> {
    let Some(rule) = rule(id) else {
        return Some(format!("There is no rule {id}."));
    };
    if !matches!(rule.class, Class::Flag | Class::Hold) {
        return Some(format!(
            "{id} is a {} rule and cannot be moved.",
            rule.class
        ));
    }
    if !matches!(class, Class::Flag | Class::Hold) {
        return Some(format!("{id} can be FLAG or HOLD, not {class}."));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(from: &str, to: &str) -> Result<Policy> {
        let json = include_str!("policy.json");
        assert!(json.contains(from), "{from}");
        Policy::parse(&json.replace(from, to))
    }

    #[test]
    fn the_shipped_policy_reads_and_is_unsigned() {
        let policy = Policy::shipped();
        assert_eq!(policy.follow_up.max_days, 92);
        assert_eq!(policy.approved_by, None);
        let text = serde_json::to_string(&policy).expect("text");
        assert_eq!(Policy::parse(&text).expect("reads back"), policy);
    }

    #[test]
    fn flags_and_holds_move_and_nothing_else() {
        let moved = with(r#""rules": {}"#, r#""rules": {"KAP-INV-17": "HOLD"}"#).expect("movable");
        assert_eq!(moved.class("KAP-INV-17", Class::Flag), Class::Hold);
        assert_eq!(moved.class("KAP-INV-17", Class::Gate), Class::Gate);
        for (id, class) in [
            ("KAP-INV-21", "FLAG"),
            ("KAP-INV-04", "FLAG"),
            ("KAP-INV-02", "HOLD"),
            ("KAP-INV-17", "GATE"),
            ("KAP-INV-99", "FLAG"),
        ] {
            let rules = format!(r#""rules": {{"{id}": "{class}"}}"#);
            let error = with(r#""rules": {}"#, &rules).expect_err(id);
            assert_eq!(error.issues[0].at, Some(format!("/rules/{id}")));
        }
    }

    #[test]
    fn a_bad_policy_says_where() {
        let error = with("\"maxDays\": 92", "\"maxDays\": \"92\"").expect_err("a text");
        assert_eq!(error.issues[0].at.as_deref(), Some("/followUp/maxDays"));
        let error = with("\"scheduleThreeRefills\": 5", "\"scheduleThreeRefills\": 6");
        let error = error.expect_err("law");
        assert_eq!(error.kind, Kind::Unprocessable);
        let error = with("\"worseningPoints\": 10", "\"worseningPoints\": 0");
        let error = error.expect_err("every score would be worse");
        let at = error.issues[0].at.as_deref();
        assert_eq!(at, Some("/measures/PCL-5/worseningPoints"));
    }
}
