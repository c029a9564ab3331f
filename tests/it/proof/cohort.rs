//! Patients whose consents, ages and relations differ in every way that bears on sharing.

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use tokio::sync::OnceCell;

use super::mould::{Filling, Mould};
use super::oracle::{Consent, Person, Rule, Signer};

/// How old the patient is, as of November 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    Adult,
    /// Adult since October.
    JustAdult,
    /// Turns eighteen on Christmas Day.
    AlmostAdult,
    Child,
}

impl Age {
    pub const fn birth(self) -> &'static str {
        match self {
            Self::Adult => "1984-03-12",
            Self::JustAdult => "2008-10-01",
            Self::AlmostAdult => "2008-12-25",
            Self::Child => "2011-02-03",
        }
    }

    /// The start of the eighteenth birthday in Los Angeles.
    fn adult(self) -> i64 {
        millis(match self {
            Self::Adult => datetime!(2002-03-12 08:00 UTC),
            Self::JustAdult => datetime!(2026-10-01 07:00 UTC),
            Self::AlmostAdult => datetime!(2026-12-25 08:00 UTC),
            Self::Child => datetime!(2029-02-03 08:00 UTC),
        })
    }

    /// Whether consents of May 2026 were a child's.
    pub const fn was_child(self) -> bool {
        !matches!(self, Self::Adult)
    }
}

/// By which door a consent comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Json,
    Fhir,
}

/// A patient to be.
#[derive(Clone, Debug)]
pub struct Plan {
    pub tag: String,
    pub age: Age,
    /// Referred, prescribed for, and with an outside provider in the care team.
    pub related: bool,
    pub consents: Vec<Consent>,
    pub door: Door,
    /// Agreements that say nothing of sharing: `status` or `kind` of a consent that permits everything.
    pub idle: Option<(&'static str, &'static str)>,
}

fn millis(at: OffsetDateTime) -> i64 {
    at.unix_timestamp() * 1000
}

/// When everybody's episode began, and the days after that.
pub const START: OffsetDateTime = datetime!(2026-05-01 17:00 UTC);

pub fn day(n: i64) -> OffsetDateTime {
    START + Duration::days(n)
}

/// The first instant of the day `n` days after the start, in Los Angeles.
fn midnight(n: i64) -> i64 {
    let hour = if n < 185 { 7 } else { 8 };
    millis(day(n).replace_time(time::Time::from_hms(hour, 0, 0).expect("a time")))
}

pub fn permit(to: &[&'static str], labels: &[&'static str]) -> Rule {
    Rule {
        permit: true,
        recipients: to.to_vec(),
        labels: labels.to_vec(),
        ..Rule::default()
    }
}

pub fn deny(to: &[&'static str], labels: &[&'static str]) -> Rule {
    Rule {
        permit: false,
        ..permit(to, labels)
    }
}

impl Rule {
    fn purposes(mut self, purposes: &[&'static str]) -> Self {
        self.purposes = purposes.to_vec();
        self
    }

    fn classes(mut self, classes: &[&'static str]) -> Self {
        self.classes = classes.to_vec();
        self
    }
}

/// A consent with the root rule `deny`, signed by the patient on day 40, for good.
pub fn consent(rules: Vec<Rule>) -> Consent {
    Consent {
        part2: false,
        signed: millis(day(40)),
        from: i64::MIN,
        until: i64::MAX,
        withdrawn: None,
        signers: vec![Signer::Patient],
        root_permits: Some(false),
        rules,
    }
}

impl Consent {
    pub fn root(mut self, permits: Option<bool>) -> Self {
        self.root_permits = permits;
        self
    }
    pub fn signed_on(mut self, n: i64) -> Self {
        self.signed = millis(day(n));
        self
    }
    pub fn by(mut self, signers: &[Signer]) -> Self {
        self.signers = signers.to_vec();
        self
    }
    pub fn through(mut self, last: i64) -> Self {
        self.until = midnight(last + 1);
        self
    }
    pub fn starting(mut self, first: i64) -> Self {
        self.from = midnight(first);
        self
    }
    pub fn withdrawn_on(mut self, n: i64) -> Self {
        self.withdrawn = Some(millis(day(n)));
        self
    }
    pub fn part2(mut self) -> Self {
        self.part2 = true;
        self
    }
}

/// What lets everybody be referred: a permit that ended before anything that is tested.
pub fn bootstrap(age: Age) -> Consent {
    let signers: &[Signer] = if age.was_child() {
        &[Signer::Guardian, Signer::Assent]
    } else {
        &[Signer::Patient]
    };
    let all = consent(vec![]).root(Some(true));
    all.signed_on(0).through(30).by(signers)
}

/// The last day of the expiry that is still to come, and the first of the period that is.
pub const SOON: i64 = 220;
const P: &[&str] = &["partner-1"];
const X: &[&str] = &["external-1"];
const RX: &[&str] = &["pharmacy-1"];
const IN: &[&str] = &["integrator-1"];
const MIND: &[&str] = &["N", "PSY"];
const USE: &[&str] = &["N", "PSY", "ETH", "SUD"];

/// Consents of one patient, by name.
type Recipe = (&'static str, Age, Vec<Consent>);

#[rustfmt::skip]
fn adults() -> Vec<Recipe> {
    let one = |rules: Vec<Rule>| vec![consent(rules)];
    let a = Age::Adult;
    vec![
        ("none", a, vec![]),
        ("partner", a, one(vec![permit(P, MIND)])),
        ("partner and primary care", a, one(vec![permit(P, MIND), permit(X, MIND)])),
        ("partner, use", a, one(vec![permit(P, USE)])),
        ("partner, no label named", a, one(vec![permit(P, &[])])),
        ("partner, normal only", a, one(vec![permit(P, &["N"])])),
        ("partner, level only", a, one(vec![permit(P, &["R"])])),
        ("partner, no trauma for anyone", a, one(vec![permit(P, &["N", "PSY", "SDV", "MST", "SEX"]), deny(&[], &["SDV", "MST"])])),
        ("partner, trauma too", a, one(vec![permit(P, &["N", "PSY", "SDV", "MST", "SEX"])])),
        ("partner, no violence for it", a, one(vec![permit(P, &["N", "PSY", "SDV", "MST", "SEX"]), permit(X, &["N", "PSY", "SDV"]), deny(P, &["SDV"])])),
        ("everyone", a, one(vec![permit(&[], MIND)])),
        ("root permits", a, vec![consent(vec![]).root(Some(true))]),
        ("root permits but one", a, vec![consent(vec![deny(X, &[])]).root(Some(true))]),
        ("root permits but a topic", a, vec![consent(vec![deny(&[], &["HIV", "ETH"])]).root(Some(true))]),
        ("root denies all", a, one(vec![])),
        ("pharmacy's part", a, one(vec![permit(P, MIND), permit(RX, MIND).classes(&["prescription", "allergies", "shipping"])])),
        ("pharmacy, prescription", a, one(vec![permit(RX, MIND).classes(&["prescription"])])),
        ("pharmacy, everything", a, one(vec![permit(RX, USE)])),
        ("primary care, prescription", a, one(vec![permit(X, MIND).classes(&["prescription"])])),
        ("primary care, substance use too", a, one(vec![permit(X, &["N", "PSY", "ETH", "SUD", "ETHUD"]).purposes(&["TREAT"])])),
        ("integrator", a, one(vec![permit(IN, MIND).purposes(&["HOPERAT"])])),
        ("integrator, wide", a, one(vec![permit(IN, &["N", "PSY", "ADOL", "ETH", "SUD", "SDV", "HIV"])])),
        ("integrator, other purpose", a, one(vec![permit(IN, MIND).purposes(&["TREAT"])])),
        ("partner, payment only", a, one(vec![permit(P, MIND).purposes(&["HPAYMT"])])),
        ("partner, emergency only", a, one(vec![permit(P, MIND).purposes(&["BTG"])])),
        ("partner, not for payment", a, one(vec![permit(P, MIND), deny(P, &[]).purposes(&["HPAYMT"])])),
        ("expired", a, vec![consent(vec![permit(P, MIND), permit(X, MIND)]).through(100)]),
        ("expires soon", a, vec![consent(vec![permit(P, MIND), permit(X, MIND)]).through(SOON)]),
        ("starts soon", a, vec![consent(vec![permit(P, MIND), permit(X, MIND)]).starting(SOON)]),
        ("withdrawn", a, vec![consent(vec![permit(P, MIND), permit(X, MIND)]).withdrawn_on(90)]),
        ("withdrawn, given anew", a, vec![consent(vec![permit(P, USE)]).withdrawn_on(90), consent(vec![permit(P, MIND)]).signed_on(120)]),
        ("withdrawn, another from before", a, vec![consent(vec![permit(P, USE)]).withdrawn_on(90), consent(vec![permit(P, MIND)]).signed_on(60)]),
        ("withdrawn by one, kept for the other", a, vec![consent(vec![permit(P, MIND)]).withdrawn_on(90), consent(vec![permit(X, MIND)]).signed_on(60)]),
        ("withdrawn by both, given to one anew", a, vec![consent(vec![permit(P, MIND), permit(X, MIND)]).withdrawn_on(90), consent(vec![permit(X, MIND)]).signed_on(120)]),
        ("withdrawn permit of all", a, vec![consent(vec![]).root(Some(true)).withdrawn_on(90)]),
        ("use shared", a, one(vec![permit(P, USE), permit(X, USE)])),
        ("Part 2 beside privacy", a, vec![consent(vec![permit(P, USE), permit(X, USE)]), consent(vec![permit(P, USE), permit(X, USE)]).part2()]),
        ("Part 2 alone", a, vec![consent(vec![permit(P, USE), permit(X, USE)]).part2()]),
        ("Part 2 withdrawn", a, vec![consent(vec![permit(P, USE)]), consent(vec![permit(P, USE)]).part2().withdrawn_on(90)]),
        ("very restricted", a, one(vec![permit(P, &["V", "PSY", "HIV"])])),
        ("mental health", a, one(vec![permit(P, &["N", "MH"]), permit(X, &["BH"])])),
        ("disorders below use", a, one(vec![permit(P, &["PSY", "SUD"])])),
        ("restricted denied", a, one(vec![permit(P, MIND), deny(P, &["R"])])),
        ("psychiatry denied to all", a, one(vec![permit(P, MIND), permit(X, MIND), deny(&[], &["PSY"])])),
        ("deny beats a permit elsewhere", a, vec![consent(vec![permit(P, MIND), permit(X, MIND)]), consent(vec![deny(P, &[])]).signed_on(60)]),
        ("two permits are not one", a, vec![consent(vec![permit(P, MIND)]), consent(vec![permit(P, &["ETH", "SUD", "ETHUD"])])]),
        ("roots disagree", a, vec![consent(vec![]).root(Some(true)), consent(vec![permit(X, MIND)]).signed_on(60)]),
        ("another partner", a, one(vec![permit(&["partner-2"], MIND), permit(&["external-2"], USE)])),
        ("shipping denied", a, vec![consent(vec![permit(RX, MIND), deny(RX, &[]).classes(&["shipping"])])]),
        ("not to be passed on", a, one(vec![permit(P, &["N", "PSY", "NOAUTH"]), permit(X, &["N", "PSY", "PRS"])])),
        ("no root rule", a, vec![consent(vec![permit(P, MIND), deny(X, &["PSY"])]).root(None)]),
    ]
}

#[rustfmt::skip]
fn minors() -> Vec<Recipe> {
    use Signer::{Assent, Guardian, Patient};
    let young: &[&str] = &["N", "PSY", "ADOL", "ETH", "SUD"];
    let both = || consent(vec![permit(P, young), permit(X, &["N", "PSY", "ADOL"])]).by(&[Guardian, Assent]);
    let alone = || consent(vec![permit(P, young), permit(X, &["N", "PSY", "ADOL"])]).by(&[Guardian]);
    let own = || consent(vec![permit(P, young)]).by(&[Patient]).signed_on(170);
    vec![
        ("child, no consent", Age::Child, vec![]),
        ("child, both signed", Age::Child, vec![both()]),
        ("child, guardian alone", Age::Child, vec![alone()]),
        ("child, adolescence not named", Age::Child, vec![consent(vec![permit(P, MIND)]).by(&[Guardian, Assent])]),
        ("child, integrator", Age::Child, vec![consent(vec![permit(IN, &["N", "PSY", "ADOL"])]).by(&[Guardian, Assent])]),
        ("almost adult, both signed", Age::AlmostAdult, vec![both()]),
        ("almost adult, guardian alone", Age::AlmostAdult, vec![alone()]),
        ("almost adult, ends before", Age::AlmostAdult, vec![alone().through(200)]),
        ("adult now, guardian alone", Age::JustAdult, vec![alone()]),
        ("adult now, own consent", Age::JustAdult, vec![alone(), own()]),
        ("adult now, root permitted", Age::JustAdult, vec![alone().root(Some(true))]),
    ]
}

/// Recipes of the decision table: they come in by either door.
const DECISIONS: [&str; 15] = [
    "none",
    "partner",
    "partner, use",
    "partner and primary care",
    "partner, no trauma for anyone",
    "partner, trauma too",
    "partner, emergency only",
    "use shared",
    "Part 2 beside privacy",
    "withdrawn",
    "withdrawn by both, given to one anew",
    "adult now, guardian alone",
    "adult now, own consent",
    "child, both signed",
    "child, guardian alone",
];

/// Everybody: each recipe with relations and a few without, through one door or both.
fn plans() -> Vec<Plan> {
    let mut out = vec![];
    for (n, (tag, age, consents)) in adults().into_iter().chain(minors()).enumerate() {
        let doors = [Door::Json, Door::Fhir];
        let plan = |door: Door, related: bool| Plan {
            tag: tag.to_owned(),
            age,
            related,
            consents: consents.clone(),
            door,
            idle: None,
        };
        out.push(plan(doors[n % 2], true));
        if DECISIONS.contains(&tag) {
            out.push(plan(doors[(n + 1) % 2], true));
        }
        if n % 8 == 1 {
            out.push(plan(doors[n / 8 % 2], false));
        }
    }
    for idle in [
        ("draft", "privacy-disclosure"),
        ("not-obtained", "privacy-disclosure"),
        ("entered-in-error", "privacy-disclosure"),
        ("active", "psychotherapy-notes-authorization"),
        ("active", "treatment-informed-consent"),
    ] {
        out.push(Plan {
            tag: format!("idle: {} {}", idle.0, idle.1),
            age: Age::Adult,
            related: true,
            consents: vec![],
            door: Door::Json,
            idle: Some(idle),
        });
    }
    out
}

static COHORT: OnceCell<Mould> = OnceCell::const_new();

/// The database with everybody.
pub async fn cohort() -> &'static Mould {
    let made = async || Mould::of(vec![Filling::first("first", plans())], 0, 6).await;
    COHORT.get_or_init(made).await
}

impl Plan {
    /// The patient as the oracle knows it.
    pub fn person(&self) -> Person {
        let mut relations = vec![];
        if self.related {
            relations = vec![
                ("external-1", millis(day(0))),
                ("partner-1", millis(day(10))),
                ("pharmacy-1", millis(datetime!(2026-06-10 20:20 UTC))),
            ];
        }
        let mut consents = vec![bootstrap(self.age)];
        consents.extend(self.consents.clone());
        Person {
            adult: self.age.adult(),
            consents,
            relations,
        }
    }
}
