//! What users of other FHIR servers complain of most, each pain with the tests that show that it is not so here.

mod list;
mod many;
mod whole;
mod writes;

use std::path::Path;

use self::list::{PAINS, Pain};

/// Whether the source has a test of this name: a function that the harness runs, by itself or on both databases.
fn has_test(source: &str, name: &str) -> bool {
    let named = format!("fn {name}(");
    let lines: Vec<&str> = source.lines().collect();
    let Some(at) = lines.iter().position(|line| line.contains(&named)) else {
        return false;
    };
    let attributes = lines[..at].iter().rev();
    // Attributes may be of several lines; the item before ends with a brace or a blank line.
    let mut attributes = attributes.take_while(|line| !line.is_empty() && !line.starts_with('}'));
    let alone = attributes.any(|a| a.contains("#[test]") || a.contains("#[tokio::test"));
    let lists = source.split("both!(").skip(1);
    let mut lists = lists.map(|rest| rest.split(')').next().unwrap_or_default());
    alone || lists.any(|list| list.split(',').any(|word| word.trim() == name))
}

#[test]
fn each_pain_has_tests_that_there_are() {
    let numbers: Vec<usize> = PAINS.iter().map(|pain| pain.number).collect();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    for Pain {
        number,
        what,
        told,
        shown,
    } in PAINS
    {
        assert!(!shown.is_empty() && !told.is_empty(), "{number} {what}");
        for (file, tests) in *shown {
            let source = std::fs::read_to_string(Path::new(file)).expect(file);
            assert!(!tests.is_empty(), "{number} {file}");
            for name in *tests {
                assert!(has_test(&source, name), "{number} {what}: {file} {name}");
            }
        }
    }
}

#[test]
fn what_is_no_test_shows_nothing() {
    let source = "both!(\n    one,\n    two\n);\n\nasync fn one(db: Db) {}\nasync fn three(db: Db) {}\n#[test]\nfn four() {}\n";
    for (name, is) in [
        ("one", true),
        ("two", false),
        ("three", false),
        ("four", true),
        ("five", false),
    ] {
        assert_eq!(has_test(source, name), is, "{name}");
    }
}
