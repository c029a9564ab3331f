//! Forms there and back, with any answers.

use super::*;
use crate::kap::base::{Coding, Day, Decimal, Instant};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    amount: Decimal,
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outer {
    yes: Option<bool>,
    count: Option<u32>,
    day: Option<Day>,
    at: Option<Instant>,
    words: Option<String>,
    code: Option<Coding>,
    inner: Option<Inner>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Inner>,
}

const INNER: &[Field] = &[
    one("amount", Shape::Decimal, "Amount"),
    one("note", Shape::String, "Note"),
];
const FORM: Form = Form {
    name: "test-form",
    fields: &[
        one("yes", Shape::Boolean, "Yes?"),
        one("count", Shape::Integer, "Count"),
        one("day", Shape::Date, "Day"),
        one("at", Shape::DateTime, "Time"),
        one("words", Shape::String, "Words"),
        one("code", Shape::Coding, "Code"),
        one("inner", Shape::Group(INNER), "Inner"),
        many("list", Shape::String, "List"),
        many("groups", Shape::Group(INNER), "Groups"),
    ],
};

fn response(outer: &Outer) -> Value {
    let built = QuestionnaireResponse::builder()
        .id("x".to_owned())
        .status(QuestionnaireResponseStatus::Completed)
        .questionnaire(FORM.canonical())
        .item(FORM.items(outer))
        .build();
    finish(built).value
}

fn inner() -> impl Strategy<Value = Inner> {
    (
        -1_000_000_i64..1_000_000,
        0_u32..4,
        proptest::option::of("[ -~]{0,8}x"),
    )
        .prop_map(|(digits, scale, note)| Inner {
            amount: Decimal(rust_decimal::Decimal::new(digits, scale)),
            note,
        })
}

prop_compose! {
    fn outer()(
        yes in any::<Option<bool>>(),
        count in proptest::option::of(0_u32..=i32::MAX as u32),
        days in proptest::option::of(0_i64..20_000),
        at in proptest::option::of((0_i64..2_000_000_000, -14_i8..=14)),
        words in proptest::option::of("[ -~]{0,20}y|2026-01-02|12|true"),
        coded in any::<bool>(),
        inner_one in proptest::option::of(inner()),
        list in proptest::collection::vec("[a-z]{1,5}", 0..3),
        groups in proptest::collection::vec(inner(), 0..3),
    ) -> Outer {
        let epoch: Day = "1970-01-01".parse().expect("a day");
        let code = Coding { system: "http://loinc.org".into(), code: "1-8".into(), display: None };
        Outer {
            yes, count, words, list, groups,
            inner: inner_one,
            day: days.map(|d| epoch.plus_days(d)),
            at: at.map(|(s, h)| {
                let utc = time::OffsetDateTime::from_unix_timestamp(s).expect("in range");
                Instant(utc.to_offset(time::UtcOffset::from_hms(h, 0, 0).expect("in range")))
            }),
            code: coded.then_some(code),
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(outer in outer()) {
        let response = response(&outer);
        let back: Option<Outer> = FORM.read(&response);
        prop_assert_eq!(back.as_ref(), Some(&outer));
        let offsets = (back.and_then(|b| b.at), outer.at);
        prop_assert_eq!(offsets.0.map(|i| i.to_string()), offsets.1.map(|i| i.to_string()));
    }
}

#[test]
fn answers_have_the_type_of_their_field_whatever_they_look_like() {
    let outer = Outer {
        yes: None,
        count: None,
        day: None,
        at: None,
        words: Some("2026-01-02".into()),
        code: None,
        inner: Some(Inner {
            amount: Decimal::from(4),
            note: None,
        }),
        list: vec!["a".into(), "b".into()],
        groups: vec![],
    };
    let items = response(&outer)["item"].clone();
    assert_eq!(items[0]["answer"][0]["valueString"], "2026-01-02");
    assert_eq!(items[1]["linkId"], "inner");
    assert_eq!(items[1]["item"][0]["linkId"], "inner.amount");
    assert_eq!(items[2]["answer"][1]["valueString"], "b");
    assert_eq!(
        items.as_array().map(Vec::len),
        Some(3),
        "what is absent has no item"
    );
}

#[test]
fn a_form_is_known_by_its_name_in_any_version() {
    let answers = |canonical: &str| FORM.answers(&serde_json::json!({"questionnaire": canonical}));
    assert!(answers("https://x/Questionnaire/test-form|2.0.0"));
    assert!(!answers("https://x/Questionnaire/other-form|1.0.0"));
}
