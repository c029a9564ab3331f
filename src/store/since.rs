//! What is new to a caller: written since an instant, or opened to the caller since then (security reference §2.4 row 18).

use super::filter::Builder;
use crate::access::Access;
use crate::access::consent::Effect;

/// Adds ` AND (…)`: rows `a` that were written at `since` (milliseconds since 1970) or later, or whose patient's consents or
/// episodes speak of the caller's organization since then. It narrows what is visible and opens nothing.
pub(super) fn since(b: &mut Builder, access: &Access, a: &str, since: i64) {
    b.push(" AND (").push(a).push(".at >= ").bind(since);
    if let Some(caller) = access.caller() {
        let organization = caller.organization.as_str();
        for (table, begins) in [
            ("consent_grant", "granted_at"),
            ("episode_party", "valid_from"),
        ] {
            b.push(" OR (")
                .push(a)
                .push(".patient <> '' AND EXISTS (SELECT 1 FROM ");
            b.push(table).push(" n WHERE n.tenant = ").push(a);
            b.push(".tenant AND n.patient = ")
                .push(a)
                .push(".patient AND n.org = ");
            b.bind(organization);
            if table == "consent_grant" {
                b.push(" AND n.effect = ")
                    .push(&(Effect::Permit as i64).to_string());
            }
            b.push(" AND n.")
                .push(begins)
                .push(" >= ")
                .bind(since)
                .push("))");
        }
    }
    b.push(")");
}
