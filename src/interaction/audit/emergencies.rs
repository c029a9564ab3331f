//! Who broke the glass: for the second person who reviews each time within a day.

use std::collections::BTreeSet;

use super::append;
use crate::app::App;
use crate::audit::Row;
use crate::audit::event::{Event, Kind};
use crate::error::Result;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;

/// One time that the glass was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// When the token was given, milliseconds since 1970.
    pub at: i64,
    /// By when somebody else must have reviewed it.
    pub review_by: i64,
    pub organization: String,
    pub client: String,
    pub role: String,
    /// Loggable id of the token: what was done with it is in the audit under the same.
    pub token: String,
    /// What the client gave as the reason.
    pub reason: String,
    /// Requests that were answered, those that found nothing included.
    pub answered: usize,
    /// Ids of the patients whose data was shown.
    pub patients: BTreeSet<String>,
}

/// Every emergency since `since` (milliseconds since 1970), oldest first. That it was asked is recorded.
///
/// # Errors
/// `Unavailable` where the audit cannot be read or written.
pub async fn for_operator(app: &App, since: i64) -> Result<Vec<Emergency>> {
    append(app, vec![Event::new(Kind::Operation).detail("emergencies")]).await?;
    let mut out = Vec::new();
    let mut after: Option<std::sync::Arc<str>> = None;
    loop {
        let page = app
            .store
            .emergencies(&app.tenant, since, after.as_deref())
            .await?;
        let Some(last) = page.last() else {
            return Ok(out);
        };
        after = Some(last.id.clone());
        for row in &page {
            let used = app.store.used_in(&app.tenant, row).await?;
            out.push(emergency(row, &used));
        }
    }
}

fn emergency(row: &Row, used: &[Row]) -> Emergency {
    let who = &row.event.who;
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    let requests = used.iter().filter_map(|one| one.event.request.clone());
    let patients = used.iter().filter_map(|one| one.event.patient.as_deref());
    Emergency {
        at: row.at,
        review_by: row.at + DAY,
        organization: text(&who.organization),
        client: text(&who.client),
        role: text(&who.role),
        token: text(&who.token),
        reason: text(&row.event.detail),
        patients: patients.map(str::to_owned).collect(),
        answered: requests.collect::<BTreeSet<_>>().len(),
    }
}
