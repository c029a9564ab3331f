//! The access predicate as SQL: who may see a row. Every read of clinical data carries it.
//!
//! A row is visible to the service itself; to the organization that owns it; to an organization that is a
//! party, now, of its episode (of one of the patient's episodes, where the row hangs off none); and to all
//! of the tenant where it is directory data.

use super::sql::Value;
use crate::access::Access;

/// Types that describe organizations, staff, products and forms; visible to all of the tenant where the
/// row is of no patient.
const DIRECTORY: &str = "('Endpoint', 'HealthcareService', 'Location', 'Medication', 'Organization', \
    'Practitioner', 'PractitionerRole', 'Questionnaire')";

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

/// What a table's rows are called in a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rows {
    /// `resource` or `resource_history` under this alias.
    Resource(&'static str),
    /// `episode_head` under this alias.
    Head(&'static str),
}

/// Adds ` AND (…)`: the rows that `access` may see. The tenant is always asked for.
pub(super) fn visible(builder: &mut Builder, access: &Access, rows: Rows) {
    let (Rows::Resource(a) | Rows::Head(a)) = rows;
    builder
        .push(" AND ")
        .push(a)
        .push(".tenant = ")
        .bind(access.tenant());
    let Some(caller) = access.caller() else {
        return;
    };
    let organization = caller.organization.as_str();
    builder
        .push(" AND (")
        .push(a)
        .push(".owner = ")
        .bind(organization);
    party(
        builder,
        access,
        organization,
        a,
        &format!("{a}.episode <> '' AND p.episode = {a}.episode"),
    );
    if let Rows::Resource(a) = rows {
        let whole = format!("{a}.episode = '' AND {a}.patient <> '' AND p.patient = {a}.patient");
        party(builder, access, organization, a, &whole);
        builder
            .push(" OR (")
            .push(a)
            .push(".patient = '' AND ")
            .push(a)
            .push(".type IN ");
        builder.push(DIRECTORY).push(")");
    }
    builder.push(")");
}

fn party(builder: &mut Builder, access: &Access, organization: &str, a: &str, link: &str) {
    builder
        .push(" OR EXISTS (SELECT 1 FROM episode_party p WHERE p.tenant = ")
        .push(a);
    builder
        .push(".tenant AND ")
        .push(link)
        .push(" AND p.org = ")
        .bind(organization);
    builder.push(" AND p.valid_from <= ").bind(access.now());
    builder
        .push(" AND p.valid_to > ")
        .bind(access.now())
        .push(")");
}
