//! Criteria over what an AuditEvent says of agents, source and entities, which its row says in other words
//! (`audit::balp` is the other way round). What no event of this service says is found by nothing.

use crate::audit::Kind;
use crate::audit::event::{NOTE_KEY, PRIVATE_NOTE};
use crate::fhir::search::{Test, TextMatch, Token, UriMatch};
use crate::store::filter::Builder;

const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const REQUEST: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const TOKEN: &str = "urn:ietf:params:oauth:jti:";

/// Adds ` AND …` for a criterion; `false` where rows cannot be asked for it.
pub(super) fn narrow(b: &mut Builder, name: &str, test: &Test) -> bool {
    match (name, test) {
        ("address", Test::Text(how, texts)) => like(b, "a.peer", *how, texts),
        ("entity-name", Test::Text(how, texts)) => {
            b.push(" AND a.target_id IS NULL AND NOT (");
            query(b);
            b.push(")");
            like(b, "LOWER(a.target_type)", *how, texts);
        }
        ("entity-role", Test::Token(any)) => roles(b, any),
        ("entity-type", Test::Token(any)) => types(b, any),
        ("policy", Test::Uri(UriMatch::Whole, uris)) => {
            let ids = uris.iter().filter_map(|uri| uri.strip_prefix(TOKEN));
            b.push(" AND a.token IN ");
            super::query::list(b, ids.chain([""]));
        }
        ("agent-name", Test::Text(..))
        | ("agent-role" | "altid" | "site", Test::Token(_))
        | ("source", Test::Reference(_)) => drop(b.push(" AND 1 = 0")),
        _ => return false,
    }
    true
}

/// Text is folded but where it must be exact; the columns hold plain letters.
fn like(b: &mut Builder, column: &str, how: TextMatch, texts: &[String]) {
    b.push(" AND (1 = 0");
    for text in texts {
        let text = text.replace('\\', "\\\\");
        let text = text.replace('%', "\\%").replace('_', "\\_");
        let pattern = match how {
            TextMatch::Starts => format!("{text}%"),
            TextMatch::Contains => format!("%{text}%"),
            TextMatch::Exact => text,
        };
        b.push(" OR ").push(column).push(" LIKE ").bind(pattern);
        b.push(" ESCAPE '\\'");
    }
    b.push(")");
}

/// Adds that the event's entity is the query that was asked.
fn query(b: &mut Builder) {
    b.push("a.detail IS NOT NULL AND a.kind IN ");
    super::query::list(b, [Kind::Search.code(), Kind::Token.code()].into_iter());
}

fn asked(any: &[Token], system: &str, code: &str) -> bool {
    any.iter().any(|token| {
        token.system.as_deref().is_none_or(|own| own == system)
            && token.code.as_deref().is_none_or(|own| own == code)
    })
}

/// The query, a report or a record of the domain, the patient.
fn roles(b: &mut Builder, any: &[Token]) {
    b.push(" AND (1 = 0");
    if asked(any, ROLE, "24") {
        b.push(" OR (");
        query(b);
        b.push(")");
    }
    for (code, report) in [("3", true), ("4", false)] {
        if !asked(any, ROLE, code) {
            continue;
        }
        b.push(" OR (NOT (");
        query(b);
        b.push(") AND ");
        if report {
            b.push("a.target_type = 'Composition')");
        } else {
            b.push("(a.target_type IS NOT NULL OR a.detail IS NOT NULL) AND (a.target_type IS NULL OR a.target_type NOT IN ");
            super::query::list(b, ["Composition", PRIVATE_NOTE, NOTE_KEY].into_iter());
            b.push("))");
        }
    }
    if asked(any, ROLE, "1") {
        b.push(" OR a.patient IS NOT NULL");
    }
    b.push(")");
}

/// A thing, a person, the id of the request.
fn types(b: &mut Builder, any: &[Token]) {
    b.push(" AND (1 = 0");
    if asked(any, ENTITY_TYPE, "2") {
        b.push(" OR a.target_type IS NOT NULL OR a.detail IS NOT NULL");
    }
    if asked(any, ENTITY_TYPE, "1") {
        b.push(" OR a.patient IS NOT NULL");
    }
    if asked(any, REQUEST, "XrequestId") {
        b.push(" OR (a.request IS NOT NULL AND a.kind <> ");
        b.bind(Kind::Token.code()).push(")");
    }
    b.push(")");
}
