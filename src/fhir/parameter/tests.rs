use super::*;

#[test]
fn every_line_is_read() {
    let wanted = lines().filter(|l| !l.starts_with('[')).count();
    let read: usize = PARAMETERS.values().map(Vec::len).sum();
    assert_eq!(read, wanted);
    assert_eq!(kinds().count(), 36);
}

#[test]
fn no_name_twice_and_one_sort_date_at_most() {
    for kind in kinds() {
        let all: Vec<_> = of(kind).into_iter().flatten().collect();
        let mut names: Vec<_> = all.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len(), "{kind}");
        assert!(all.iter().filter(|p| p.sorts).count() <= 1, "{kind}");
    }
}

#[test]
fn paths_are_split_outside_parentheses() {
    let ext = find("Patient", "race").expect("race").paths[0].clone();
    assert_eq!(ext.len(), 3);
    assert_eq!(
        ext[0],
        Segment::Extension("http://hl7.org/fhir/us/core/StructureDefinition/us-core-race".into())
    );
    let phase = &find("EpisodeOfCare", "phase").expect("phase").paths[0];
    assert_eq!(
        phase[0],
        Segment::Extension(format!("{KAP}kap-episode-phase"))
    );
}

#[test]
fn an_alias_takes_the_kind_of_the_parameter_it_names() {
    let patient = find("Observation", "patient").expect("patient");
    assert_eq!(
        (patient.indexed, patient.target),
        ("subject", Some("Patient"))
    );
    assert_eq!(
        find("DetectedIssue", "rule").expect("rule").kind,
        ParameterKind::Token
    );
}

#[test]
fn searches_required_by_us_core_exist() {
    let required = [
        ("Patient", "_id identifier name birthdate gender"),
        ("Encounter", "_id patient date"),
        ("Condition", "patient category"),
        ("Observation", "patient category code date"),
        ("MedicationRequest", "patient intent status"),
        ("Procedure", "patient date"),
        ("DocumentReference", "patient _id type category date"),
        ("CareTeam", "patient status"),
        ("CarePlan", "patient category"),
        ("Goal", "patient"),
        ("RelatedPerson", "patient"),
        ("PractitionerRole", "practitioner specialty"),
    ];
    for (kind, names) in required {
        for name in names.split(' ') {
            assert!(find(kind, name).is_some(), "{kind} {name}");
        }
    }
}
