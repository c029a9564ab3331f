//! Who may see what, judged naively and independently of the service: written from the domain reference (5.2 to 5.6) and
//! the security reference (2) alone, with lists and strings. No masks, no SQL, nothing of `src/access` but the letters
//! of role and type, which are policy.

/// What the operator chose for where no consent speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    ConsentRequired,
    FederalBaseline,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Who {
    pub organization: &'static str,
    pub role: &'static str,
    pub purpose: &'static str,
}

/// A stored resource.
#[derive(Clone, Debug)]
pub struct Row {
    pub kind: String,
    pub id: String,
    pub patient: Option<String>,
    pub owner: String,
    /// The organization whose client made it.
    pub author: String,
    /// `D0` to `D19` (domain reference 5.3), or what the table leaves open.
    pub class: &'static str,
    /// Security codes that protect; levels below `R` are none.
    pub labels: Vec<String>,
    /// Of a Provenance: what it names, as `Type/id`.
    pub about: Vec<String>,
}

/// Who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    Patient,
    /// A minor who agrees.
    Assent,
    /// A parent.
    Guardian,
}

/// A rule within a consent; lists that are empty set no bound.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub permit: bool,
    /// Organizations.
    pub recipients: Vec<&'static str>,
    pub purposes: Vec<&'static str>,
    pub labels: Vec<&'static str>,
    pub classes: Vec<&'static str>,
}

/// A consent to disclosure that was signed. Instants are milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct Consent {
    pub part2: bool,
    pub signed: i64,
    pub from: i64,
    /// The first instant at which it no longer holds.
    pub until: i64,
    pub withdrawn: Option<i64>,
    pub signers: Vec<Signer>,
    pub root_permits: Option<bool>,
    pub rules: Vec<Rule>,
}

/// A patient with what bears on sharing.
#[derive(Clone, Debug)]
pub struct Person {
    /// Since when the patient is no longer a minor.
    pub adult: i64,
    pub consents: Vec<Consent>,
    /// Organizations with a part in the treatment, and since when.
    pub relations: Vec<(&'static str, i64)>,
}

const CLINICAL: [&str; 8] = ["D0", "D2", "D3", "D4", "D5", "D6", "D7", "D8"];
/// What domain reference 5.3 leaves open.
const OPEN: [&str; 3] = ["course", "referral", "message"];

/// Whether `who` may see the row at `now`; what its role may do with the type at all was asked before.
pub fn sees(who: &Who, row: &Row, person: Option<&Person>, policy: Policy, now: i64) -> bool {
    if row.class == "directory" && row.kind != "Provenance" {
        return true;
    }
    if who.organization == row.owner {
        return match who.role {
            "practice-therapist" => true,
            "practice-admin" => ["D0", "D1", "D16", "D17"].contains(&row.class),
            "privacy-officer" => ["D1", "D19"].contains(&row.class),
            _ => false,
        };
    }
    if !ever(who, row) {
        return false;
    }
    if row.author == who.organization {
        return true;
    }
    let Some(person) = person else { return false };
    let asked = Asked {
        who,
        row,
        person,
        now,
    };
    if asked.denied() {
        return false;
    }
    match asked.withdrawal() {
        Some(at) => asked.permits(at),
        None => asked.permits(i64::MIN) || asked.by_default(policy),
    }
}

/// The columns of the table in 5.4: what a role is told in the best of cases.
fn ever(who: &Who, row: &Row) -> bool {
    let class = row.class;
    let is = |list: &[&str]| list.contains(&class);
    match who.role {
        "partner-prescriber" | "partner-nurse" => {
            is(&CLINICAL)
                || is(&OPEN)
                || is(&[
                    "D1", "D3a", "D11", "D12", "D13", "D14", "D16", "D18", "D18s", "D19",
                ])
        }
        "external-ehr" => {
            is(&CLINICAL)
                || is(&[
                    "course", "D1", "D3a", "D11", "D12", "D13", "D14", "D18", "D18s",
                ])
        }
        "integrator" => {
            let minor = row.labels.iter().any(|l| l == "ADOL");
            !minor && (is(&CLINICAL) || is(&OPEN) || is(&["D1", "D3a", "D11", "D18", "D18s"]))
        }
        "pharmacy" => is(&["D1", "D3a", "D18", "D18s"]),
        _ => false,
    }
}

struct Asked<'a> {
    who: &'a Who,
    row: &'a Row,
    person: &'a Person,
    now: i64,
}

impl Asked<'_> {
    fn related(&self) -> bool {
        let here = |(organization, since): &(&str, i64)| {
            *organization == self.who.organization && *since <= self.now
        };
        self.person.relations.iter().any(here)
    }

    /// Whether it was signed for a child and has not outlived the childhood.
    fn outgrown(&self, consent: &Consent) -> bool {
        let adult = self.person.adult;
        let childs = consent.signed < adult && !consent.signers.contains(&Signer::Patient);
        childs && adult <= self.now && adult < consent.until
    }

    /// When it was taken back, if it is by now.
    fn taken_back(&self, consent: &Consent) -> Option<i64> {
        consent.withdrawn.filter(|t| *t <= self.now)
    }

    /// The consents that speak of such a record and hold: Part 2 records have consents of their own.
    fn in_force(&self) -> impl Iterator<Item = &Consent> {
        self.person.consents.iter().filter(|c| {
            c.signed <= self.now
                && c.from <= self.now
                && self.now < c.until
                && self.taken_back(c).is_none()
        })
    }

    fn is_part2(&self) -> bool {
        self.row.class == "D12"
    }

    /// Whether a consent that was signed after `after` permits the row.
    fn permits(&self, after: i64) -> bool {
        let fresh = |c: &&Consent| c.signed > after && !self.outgrown(c);
        self.in_force().filter(fresh).any(|c| {
            let by_rule = c.rules.iter().filter(|r| r.permit).any(|r| {
                self.is_for(r)
                    && (r.recipients.contains(&self.who.organization) || self.related())
                    && self.covers(c, &r.labels)
            });
            let everyone: [&str; 0] = [];
            let by_root =
                c.root_permits == Some(true) && self.related() && self.covers(c, &everyone);
            by_rule || by_root
        })
    }

    /// Whether the rule's recipients, purposes and classes are these.
    fn is_for(&self, rule: &Rule) -> bool {
        let named = rule.recipients.is_empty() || rule.recipients.contains(&self.who.organization);
        let purpose = match (rule.purposes.is_empty(), rule.permit) {
            (true, true) => self.who.purpose != "BTG",
            (true, false) => true,
            (false, _) => rule.purposes.iter().any(|p| includes(p, self.who.purpose)),
        };
        let class =
            rule.classes.is_empty() || rule.classes.iter().any(|c| class_of(c, self.row.class));
        named && purpose && class
    }

    /// Every label of the row is among what the rule names, or below it.
    fn covers(&self, consent: &Consent, named: &[&str]) -> bool {
        if consent.part2 != self.row.labels.iter().any(|l| l == "42CFRPart2") {
            return false;
        }
        let default = ["N", "PSY"];
        let named = if named.is_empty() {
            &default[..]
        } else {
            named
        };
        let minor_signed = consent.signed >= self.person.adult
            || consent.signers.iter().any(|s| *s != Signer::Guardian);
        self.row.labels.iter().all(|label| match label.as_str() {
            // They ask for a consent, and this is one; or they bind others.
            "42CFRPart2" | "NODSCLCD" | "NORDSCLCD" | "HIPAASelfPay" => true,
            // They ask for more than a consent.
            "NOAUTH" | "HIPAAPsyNotes" | "PSYTHPN" => false,
            "R" => named.iter().any(|n| !["U", "L", "M", "N"].contains(n)),
            "ADOL" if !minor_signed => false,
            label => named.iter().any(|n| within(n, label)),
        })
    }

    fn denied(&self) -> bool {
        self.in_force()
            .filter(|c| !c.part2 || self.is_part2())
            .flat_map(|c| &c.rules)
            .filter(|r| !r.permit && self.is_for(r))
            .any(|r| {
                let touches = |n: &&str| self.row.labels.iter().any(|l| within(n, l));
                r.labels.is_empty() || r.labels.iter().any(touches)
            })
    }

    /// The last instant at which a consent was taken back that had permitted something to this organization.
    fn withdrawal(&self) -> Option<i64> {
        let told = |c: &&Consent| {
            let here = |r: &Rule| {
                r.recipients.contains(&self.who.organization)
                    || (r.recipients.is_empty() && self.related())
            };
            let by_rule = c.rules.iter().any(|r| r.permit && here(r));
            let by_root = c.root_permits == Some(true) && self.related();
            c.part2 == self.is_part2() && (by_rule || by_root)
        };
        let consents = self.person.consents.iter().filter(told);
        consents.filter_map(|c| self.taken_back(c)).max()
    }

    /// 5.6, rows 1 and 2.
    fn by_default(&self, policy: Policy) -> bool {
        if !self.related() {
            return false;
        }
        let partner = self.who.role.starts_with("partner");
        if partner && self.row.class == "D6" && self.usual() {
            return true;
        }
        let switched_off = self.person.consents.iter().any(|c| {
            let holds = c.signed <= self.now && c.from <= self.now && self.now < c.until;
            let root = holds && c.root_permits == Some(false);
            !c.part2 && (root || self.taken_back(c).is_some() || self.outgrown(c))
        });
        if switched_off {
            return false;
        }
        let class = self.row.class;
        let is = |list: &[&str]| list.contains(&class);
        let told = match (policy, self.who.role) {
            (Policy::ConsentRequired, "partner-prescriber" | "partner-nurse") => {
                is(&["D1", "referral"])
            }
            (Policy::FederalBaseline, "partner-prescriber" | "partner-nurse") => {
                is(&CLINICAL) || is(&OPEN) || is(&["D1", "D3a", "D11", "D14", "D18", "D18s", "D19"])
            }
            (Policy::FederalBaseline, "external-ehr") => is(&["D1", "D3", "D3a", "D18", "D18s"]),
            (Policy::FederalBaseline, "pharmacy") => is(&["D1", "D3a", "D18", "D18s"]),
            _ => false,
        };
        told && self.usual()
    }

    /// Whether the labels are of those that the table of 5.4 shares without a consent of their own.
    fn usual(&self) -> bool {
        let partner = self.who.role.starts_with("partner");
        let own: &[&str] = match self.who.role {
            _ if partner && self.row.class != "D6" => &["SUD", "ETH", "ETHUD", "OPIOIDUD", "ADOL"],
            _ if partner => &["ADOL"],
            // Who fills a prescription fills a child's too.
            "pharmacy" => &["ADOL"],
            _ => &[],
        };
        let psychiatric = ["R", "PSY", "MH", "BH"];
        let known = |l: &String| psychiatric.contains(&l.as_str()) || own.contains(&l.as_str());
        self.row.labels.iter().all(known)
    }
}

/// Whether who names `named` means `label`: the same, or above it in v3-ActCode.
fn within(named: &str, label: &str) -> bool {
    let mental = ["PSY", "MH", "BH"];
    named == label
        || (mental.contains(&named) && mental.contains(&label))
        || (named == "SUD" && ["ETHUD", "OPIOIDUD"].contains(&label))
}

/// Whether who names the purpose `named` means `purpose` (v3-ActReason).
fn includes(named: &str, purpose: &str) -> bool {
    named == purpose
        || (named == "TREAT" && ["COC", "ETREAT"].contains(&purpose))
        || (named == "HOPERAT" && ["CAREMGT", "PATSFTY"].contains(&purpose))
}

/// The classes that a consent can name alone.
fn class_of(named: &str, class: &str) -> bool {
    match named {
        "prescription" => ["D18", "D18s"].contains(&class),
        "allergies" => class == "D3a",
        "shipping" => ["D18s", "D1"].contains(&class),
        _ => false,
    }
}
