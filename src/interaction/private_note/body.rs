//! Reading a private note out of a request, so that a refusal never repeats what was said.

use crate::error::{Error, Issue, Result};
use crate::interaction::practice::read_body;
use crate::private::{Draft, Note};

/// Reads a note.
///
/// # Errors
/// `Invalid` or `Unprocessable` with a JSON pointer, and with nothing of the body but names of members that there are.
pub fn read(bytes: &[u8]) -> Result<Note> {
    read_body::<Draft>(bytes).map_err(quiet)?.checked()
}

/// The members that a note may have, on every level: what an error may name.
const MEMBERS: &[&str] = &[
    "kind",
    "authorId",
    "sessionId",
    "at",
    "text",
    "expressedBy",
    "category",
    "measure",
    "target",
    "parts",
    "name",
    "role",
    "message",
    "response",
    "experienceType",
    "domains",
    "system",
    "code",
    "display",
    "comparator",
    "value",
    "dueDate",
];

/// The error without anything of the body: what serde says of a wrong value quotes it.
fn quiet(error: Error) -> Error {
    let quiet = |issue: Issue| Issue {
        text: quiet_text(&issue.text),
        at: issue.at.as_deref().map(quiet_pointer),
        ..issue
    };
    let issues = error.issues.into_iter().map(quiet).collect();
    Error::with_issues(error.kind, issues)
}

fn quiet_text(said: &str) -> String {
    match said.rsplit_once(", expected ") {
        Some((_, expected)) => format!("Expected {expected}"),
        None if !said.contains(['`', '"']) || said.starts_with("missing field `") => said.into(),
        None => "This cannot be read: see the schema of private notes.".into(),
    }
}

/// The pointer as far as it names members that there are.
fn quiet_pointer(at: &str) -> String {
    let known = |step: &&str| MEMBERS.contains(step) || step.parse::<usize>().is_ok();
    let steps = at.split('/').skip(1).take_while(known);
    steps.fold(String::new(), |sum, step| format!("{sum}/{step}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (String, Option<String>) {
        let issue = read(body.as_bytes()).expect_err(body).issues.swap_remove(0);
        (issue.text, issue.at)
    }

    #[test]
    fn a_refusal_says_where_and_never_what_was_said() {
        let note = |more: &str| format!(r#"{{"kind":"parts-work","authorId":"a"{more}}}"#);
        let bodies = [
            note(r#","text":["ZZPRIVATE"]"#),
            note(r#","text":{"ZZPRIVATE":1}"#),
            note(r#","parts":"ZZPRIVATE""#),
            note(r#","parts":[{"name":"x","role":"ZZPRIVATE"}]"#),
            note(r#","parts":[{"name":"x","ZZPRIVATE":1}]"#),
            note(r#","parts":[{"name":"x","role":"ZZPRIVATE, expected `ZZPRIVATE`"}]"#),
            note(r#","ZZPRIVATE":"ZZPRIVATE""#),
            note(r#","text":"x","text":"ZZPRIVATE""#),
            note(r#","ZZPRIVATE":1,"ZZPRIVATE":2"#),
            note(r#","at":"ZZPRIVATE""#),
            note(r#","sessionId":"ZZ PRIVATE""#),
            note(r#","target":{"value":"ZZPRIVATE"}"#),
            note(r#","target":{"dueDate":"ZZPRIVATE"}"#),
            note(r#","category":"ZZPRIVATE""#),
            note(r#","text":"ZZPRIVATE"#),
            r#"{"kind":"ZZPRIVATE"}"#.to_owned(),
            r#""ZZPRIVATE""#.to_owned(),
            "ZZPRIVATE".to_owned(),
        ];
        for body in bodies {
            let (text, at) = refused(&body);
            assert!(!text.contains("PRIVATE"), "{body}: {text}");
            assert!(!at.unwrap_or_default().contains("PRIVATE"), "{body}");
        }
        let (text, at) = refused(&note(r#","parts":[{"name":"x","role":"king"}]"#));
        assert!(text.starts_with("Expected one of `protector`"), "{text}");
        assert_eq!(at.as_deref(), Some("/parts/0/role"));
        let (text, _) = refused(r#"{"kind":"imagery"}"#);
        assert_eq!(text, "missing field `authorId`.");
    }

    #[test]
    fn each_kind_has_its_own_fields() {
        let note = |kind: &str, more: &str| {
            let body = format!(r#"{{"kind":"{kind}","authorId":"a"{more}}}"#);
            read(body.as_bytes())
                .map(|n| n.kind())
                .map_err(|e| e.issues[0].at.clone().unwrap_or_default())
        };
        for (kind, more, at) in [
            ("psychotherapy-note", "", "/text"),
            ("psychotherapy-note", r#","text":" ""#, "/text"),
            (
                "psychotherapy-note",
                r#","text":"x","domains":["y"]"#,
                "/domains",
            ),
            ("intention", r#","text":"x""#, "/expressedBy"),
            ("intention", r#","expressedBy":"p""#, "/text"),
            (
                "intention",
                r#","text":"x","expressedBy":"p","parts":[{"name":"x"}]"#,
                "/parts",
            ),
            ("parts-work", "", "/parts"),
            ("parts-work", r#","parts":[{"name":" "}]"#, "/parts/0/name"),
            (
                "parts-work",
                r#","text":"x","expressedBy":"p""#,
                "/expressedBy",
            ),
            ("imagery", "", "/text"),
            ("imagery", r#","text":"x","target":{"value":1}"#, "/target"),
        ] {
            assert_eq!(note(kind, more), Err(at.to_owned()), "{kind} {more}");
        }
        for (kind, more) in [
            ("psychotherapy-note", r#","text":"x","sessionId":null"#),
            (
                "intention",
                r#","text":"x","expressedBy":"p","target":{"value":1.50}"#,
            ),
            (
                "parts-work",
                r#","parts":[{"name":"x","role":"self","message":"m","response":"r"}]"#,
            ),
            ("parts-work", r#","text":"x""#),
            ("imagery", r#","domains":["memories"]"#),
            ("imagery", r#","experienceType":"out-of-body""#),
        ] {
            assert!(note(kind, more).is_ok(), "{kind} {more}");
        }
    }
}
