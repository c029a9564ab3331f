//! Envelopes: every part of a place counts, keys can be changed, nothing is shown.

use super::*;
use crate::private::note::Draft;

const PLACE: Place<'static> = Place {
    tenant: "t",
    patient: "p",
    episode: "e",
    note: "n",
    version: 1,
    kind: "imagery",
    author: "a",
    session: "s",
    created_at: 10,
    recorded_at: 20,
    client: "c",
};

fn ring() -> Ring {
    Ring::generate(&Clock::system()).expect("ring")
}

fn note() -> Note {
    let text = r#"{"kind":"imagery","authorId":"a","sessionId":"s","at":"2026-06-16T10:00:00-07:00","text":"ZZPRIVATE"}"#;
    let draft: Draft = serde_json::from_str(text).expect("draft");
    draft.checked().expect("note")
}

#[test]
fn a_note_opens_in_its_own_place_alone() {
    let (ring, note) = (ring(), note());
    let sealed = ring.seal(&Clock::system(), &PLACE, &note).expect("sealed");
    assert_eq!(ring.open(&PLACE, &sealed).expect("opened"), note);
    let others = [
        Place {
            tenant: "u",
            ..PLACE
        },
        Place {
            patient: "q",
            ..PLACE
        },
        Place {
            episode: "f",
            ..PLACE
        },
        Place { note: "m", ..PLACE },
        Place {
            version: 2,
            ..PLACE
        },
        Place {
            kind: "intention",
            ..PLACE
        },
        Place {
            author: "b",
            ..PLACE
        },
        Place {
            session: "",
            ..PLACE
        },
        Place {
            created_at: 11,
            ..PLACE
        },
        Place {
            recorded_at: 21,
            ..PLACE
        },
        Place {
            client: "d",
            ..PLACE
        },
        // The same letters, otherwise parted.
        Place {
            patient: "pe",
            episode: "",
            ..PLACE
        },
    ];
    for place in others {
        assert!(ring.open(&place, &sealed).is_err(), "{place:?}");
    }
    let other = ring.seal(&Clock::system(), &PLACE, &note).expect("sealed");
    let mixed = Sealed {
        text: other.text,
        ..sealed
    };
    assert!(ring.open(&PLACE, &mixed).is_err(), "another's data key");
}

#[test]
fn a_new_key_wraps_what_the_old_one_wrapped() {
    let (mut ring, note) = (ring(), note());
    let first = ring.active().to_owned();
    let sealed = ring.seal(&Clock::system(), &PLACE, &note).expect("sealed");
    ring.rotate(&Clock::system()).expect("rotated");
    assert_ne!(ring.active(), first);
    let again = ring.rewrap(&PLACE, &sealed, "c").expect("wrapped anew");
    assert_eq!(
        (again.key.as_str(), &again.text),
        (ring.active(), &sealed.text)
    );
    // With the new key alone.
    ring.keys.retain(|(id, _)| *id != first);
    assert_eq!(ring.open(&PLACE, &again).expect("opened"), note);
    assert!(ring.open(&PLACE, &sealed).is_err(), "the old key is gone");
    let handed = ring.rewrap(&PLACE, &again, "d").expect("handed over");
    assert!(ring.open(&PLACE, &handed).is_err());
    assert!(
        ring.open(
            &Place {
                client: "d",
                ..PLACE
            },
            &handed
        )
        .is_ok()
    );
}

#[test]
fn a_mark_is_of_one_key_and_tenant() {
    let (one, two) = (ring(), ring());
    let mark = one.mark("t").expect("mark");
    assert!(one.made("t", one.active(), &mark));
    assert!(!one.made("u", one.active(), &mark));
    assert!(!two.made("t", one.active(), &mark));
    // Other bytes under the same id.
    let mut forged = ring();
    one.active().clone_into(&mut forged.keys[0].0);
    assert!(!forged.made("t", one.active(), &mark));
}

#[test]
fn a_key_file_reads_back_and_a_bad_one_is_refused_without_its_words() {
    let mut ring = ring();
    ring.rotate(&Clock::system()).expect("rotated");
    let text = ring.print().expect("text");
    let again = Ring::parse(&text).expect("ring");
    assert_eq!(again.keys, ring.keys);
    assert_eq!(again.active, ring.active);
    let key = "A".repeat(43);
    let one = |id: &str, key: &str| format!(r#"{{"id":"{id}","key":"{key}"}}"#);
    let file = |active: &str, keys: &[String]| {
        format!(r#"{{"active":"{active}","keys":[{}]}}"#, keys.join(","))
    };
    assert!(Ring::parse(&file("a", &[one("a", &key)])).is_ok());
    let bad = [
        file("b", &[one("a", &key)]),
        file("a", &[]),
        file("a", &[one("a", &key), one("a", &key)]),
        file("a", &[one("a", "AAAA")]),
        file("a", &[one("a", "ZZPRIVATE!")]),
        file("a b", &[one("a b", &key)]),
        file("", &[one("", &key)]),
        r#"{"active":"a","keys":{"ZZPRIVATE":1}}"#.to_owned(),
        "ZZPRIVATE".to_owned(),
    ];
    for text in bad {
        let error = Ring::parse(&text).expect_err(&text);
        assert!(!format!("{error:?}").contains("ZZPRIVATE"), "{error:?}");
    }
}

#[test]
fn nothing_private_is_shown() {
    let ring = ring();
    let key = URL_SAFE_NO_PAD.encode(&ring.keys[0].1[..]);
    let shown = format!("{ring:?} {:?} {:#?}", note(), note());
    assert!(
        !shown.contains(&key) && !shown.contains("ZZPRIVATE"),
        "{shown}"
    );
    assert!(shown.contains(ring.active()));
}
