//! Labels that an operator took off: what stays off, what is said anew, what no one takes off.

use serde_json::{Value, json};

use super::*;

#[test]
fn what_was_taken_off_stays_off_and_the_law_keeps_what_it_is_about() {
    let substance = Labels::SUD.or(Labels::ETH);
    let value =
        json!({"code": {"coding": [{"system": "http://snomed.info/sct", "code": "66214007"}]}});
    let labels = Labels::R.or(substance);
    let of = |labels: Labels, off: Labels| lower("Condition", &value, labels, off);
    // What is of no other topic is of this treatment, until that is taken off too.
    let treatment = Labels::R.or(Labels::PSY);
    assert_eq!(of(labels, substance), Ok(treatment));
    assert_eq!(of(labels, labels), Err(Stays::Follows));
    assert_eq!(of(treatment, treatment), Ok(Labels::NONE));
    assert_eq!(of(treatment, Labels::PSY), Ok(Labels::R));
    assert_eq!(of(labels, Labels::SUD), Ok(Labels::R.or(Labels::ETH)));
    assert_eq!(of(labels, Labels::R), Err(Stays::Follows));
    assert_eq!(of(labels, Labels::HIV), Err(Stays::Absent));
    let part2 = labels.or(Labels::PART2);
    assert_eq!(of(part2, Labels::ETH), Err(Stays::Follows));
    let encounter = |off| lower("Encounter", &json!({}), Labels::R.or(Labels::PSY), off);
    assert_eq!(encounter(Labels::PSY), Err(Stays::Follows));
    assert_eq!(encounter(Labels::R.or(Labels::PSY)), Err(Stays::Follows));

    // The content still says it, and so may what was built; neither puts it on again.
    let coding = json!({"system": ACT_CODE, "code": "ETH"});
    let level = json!({"system": CONFIDENTIALITY, "code": "R"});
    let mut built = value.clone();
    built["meta"] = json!({"security": [level, coding]});
    let lowered = substance.or(Labels::PSY);
    let past = Past {
        lowered,
        ..Past::default()
    };
    let of = |body: &Value, past: Past, how| {
        label("Condition", body, Subject::Adult, past, how).expect("no note")
    };
    for (body, drop) in [(&value, vec![]), (&built, vec![1])] {
        let found = of(body, past, Labelling::Built(Labels::NONE));
        assert_eq!((found.labels, &found.drop), (Labels::R, &drop));
        assert_eq!(found.lowered, lowered);
    }
    // Who sends it, means it; so does what was built and says more than follows from it and than it said before.
    assert_eq!(
        of(&built, past, Labelling::Sent).labels,
        Labels::R.or(Labels::ETH)
    );
    let mut told = json!({});
    told["meta"] = built["meta"].clone();
    let again = Labelling::Built(Labels::ETH);
    assert_eq!(of(&told, past, again).labels, Labels::R);
    let found = of(&told, past, Labelling::Built(Labels::NONE));
    assert_eq!(found.labels, Labels::R.or(Labels::ETH));
    assert_eq!(found.lowered, Labels::SUD.or(Labels::PSY));
}

#[test]
fn a_code_that_is_new_raises_what_was_taken_off() {
    let snomed = |code: &str| json!({"system": "http://snomed.info/sct", "code": code});
    let of = |codes: &[&str]| {
        let codings: Vec<Value> = codes.iter().map(|code| snomed(code)).collect();
        json!({"code": {"coding": codings}})
    };
    let substance = Labels::SUD.or(Labels::ETH);
    let before = of(&["66214007"]);
    for (now, news) in [
        (of(&["66214007"]), Labels::NONE),
        (of(&[]), Labels::NONE),
        (of(&["66214007", "38341003"]), Labels::NONE),
        (of(&["66214007", "15167005"]), substance),
        (of(&["15167005"]), substance),
    ] {
        assert_eq!(of_news(&before, &now), news, "{now}");
        let past = Past {
            labels: Labels::ORDINARY,
            lowered: substance,
            news,
        };
        for how in [Labelling::Built(Labels::NONE), Labelling::Sent] {
            let found = label("Condition", &now, Subject::Adult, past, how).expect("no note");
            assert_eq!(found.labels.meets(substance), !news.is_empty(), "{now}");
            assert_eq!(found.lowered.is_empty(), !news.is_empty());
        }
    }
    let form = |slug: &str| json!({"questionnaire": format!("https://kap.example.org/Questionnaire/{slug}|1")});
    assert_eq!(of_news(&form("phq-9"), &form("audit-c")), substance);
    assert_eq!(of_news(&form("audit-c"), &form("audit-c")), Labels::NONE);
}

#[test]
fn an_adolescents_label_that_was_taken_off_comes_again_with_an_age_that_says_so() {
    let value = json!({});
    let all = PSYCHIATRIC.or(Labels::ADOL);
    let past = Past {
        labels: all,
        ..Past::default()
    };
    let off = Labelling::Lowered(Labels::ADOL);
    let of = |subject, past, how| label("Encounter", &value, subject, past, how).expect("no note");
    // Still a minor by what is on file: it stays off.
    let found = of(Subject::Minor, past, off);
    assert_eq!((found.labels, found.lowered), (PSYCHIATRIC, Labels::ADOL));
    let next = Past {
        labels: found.labels,
        lowered: found.lowered,
        news: Labels::NONE,
    };
    assert_eq!(
        of(Subject::Minor, next, Labelling::Sent).labels,
        PSYCHIATRIC
    );
    // An adult by a corrected date of birth: a date that makes him a minor is a new fact.
    let found = of(Subject::Adult, past, off);
    assert_eq!((found.labels, found.lowered), (PSYCHIATRIC, Labels::NONE));
    let next = Past {
        labels: found.labels,
        ..Past::default()
    };
    assert_eq!(of(Subject::Minor, next, Labelling::Sent).labels, all);
}

#[test]
fn what_no_consent_can_name_stays_closed_while_one_such_code_is_stated() {
    let with = |codes: &[&str]| {
        let security: Vec<Value> = codes.iter().map(|c| coding(ACT_CODE, c)).collect();
        with(json!({}), &security)
    };
    let past = Past {
        labels: PSYCHIATRIC.or(Labels::UNKNOWN),
        ..Past::default()
    };
    for (left, closed) in [(with(&["SICKLE"]), true), (with(&[]), false)] {
        let off = Labelling::Lowered(Labels::UNKNOWN);
        let found = label("Encounter", &left, Subject::Adult, past, off).expect("no note");
        assert_eq!(found.labels.meets(Labels::UNKNOWN), closed);
        assert_eq!(found.lowered, Labels::NONE);
        let told = Labels::stated(&left);
        assert!(told.within(found.labels));
    }
    for code in CLOSED_LAWS {
        assert_eq!(Labels::meant(code), Some(Labels::UNKNOWN), "{code}");
        assert!(is_law(code), "{code}");
    }
    for code in ["42CFRPart2", "NOAUTH", "HIPAASelfPay", "NOPAT"] {
        assert!(is_law(code), "{code}");
    }
    assert!(!is_law("SCA") && !is_law("ETH"));
    assert_eq!(Labels::meant("V"), Some(Labels::V));
    assert_eq!(Labels::meant("CPLYCD"), None);
}
