use super::*;

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
        for kind in ["Binary", "Account", "patient", "", "*"] {
            assert!(
                Interaction::ALL.iter().all(|i| !role.allows(*i, kind)),
                "{role} {kind}"
            );
        }
    }
}

#[test]
fn an_outside_ehr_only_ever_reads_and_searches() {
    // What they subscribe to is their own, and no record.
    for (kind, _) in TABLE.iter().filter(|(kind, _)| *kind != "Subscription") {
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
