//! Searches across types: of the whole record (<https://hl7.org/fhir/R4/http.html#search>, `GET [base]?…`), and of what
//! belongs to one record (<https://hl7.org/fhir/R4/http.html#vsearch>, `GET [base]/Patient/{id}/{type}`).

use super::audit::events::TYPE as EVENTS;
use super::capability::TYPES;
use super::criteria::{is_hidden, parse_all};
use super::questionnaires::TYPE as QUESTIONNAIRE;
use super::search::answer;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::compartment;
use crate::fhir::parameter::{self, Parameter};
use crate::fhir::resource::Key;
use crate::fhir::search::Handling;

/// The searchset for `parameters` on the types that `_type` names, or on all that the caller may search.
///
/// # Errors
/// As [`super::search::search`].
pub async fn everywhere(
    app: &App,
    access: &Access,
    parameters: &[(String, String)],
    handling: Handling,
) -> Result<String> {
    let mut all: Vec<&'static str> = parameter::kinds().collect();
    all.sort_unstable();
    let (kinds, rest) = types(access, all, parameters)?;
    let (mut queries, ignored) = parse_all(access, &kinds, &rest, handling)?;
    for query in &mut queries {
        query.among.clone_from(&kinds);
    }
    answer(app, access, &app.fhir_base(), queries, &ignored).await
}

/// The searchset for `parameters` on the records of type `kind`, or of every type (`*`), in the compartment of `owner`.
///
/// # Errors
/// `NotFound` where `owner` has no compartment, or is missing or hidden; as [`super::search::search`].
pub async fn compartment(
    app: &App,
    access: &Access,
    owner: &Key,
    kind: &str,
    (parameters, handling): (&[(String, String)], Handling),
) -> Result<String> {
    let known = compartment::kinds(&owner.kind);
    if known.is_empty() || !(kind == "*" || TYPES.contains(&kind)) {
        return Err(Error::new(Kind::NotFound, "There is no such path."));
    }
    access.allow(Interaction::Read, &owner.kind)?;
    let (kinds, rest) = if kind == "*" {
        types(access, known, parameters)?
    } else {
        access.allow(Interaction::Search, kind)?;
        let named = known.into_iter().find(|k| *k == kind && !is_apart(k));
        let text = format!("{kind} is in no compartment of {}.", owner.kind);
        let named = named.ok_or_else(|| Error::new(Kind::NotFound, text))?;
        (vec![named], parameters.to_vec())
    };
    // Whose compartment it is must be there for the caller: what is hidden looks like what is missing.
    app.store.view(access).read(owner).await?;
    let (mut queries, ignored) = parse_all(access, &kinds, &rest, handling)?;
    let hidden = |kind: &str, parameter: &Parameter| is_hidden(access, kind, parameter);
    for query in &mut queries {
        let id = owner.id.as_str();
        query.within = compartment::within(&owner.kind, id, query.kind, &hidden);
        if kind == "*" {
            query.among.clone_from(&kinds);
        }
    }
    let url = format!("{}/{owner}/{kind}", app.fhir_base());
    answer(app, access, &url, queries, &ignored).await
}

/// What is not found by the index of the records: it is searched by its own path alone.
fn is_apart(kind: &str) -> bool {
    matches!(kind, EVENTS | QUESTIONNAIRE)
}

type Pairs = Vec<(String, String)>;

/// The types of `all` that `_type` names, or where it is not there those that the caller may search; and the other
/// parameters.
fn types(
    access: &Access,
    all: Vec<&'static str>,
    parameters: &[(String, String)],
) -> Result<(Vec<&'static str>, Pairs)> {
    let (named, rest): (Pairs, Pairs) = parameters
        .iter()
        .cloned()
        .partition(|(name, _)| name == "_type");
    let [(_, named)] = named.as_slice() else {
        if !named.is_empty() {
            return Err(invalid("_type stands twice."));
        }
        let may = |kind: &&'static str| access.allow(Interaction::Search, kind).is_ok();
        let kinds: Vec<_> = all.into_iter().filter(|k| !is_apart(k) && may(k)).collect();
        if kinds.is_empty() {
            let text = "The client may search no type of resource here.";
            return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
        }
        return Ok((kinds, rest));
    };
    let mut kinds = Vec::new();
    for name in named.split(',') {
        let kind = all.iter().find(|kind| *kind == &name && !is_apart(kind));
        let kind = *kind.ok_or_else(|| {
            invalid("_type names a type that is not searched here together with others.")
        })?;
        access.allow(Interaction::Search, kind)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok((kinds, rest))
}

fn invalid(text: &str) -> Error {
    Error::new(Kind::Invalid, text).issue_code("value")
}
