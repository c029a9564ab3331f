use super::*;

/// What each role may do, in sentences: `role: letters Type Type …`, kept apart from the table on purpose.
const GOLDEN: &str = include_str!("golden.txt");

fn printed() -> String {
    let mut out = String::new();
    for role in Role::ALL {
        let mut groups: Vec<(String, Vec<&str>)> = vec![];
        for (kind, _) in TABLE {
            let may = Interaction::ALL.iter().filter(|i| role.allows(**i, kind));
            let letters: String = may.map(|i| i.letter()).collect();
            match groups.iter_mut().find(|(have, _)| *have == letters) {
                Some((_, kinds)) => kinds.push(kind),
                None if letters.is_empty() => {}
                None => groups.push((letters, vec![kind])),
            }
        }
        groups.sort();
        for (letters, mut kinds) in groups {
            kinds.sort_unstable();
            out.extend([role.code(), ": ", &letters, ": ", &kinds.join(" "), "\n"]);
        }
    }
    out
}

#[test]
fn the_table_is_the_one_that_was_agreed() {
    let printed = printed();
    assert_eq!(printed, GOLDEN, "the table now says:\n{printed}");
}

#[test]
fn every_cell_is_letters_of_cruds_in_order_and_no_type_is_there_twice() {
    for (at, (kind, cells)) in TABLE.iter().enumerate() {
        assert!(
            cells
                .iter()
                .all(|c| c.is_empty() || Letters::parse(c).is_some()),
            "{kind}"
        );
        assert!(
            TABLE[..at].iter().all(|(other, _)| other != kind),
            "{kind} twice"
        );
    }
}

#[test]
fn nothing_is_allowed_on_a_type_outside_the_table() {
    for role in Role::ALL {
        for kind in ["Binary", "Subscription", "patient", "", "*"] {
            assert!(
                Interaction::ALL.iter().all(|i| !role.allows(*i, kind)),
                "{role} {kind}"
            );
        }
    }
}

#[test]
fn an_outside_ehr_only_ever_reads_and_searches() {
    for (kind, _) in TABLE {
        for i in [
            Interaction::Create,
            Interaction::Update,
            Interaction::Delete,
        ] {
            assert!(
                !Role::ExternalEhr.allows(i, kind) && !Role::Integrator.allows(i, kind),
                "{kind}"
            );
        }
    }
}
