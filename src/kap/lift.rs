//! Reads an episode file (`kap.v1`): what has a place in the record, and where what has none was left out.

use serde_json::{Map, Value};

use super::base::Instant;
use super::{Episode, Fact};
use crate::error::{Error, Kind, Result};

/// An episode read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifted {
    pub episode: Episode,
    /// The instant of the file's computed view.
    pub as_of: Option<Instant>,
    /// JSON pointers of what was left out because it is practice-only or computed.
    pub left_out: Vec<String>,
}

/// Reads the text of an episode file. Records without an id get one from their place, so that reading twice gives
/// the same episode.
///
/// # Errors
/// `Invalid` with a JSON pointer where the text is no such file.
pub fn lift(json: &str) -> Result<Lifted> {
    let mut root: Value = serde_json::from_str(json)
        .map_err(|e| Error::new(Kind::Invalid, format!("The file is no JSON: {e}.")))?;
    let as_of = root
        .get("asOf")
        .and_then(Value::as_str)
        .and_then(|t| t.parse().ok());
    let mut left_out = vec![];
    prune(&mut root, &mut left_out);
    name_records(&mut root);
    let text = root.to_string();
    let read = &mut serde_json::Deserializer::from_str(&text);
    let episode: Episode = serde_path_to_error::deserialize(read).map_err(|e| {
        let at = pointer(e.path());
        Error::new(
            Kind::Invalid,
            format!("The file is no episode: {}.", e.inner()),
        )
        .at(at)
    })?;
    let folded = Episode::fold(episode.facts());
    let episode = folded.ok_or_else(|| Error::internal("an episode has header and patient"))?;
    Ok(Lifted {
        episode,
        as_of,
        left_out,
    })
}

/// A path as JSON pointer.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment as S;
    let mut out = String::new();
    for segment in path {
        out.push('/');
        match segment {
            S::Seq { index } => out.push_str(&index.to_string()),
            S::Map { key } => out.push_str(key),
            S::Enum { variant } => out.push_str(variant),
            S::Unknown => out.push('?'),
        }
    }
    out
}

/// Takes `keys` out of an object and notes where they were.
fn drop_keys(value: &mut Value, at: &str, keys: &[&str], out: &mut Vec<String>) {
    let Some(object) = value.as_object_mut() else {
        return;
    };
    for key in keys {
        if object.shift_remove(*key).is_some() {
            out.push(format!("{at}/{key}"));
        }
    }
}

/// Takes out what is practice-only or computed.
fn prune(root: &mut Value, out: &mut Vec<String>) {
    if let Some(object) = root.as_object_mut() {
        // The envelope of the file, not content.
        object.shift_remove("apiVersion");
        object.shift_remove("resource");
        if let Some(referral) = object.shift_remove("referral").filter(|r| !r.is_null()) {
            object.insert("referrals".into(), Value::Array(vec![referral]));
        }
    }
    drop_keys(root, "", &["version", "asOf", "derived", "financial"], out);
    if let Some(patient) = root.get_mut("patient") {
        drop_keys(patient, "/patient", &["isMinor"], out);
    }
    if let Some(Value::Array(intentions)) = root.get_mut("intentions") {
        let mut n = 0;
        intentions.retain(|i| {
            let private = i.get("sharing").and_then(Value::as_str) == Some("practice-only");
            if private {
                out.push(format!("/intentions/{n}"));
            }
            n += 1;
            !private
        });
    }
    if let Some(Value::Array(sessions)) = root.get_mut("sessions") {
        for (n, session) in sessions.iter_mut().enumerate() {
            prune_session(session, &format!("/sessions/{n}"), out);
        }
    }
}

fn prune_session(session: &mut Value, at: &str, out: &mut Vec<String>) {
    drop_keys(session, at, &["psychotherapyNoteRef"], out);
    if let Some(integration) = session.get_mut("integration") {
        let keys = [
            "hoursAfterDose",
            "withinTargetWindow",
            "psychotherapyNoteRef",
        ];
        drop_keys(integration, &format!("{at}/integration"), &keys, out);
    }
    let Some(dosing) = session.get_mut("dosing") else {
        return;
    };
    drop_keys(dosing, &format!("{at}/dosing"), &["inventoryAfter"], out);
    if let Some(effects) = dosing.get_mut("effects") {
        let keys = ["experienceType", "domains", "summary"];
        drop_keys(effects, &format!("{at}/dosing/effects"), &keys, out);
    }
}

/// Gives ids to records that have none.
fn name_records(root: &mut Value) {
    let episode = text(root, "episodeId");
    if let Some(Value::Array(all)) = root.get_mut("outcomes") {
        name(all, &format!("{episode}-o"));
    }
    let Some(Value::Array(sessions)) = root.get_mut("sessions") else {
        return;
    };
    for session in sessions {
        let id = text(session, "id");
        if let Some(Value::Array(all)) = session.get_mut("vitals") {
            name(all, &format!("{id}-v"));
        }
        let Some(dosing) = session.get_mut("dosing") else {
            continue;
        };
        for (key, letter) in [("vitals", "v"), ("sideEffects", "e"), ("doses", "d")] {
            if let Some(Value::Array(all)) = dosing.get_mut(key) {
                name(all, &format!("{id}-{letter}"));
            }
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or("")
        .to_owned()
}

fn name(records: &mut [Value], stem: &str) {
    let objects = records.iter_mut().filter_map(Value::as_object_mut);
    for (n, record) in objects.enumerate() {
        let record: &mut Map<String, Value> = record;
        let id = || Value::String(format!("{stem}{}", n + 1));
        record.entry("id").or_insert_with(id);
    }
}

impl Lifted {
    /// The facts of the episode.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        self.episode.facts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kap::policy::Policy;

    const SAMPLES: [&str; 3] = [
        include_str!("../../tests/samples/01-adult-trd-remote-lozenge.json"),
        include_str!("../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json"),
        include_str!("../../tests/samples/03-adolescent-deferred.json"),
    ];

    #[test]
    fn a_sample_folds_to_itself() {
        for json in SAMPLES {
            let lifted = lift(json).expect("a sample");
            let again = Episode::fold(lifted.facts()).expect("an episode");
            assert_eq!(again, lifted.episode);
            assert_eq!(lift(json).expect("a sample"), lifted);
        }
    }

    #[test]
    fn what_is_left_out_is_told() {
        let lifted = lift(SAMPLES[1]).expect("a sample");
        for at in [
            "/intentions/0",
            "/sessions/2/psychotherapyNoteRef",
            "/financial",
            "/derived",
        ] {
            assert!(
                lifted.left_out.iter().any(|x| x == at),
                "{at}: {:?}",
                lifted.left_out
            );
        }
        let text = serde_json::to_string(&lifted.episode).expect("text");
        assert!(!text.contains("overwhelmed") && !text.contains("experienceType"));
    }

    #[test]
    fn the_derived_numbers_are_the_samples() {
        for json in SAMPLES {
            let lifted = lift(json).expect("a sample");
            let at = lifted.as_of.expect("asOf");
            let derived = lifted.episode.derived(at, &Policy::shipped());
            let ours = serde_json::to_value(&derived).expect("a value");
            let file: Value = serde_json::from_str(json).expect("JSON");
            covers(
                &file["derived"],
                &ours,
                &lifted.episode.episode_id.to_string(),
            );
        }
    }

    /// Every number and word of the sample is ours; ours may say more.
    fn covers(theirs: &Value, ours: &Value, at: &str) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(_)) => {
                for (key, value) in theirs {
                    covers(value, &ours[key], &format!("{at}/{key}"));
                }
            }
            (Value::Number(a), Value::Number(b)) => {
                assert_eq!(a.as_f64(), b.as_f64(), "{at}");
            }
            _ => assert_eq!(theirs, ours, "{at}"),
        }
    }
}
