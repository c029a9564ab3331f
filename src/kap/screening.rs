//! What the answers, problems, medicines and allergies of a person say about risk (KAP-INV-18, 19, 20, 29).
//!
//! The rules flag; a clinician decides.

use super::Episode;
use super::act::Context;
use super::act::Finding;
use super::base::{Coding, Id, Instant};
use super::consultation::{Answer, ClinicalStatus, Screening, ScreeningItem, VerificationStatus};
use super::safety::IssueSeverity;

const SNOMED: &str = "http://snomed.info/sct";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const COND: (&str, &str) = ("COND", "Condition Alert");
const DRUG: (&str, &str) = ("DRG", "Drug Interaction Alert");
const ABUSE: (&str, &str) = ("ABUSE", "commonly abused/misused alert");

/// Problems by SNOMED CT code (domain reference, appendix B).
const PROBLEMS: &[(&str, &[&str])] = &[
    (
        "KAP-RULE-MANIA",
        &["13746004", "83225003", "231494001", "231496004"],
    ),
    (
        "KAP-RULE-PSYCHOSIS",
        &["58214004", "69322001", "68890003", "161468000", "28475009"],
    ),
    ("KAP-RULE-DISSOC", &["44376007"]),
    (
        "KAP-RULE-HTN",
        &[
            "59621000",
            "371622005",
            "24184005",
            "3424008",
            "698247007",
            "84114007",
            "22298006",
        ],
    ),
    (
        "KAP-RULE-ICP",
        &["128609009", "67362008", "1386000", "271719001"],
    ),
    ("KAP-RULE-GLAUCOMA", &["23986001"]),
    ("KAP-RULE-THYROID", &["34486009"]),
    ("KAP-RULE-URO", &["38822007"]),
    ("KAP-RULE-RESP", &["73430006"]),
    ("KAP-RULE-PREG", &["77386006", "866041003"]),
    (
        "KAP-RULE-SUD",
        &["26416006", "66214007", "191816009", "37344009", "15167005"],
    ),
];

/// Medicines by RxNorm ingredient (domain reference, appendix B).
const INGREDIENTS: &[(&str, &[&str])] = &[
    (
        "KAP-RULE-MAOI",
        &["8123", "10734", "6011", "9639", "30121", "7394", "38382"],
    ),
    ("KAP-RULE-BENZO", &["6470", "2598", "596", "3322"]),
];

/// Medicines by the class that the practice gave them.
const CLASSES: &[(&str, &str)] = &[
    ("maoi", "KAP-RULE-MAOI"),
    ("benzodiazepine", "KAP-RULE-BENZO"),
    ("opioid", "KAP-RULE-CNS"),
    ("cns-depressant", "KAP-RULE-CNS"),
    ("stimulant", "KAP-RULE-STIM"),
];

/// Items of the KAP screening form, with the answer that raises the rule.
const ITEMS: &[(&str, bool, &str)] = &[
    ("maoi", true, "KAP-RULE-MAOI"),
    ("benzo", true, "KAP-RULE-BENZO"),
    ("psychosis-hx", true, "KAP-RULE-PSYCHOSIS"),
    ("bp-stable", false, "KAP-RULE-HTN"),
    ("substance-use", true, "KAP-RULE-SUD"),
    ("pregnancy", true, "KAP-RULE-PREG"),
    ("severe-dissociation", true, "KAP-RULE-DISSOC"),
];

impl Episode {
    /// Flags what is new; what was flagged before is left alone.
    pub(super) fn screen(&mut self, at: Instant, ctx: &Context) {
        let mut found = vec![];
        self.screen_person(at, &mut found);
        self.screen_medicines(&mut found);
        self.screen_problems(&mut found);
        self.screen_answers(&mut found);
        let worsened = self.worsened(ctx.policy).into_iter();
        found.extend(worsened.map(|id| ("KAP-RULE-WORSENING", id)));
        // Each positive screener holds anew: that an earlier one was dealt with says nothing of this one.
        let news = |(rule, subject): &(&str, Id)| {
            let mut known = self.detected_issues.iter();
            *rule == "KAP-RULE-CSSRS"
                && !known.any(|i| i.rule_id == *rule && i.implicated.contains(subject))
        };
        let grave = found.iter().any(news);
        for (rule, subject) in found {
            let finding = Finding {
                rule,
                code: code_of(rule),
                severity: severity_of(rule, ctx),
                subject,
                at,
                text: text_of(rule),
            };
            self.join(finding, ctx);
        }
        if grave {
            self.hold_for_risk(at);
        }
    }

    /// Adds the subject to an open finding of the rule, else raises one.
    fn join(&mut self, f: Finding, ctx: &Context) {
        use super::safety::IssueStatus as S;
        let known =
            |i: &&super::safety::DetectedIssue| i.rule_id == f.rule && i.code.code == f.code.0;
        if self
            .detected_issues
            .iter()
            .filter(known)
            .any(|i| i.implicated.contains(&f.subject))
        {
            return;
        }
        // A new answer about suicide is a new finding, whatever was found before.
        let merges = !matches!(f.rule, "KAP-RULE-SI-ITEM9" | "KAP-RULE-CSSRS");
        let open = |i: &&mut super::safety::DetectedIssue| {
            let same = i.rule_id == f.rule && i.code.code == f.code.0;
            same && i.status == S::Preliminary && merges
        };
        let (rule, subject) = (f.rule, f.subject.clone());
        match self.detected_issues.iter_mut().find(open) {
            Some(issue) => issue.implicated.push(f.subject),
            None => self.raise(f, ctx),
        }
        self.guard(rule, &subject);
    }

    /// A finding is as sensitive as the problem that raised it: whoever may not see the one may not see the other.
    fn guard(&mut self, rule: &str, subject: &Id) {
        let problem = self.problems.iter().find(|p| p.id == *subject);
        let Some(labels) = problem.map(|p| p.sensitivity.clone()) else {
            return;
        };
        let about = |i: &&mut super::safety::DetectedIssue| {
            i.rule_id == rule && i.implicated.contains(subject)
        };
        for issue in self.detected_issues.iter_mut().filter(about) {
            for label in &labels {
                if !issue.sensitivity.contains(label) {
                    issue.sensitivity.push(label.clone());
                }
            }
        }
    }

    fn screen_person(&self, at: Instant, out: &mut Vec<(&'static str, Id)>) {
        if self.is_minor(self.calendar().day(at)) {
            out.push(("KAP-RULE-MINOR", self.patient.id.clone()));
        }
        for allergy in self.allergies.iter().filter(|a| !a.no_known) {
            let named = allergy.text.to_lowercase().contains("ketamine");
            if named || allergy.coding.as_ref().is_some_and(is_ketamine) {
                out.push(("KAP-RULE-ALLERGY", allergy.id.clone()));
            }
        }
    }

    fn screen_medicines(&self, out: &mut Vec<(&'static str, Id)>) {
        for medicine in self.medications.iter().filter(|m| m.status == "active") {
            let class = medicine.class.as_deref();
            let by_class = CLASSES.iter().find(|(name, _)| Some(*name) == class);
            let by_code = medicine
                .coding
                .as_ref()
                .and_then(|c| listed(INGREDIENTS, c, RXNORM));
            if let Some(rule) = by_class.map(|(_, rule)| *rule).or(by_code) {
                out.push((rule, medicine.id.clone()));
            }
            if medicine.text.to_lowercase().contains("lamotrigine") {
                out.push(("KAP-RULE-LAMO", medicine.id.clone()));
            }
        }
    }

    fn screen_problems(&self, out: &mut Vec<(&'static str, Id)>) {
        use VerificationStatus as V;
        for problem in &self.problems {
            let denied = matches!(problem.verification_status, V::Refuted | V::EnteredInError);
            let over = matches!(problem.clinical_status, ClinicalStatus::Resolved);
            let coded = problem
                .codings
                .iter()
                .find_map(|c| listed(PROBLEMS, c, SNOMED));
            // A history of psychosis or mania counts although it is over.
            let lasting = |rule| matches!(rule, "KAP-RULE-PSYCHOSIS" | "KAP-RULE-MANIA");
            if let Some(rule) = coded.filter(|r| !denied && (!over || lasting(r))) {
                out.push((rule, problem.id.clone()));
            }
        }
    }

    fn screen_answers(&self, out: &mut Vec<(&'static str, Id)>) {
        for screening in &self.screenings {
            let id = || screening.id.clone();
            if screening.instrument == "KAP-SCREEN" {
                let raised = screening.items.iter().filter_map(item_rule);
                out.extend(raised.map(|rule| (rule, id())));
            }
            if screening.item9.is_some_and(|n| n > 0) {
                out.push(("KAP-RULE-SI-ITEM9", id()));
            }
            if suicide_risk(screening) {
                out.push(("KAP-RULE-CSSRS", id()));
            }
        }
        for outcome in self
            .outcomes
            .iter()
            .filter(|o| o.item9.is_some_and(|n| n > 0))
        {
            // The total of a screening that was flagged itself is no second finding.
            let of = outcome.questionnaire_response_id.clone();
            out.push((
                "KAP-RULE-SI-ITEM9",
                of.unwrap_or_else(|| outcome.id.clone()),
            ));
        }
    }

    fn hold_for_risk(&mut self, at: Instant) {
        self.hold_automatically(at, "positive suicide-risk screener; held for review");
    }

    /// Whether a suicide-risk screener was taken by `at`.
    pub(super) fn has_risk_screener(&self, at: Instant) -> bool {
        let taken = |s: &Screening| s.at.or(s.authored).is_some_and(|t| t <= at);
        self.screenings
            .iter()
            .any(|s| s.instrument.starts_with("C-SSRS") && taken(s))
    }

    /// Whether anybody asked about pregnancy; unknown and declined are answers.
    pub(super) fn pregnancy_asked(&self) -> bool {
        let item = |s: &Screening| s.items.iter().any(|i| i.link_id == "pregnancy");
        let form = self
            .screenings
            .iter()
            .any(|s| s.instrument == "KAP-PREGNANCY" || item(s));
        let coded =
            |c: &Coding| c.system == SNOMED && matches!(c.code.as_str(), "77386006" | "60001007");
        form || self.problems.iter().any(|p| p.codings.iter().any(coded))
    }
}

/// The rule that an answer of the KAP screening form raises.
fn item_rule(item: &ScreeningItem) -> Option<&'static str> {
    let Answer::Boolean(said) = item.answer else {
        return None;
    };
    let hit = ITEMS
        .iter()
        .find(|(link, when, _)| *link == item.link_id && *when == said);
    hit.map(|(.., rule)| *rule)
}

/// Triage of the C-SSRS screener: moderate or high (domain reference §4.4). Wishes and unspecific thoughts alone are low.
fn suicide_risk(screening: &Screening) -> bool {
    if !screening.instrument.starts_with("C-SSRS") {
        return false;
    }
    let stated = screening.risk_level.as_deref();
    let yes = |item: &ScreeningItem| match &item.answer {
        Answer::Boolean(said) => *said,
        Answer::Coding(c) => c.code == "LA33-6",
        _ => false,
    };
    let low = |item: &ScreeningItem| {
        ["93246-7", "93247-5"]
            .iter()
            .any(|c| item.link_id.trim_start_matches('/') == *c)
    };
    let answered = screening.items.iter().any(|i| yes(i) && !low(i));
    matches!(stated, Some("moderate" | "high")) || answered
}

fn is_ketamine(coding: &Coding) -> bool {
    (coding.system == SNOMED && coding.code == "373464007")
        || (coding.system == RXNORM && coding.code == "6130")
}

fn listed(
    table: &[(&'static str, &[&str])],
    coding: &Coding,
    system: &str,
) -> Option<&'static str> {
    let hit = table
        .iter()
        .find(|(_, codes)| codes.contains(&coding.code.as_str()));
    hit.filter(|_| coding.system == system)
        .map(|(rule, _)| *rule)
}

fn severity_of(rule: &str, ctx: &Context) -> IssueSeverity {
    match rule {
        "KAP-RULE-SI-ITEM9" => IssueSeverity::Moderate,
        "KAP-RULE-CSSRS" => IssueSeverity::High,
        other => ctx.policy.severity(other),
    }
}

fn code_of(rule: &str) -> (&'static str, &'static str) {
    match rule {
        "KAP-RULE-MAOI" | "KAP-RULE-BENZO" | "KAP-RULE-CNS" | "KAP-RULE-STIM" | "KAP-RULE-LAMO" => {
            DRUG
        }
        "KAP-RULE-MINOR" => ("PEALRT", "pediatric alert"),
        "KAP-RULE-ALLERGY" => ("ALGY", "Allergy Alert"),
        "KAP-RULE-PREG" => ("PREG", "Pregnancy Alert"),
        "KAP-RULE-SI-ITEM9" | "KAP-RULE-CSSRS" | "KAP-RULE-WORSENING" => {
            ("OBSA", "Observation Alert")
        }
        "KAP-RULE-SUD" => ABUSE,
        _ => COND,
    }
}

fn text_of(rule: &str) -> &'static str {
    match rule {
        "KAP-RULE-MAOI" => {
            "A monoamine oxidase inhibitor is reported; for the prescriber to decide."
        }
        "KAP-RULE-BENZO" => "A benzodiazepine is reported; for the prescriber to advise on a hold.",
        "KAP-RULE-CNS" => "A sedating medicine is reported; for the prescriber to decide.",
        "KAP-RULE-STIM" => "A stimulant is reported; for the prescriber to decide.",
        "KAP-RULE-LAMO" => "Lamotrigine is reported; it may blunt the response.",
        "KAP-RULE-PSYCHOSIS" => {
            "Psychosis or schizophrenia is reported; for the prescriber to decide."
        }
        "KAP-RULE-MANIA" => "Mania or bipolar disorder is reported; for the prescriber to decide.",
        "KAP-RULE-DISSOC" => "Severe dissociation is reported; for the prescriber to decide.",
        "KAP-RULE-HTN" => {
            "A cardiovascular condition is reported: confirm control before clearance."
        }
        "KAP-RULE-ICP" => {
            "An intracranial or vascular concern is reported; for the prescriber to decide."
        }
        "KAP-RULE-SUD" => "Possible substance misuse is reported; for the prescriber to decide.",
        "KAP-RULE-PREG" => {
            "Pregnancy, plans of it or breast feeding are reported; for the prescriber to decide."
        }
        "KAP-RULE-ALLERGY" => {
            "An allergy to ketamine is reported, for the prescriber to judge: the action 1 (Therapy Appropriate) \
             clears it, any other confirms it and keeps from clearance and dosing."
        }
        "KAP-RULE-MINOR" => {
            "The patient is a minor: guardian consent, assent and specialised evaluation are required."
        }
        "KAP-RULE-SI-ITEM9" => {
            "PHQ-9 item 9 is above 0: a clinician's safety review is due the same day."
        }
        "KAP-RULE-CSSRS" => {
            "The suicide-risk screener is positive: a clinician's safety review is due the same day."
        }
        "KAP-RULE-WORSENING" => {
            "A score has risen above its baseline by the policy's points or more; for a clinician to review."
        }
        _ => "A condition is reported that the prescriber reviews.",
    }
}
