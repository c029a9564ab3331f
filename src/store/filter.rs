//! The access predicate as SQL: who may see a row. Every read of clinical data carries it.
//!
//! `access::decide` says the same in memory; a property test holds the two together.

use super::sql::Value;
use crate::access::consent::Effect;
use crate::access::decide::{DIRECTORY, SUBSCRIPTION};
use crate::access::policy::{self, Share};
use crate::access::scope::Criterion;
use crate::access::{Access, Caller, Classes, Interaction, Purposes, Role, role};

/// Text and arguments of a statement in the making.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub text: String,
    pub args: Vec<Value>,
}

impl Builder {
    /// Adds program text.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds an argument and its placeholder.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.args.push(value.into());
        let n = self.args.len();
        self.text.push('$');
        self.text.push_str(&n.to_string());
        self
    }

    /// The finished statement.
    pub fn sql(self) -> super::sql::Sql {
        super::sql::Sql {
            text: self.text.into(),
            args: self.args,
        }
    }
}

/// Which types a statement asks of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'k> {
    /// Of this type, to do this with it; the caller was asked for both before.
    One(&'k str, Interaction),
    /// Of whatever types, to look at.
    Any,
    /// Of many: those that the caller may read.
    Readable,
    /// Of these types, to list them; the caller was asked for each before.
    Listed(&'k [&'static str]),
    /// Of versions that were replaced: what they were found by is not indexed, so their reader asks it of their bodies.
    Past,
}

/// The type that names other records: who does not see them is not to learn of them by it.
const PROVENANCE: &str = "Provenance";

/// Adds ` AND (…)`: the rows of `resource` or `resource_history` under the alias `a` that `access` may see. The
/// tenant is always asked for.
pub(super) fn visible(b: &mut Builder, access: &Access, a: &str, of: Of<'_>) {
    rows(b, access, a, of);
    let Some(caller) = access.caller() else {
        return;
    };
    let provenance = match of {
        Of::One(kind, _) => kind == PROVENANCE,
        Of::Listed(kinds) => kinds.contains(&PROVENANCE),
        Of::Any | Of::Readable => access.allow(Interaction::Read, PROVENANCE).is_ok(),
        // The version of now is asked for beside it.
        Of::Past => false,
    };
    if provenance && !access.sees_all_of(&caller.organization) {
        targets(b, access, a);
    }
}

/// Adds that a Provenance is seen where each of its targets is.
fn targets(b: &mut Builder, access: &Access, a: &str) {
    b.push(" AND (")
        .push(a)
        .push(".type <> 'Provenance' OR NOT EXISTS (");
    b.push("SELECT 1 FROM index_reference s WHERE s.tenant = ");
    b.push(a)
        .push(".tenant AND s.type = 'Provenance' AND s.id = ");
    b.push(a)
        .push(".id AND s.param = 'target' AND NOT EXISTS (");
    b.push("SELECT 1 FROM resource t WHERE t.type = s.target_type AND t.id = s.target_id");
    rows(b, access, "t", Of::Readable);
    // OFFSET keeps PostgreSQL from looking at every Provenance beforehand.
    b.push(" LIMIT 1 OFFSET 0) LIMIT 1 OFFSET 0))");
}

/// As [`visible`], whatever the rows speak of.
fn rows(b: &mut Builder, access: &Access, a: &str, of: Of<'_>) {
    b.push(" AND ").push(a).push(".tenant = ");
    b.bind(access.tenant());
    if let Of::Listed(kinds) = of {
        types(b, a, kinds);
    }
    let Some(caller) = access.caller() else {
        return;
    };
    if let Of::Readable = of
        && let Some(kinds) = access.readable()
    {
        types(b, a, &kinds);
    }
    if access.is_narrowed() {
        narrowed(b, access, a, of);
    }
    Predicate { access, caller, a }.add(b);
}

fn types(b: &mut Builder, a: &str, kinds: &[&'static str]) {
    b.push(" AND ").push(a).push(".type IN (");
    list(b, kinds);
    b.push(")");
}

/// Adds names of types, none of which is of a client's making.
fn list(b: &mut Builder, kinds: &[&'static str]) {
    for (i, kind) in kinds.iter().enumerate() {
        b.push(if i == 0 { "'" } else { ", '" })
            .push(kind)
            .push("'");
    }
    if kinds.is_empty() {
        b.push("''");
    }
}

/// The narrowings of a type's scopes: criteria by the name of their index, all of one to hold, one of all.
type Alternatives<'a> = Vec<Vec<(&'static str, &'a Criterion)>>;

fn alternatives<'a>(
    access: &'a Access,
    interaction: Interaction,
    kind: &str,
) -> Option<Alternatives<'a>> {
    let indexed = |c: &'a Criterion| Some((c.param(kind)?, c));
    let any = access.narrowed(interaction, kind)?.into_iter();
    Some(
        any.map(|n| n.criteria().filter_map(indexed).collect())
            .collect(),
    )
}

/// Adds what the scopes are narrowed by. Types of the same narrowing are asked together.
fn narrowed(b: &mut Builder, access: &Access, a: &str, of: Of<'_>) {
    match of {
        Of::Past => {}
        Of::One(kind, interaction) => {
            if let Some(any) = alternatives(access, interaction, kind) {
                b.push(" AND (");
                one_of(b, a, &any);
                b.push(")");
            }
        }
        Of::Any | Of::Readable | Of::Listed(_) => {
            let interaction = match of {
                Of::Listed(_) => Interaction::Search,
                _ => Interaction::Read,
            };
            let mut groups: Vec<(Alternatives<'_>, Vec<&'static str>)> = Vec::new();
            for (kind, _) in role::every_kind() {
                let Some(any) = alternatives(access, interaction, kind) else {
                    continue;
                };
                match groups.iter_mut().find(|(same, _)| *same == any) {
                    Some((_, kinds)) => kinds.push(kind),
                    None => groups.push((any, vec![kind])),
                }
            }
            for (any, kinds) in groups {
                b.push(" AND (").push(a).push(".type NOT IN (");
                list(b, &kinds);
                b.push(") OR ");
                one_of(b, a, &any);
                b.push(")");
            }
        }
    }
}

fn one_of(b: &mut Builder, a: &str, any: &Alternatives<'_>) {
    for (i, all) in any.iter().enumerate() {
        b.push(if i == 0 { "(1 = 1" } else { " OR (1 = 1" });
        for (param, criterion) in all {
            b.push(" AND EXISTS (SELECT 1 FROM index_token x WHERE x.tenant = ");
            b.push(a).push(".tenant AND x.type = ").push(a);
            b.push(".type AND x.id = ")
                .push(a)
                .push(".id AND x.param = ");
            b.bind(*param);
            if let Some(code) = criterion.code() {
                b.push(" AND x.code = ").bind(code);
            }
            if let Some(system) = criterion.system() {
                b.push(" AND x.system = ").bind(system);
            }
            // OFFSET keeps PostgreSQL from turning the look at one row into a join with all that the values match.
            b.push(" LIMIT 1 OFFSET 0)");
        }
        b.push(")");
    }
}

/// The predicate on the rows `a` for one caller.
struct Predicate<'a> {
    access: &'a Access,
    caller: &'a Caller,
    a: &'a str,
}

impl Predicate<'_> {
    fn add(&self, b: &mut Builder) {
        let role = self.caller.role;
        self.ceiling(b, role);
        b.push(" AND (");
        self.directory(b);
        if policy::owns(role) {
            b.push(" OR ").push(self.a).push(".owner = ");
            b.bind(self.organization());
        } else {
            b.push(" OR (").push(self.a).push(".type = '");
            b.push(SUBSCRIPTION).push("' AND ").push(self.a);
            b.push(".owner = ").bind(self.organization()).push(")");
        }
        if policy::is_told(role) {
            if policy::owns(role) {
                b.push(" OR ").push(self.a).push(".author = ");
                b.bind(self.organization());
            }
            self.told(b, role);
        }
        b.push(")");
    }

    fn organization(&self) -> &str {
        self.caller.organization.as_str()
    }

    /// The classes of the role. A row that is not classified yet has none: it is for the practice's therapists alone.
    fn ceiling(&self, b: &mut Builder, role: Role) {
        let may = policy::most(self.caller);
        b.push(" AND (").push(self.a).push(".class & ");
        if role == Role::PracticeTherapist {
            let never = Classes::ALL.without(may);
            b.bind(never.bits()).push(") = 0");
        } else {
            b.bind(may.bits()).push(") <> 0");
        }
        let never = policy::never(role);
        if !never.is_empty() {
            b.push(" AND (").push(self.a).push(".labels & ");
            b.bind(never.bits()).push(") = 0");
        }
    }

    fn directory(&self, b: &mut Builder) {
        b.push("(").push(self.a).push(".patient = '' AND ");
        b.push(self.a).push(".type IN ('");
        b.push(&DIRECTORY.join("', '")).push("'))");
    }

    /// What consents and the table of defaults tell of other organizations' patients.
    fn told(&self, b: &mut Builder, role: Role) {
        let a = self.a;
        b.push(" OR (").push(a).push(".patient <> '' AND (");
        self.permitted(b);
        let defaults = policy::defaults(self.access.disclosure(), role);
        let always = policy::always(role);
        let emergency = policy::emergency(self.caller);
        if emergency != Share::default() {
            b.push(" OR ");
            self.shared(b, emergency);
        }
        if defaults != Share::default() || always != Share::default() {
            b.push(" OR (");
            self.related(b);
            b.push(" AND NOT ");
            self.grants(b, "w", Effect::Withdrawn);
            self.of_class(b, "w");
            b.push(") AND (");
            self.shared(b, always);
            b.push(" OR (");
            self.shared(b, defaults);
            b.push(" AND NOT ");
            self.grants(b, "n", Effect::NoDefaults);
            b.push("))))");
        }
        b.push(") AND NOT ");
        self.denied(b);
        b.push(")");
    }

    /// Adds `EXISTS (… `: the grants of the row's patient that hold now, left open for further conditions.
    fn grants(&self, b: &mut Builder, g: &str, effect: Effect) {
        let now = self.access.now();
        b.push("EXISTS (SELECT 1 FROM consent_grant ").push(g);
        b.push(" WHERE ").push(g).push(".tenant = ").push(self.a);
        b.push(".tenant AND ")
            .push(g)
            .push(".patient = ")
            .push(self.a);
        b.push(".patient AND ").push(g).push(".org ");
        match effect {
            Effect::Permit | Effect::Withdrawn => b.push("= ").bind(self.organization()),
            Effect::NoDefaults => b.push("= '*'"),
            Effect::Deny => b.push("IN ('*', ").bind(self.organization()).push(")"),
        };
        b.push(" AND ").push(g).push(".effect = ");
        b.push(&(effect as i64).to_string());
        b.push(" AND ").push(g).push(".valid_from <= ").bind(now);
        b.push(" AND ").push(g).push(".valid_to > ").bind(now);
    }

    /// Adds ` AND (g.column & …) <> 0` for the purpose and the row's class.
    fn matching(&self, b: &mut Builder, g: &str) {
        let purpose = Purposes::own(&self.caller.purpose);
        b.push(" AND (").push(g).push(".purposes & ");
        b.bind(purpose.bits()).push(") <> 0");
        self.of_class(b, g);
    }

    fn of_class(&self, b: &mut Builder, g: &str) {
        b.push(" AND (").push(g).push(".classes & ").push(self.a);
        b.push(".class) <> 0");
    }

    /// A permit that covers every label, and that no withdrawal is later than.
    fn permitted(&self, b: &mut Builder) {
        self.grants(b, "g", Effect::Permit);
        self.matching(b, "g");
        b.push(" AND (")
            .push(self.a)
            .push(".labels & ~g.labels) = 0");
        b.push(" AND NOT ");
        self.grants(b, "w", Effect::Withdrawn);
        self.of_class(b, "w");
        b.push(" AND w.granted_at >= g.granted_at))");
    }

    /// A denial of one label, or of all.
    fn denied(&self, b: &mut Builder) {
        self.grants(b, "d", Effect::Deny);
        self.matching(b, "d");
        b.push(" AND (d.labels = 0 OR (d.labels & ").push(self.a);
        b.push(".labels) <> 0))");
    }

    /// Whether the organization has a part in the episode; in one of the patient's, where the row is of none.
    fn related(&self, b: &mut Builder) {
        let (a, now) = (self.a, self.access.now());
        b.push("EXISTS (SELECT 1 FROM episode_party p WHERE p.tenant = ");
        b.push(a).push(".tenant AND p.patient = ").push(a);
        b.push(".patient AND p.org = ").bind(self.organization());
        b.push(" AND (")
            .push(a)
            .push(".episode = '' OR p.episode = ");
        b.push(a).push(".episode)");
        b.push(" AND p.valid_from <= ").bind(now);
        b.push(" AND p.valid_to > ").bind(now).push(")");
    }

    fn shared(&self, b: &mut Builder, share: Share) {
        let beyond = !share.labels.bits();
        b.push("((").push(self.a).push(".class & ");
        b.bind(share.classes.bits()).push(") <> 0 AND (");
        b.push(self.a).push(".labels & ").bind(beyond);
        b.push(") = 0)");
    }
}
