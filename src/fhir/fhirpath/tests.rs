//! Cases after HL7's test-suite for FHIRPath on R4 (tests-fhir-r4.xml): its patient and observation, shortened.

use serde_json::{Value, json};

use super::*;

fn patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "example", "active": true, "gender": "male",
        "birthDate": "1974-12-25",
        "_birthDate": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
            "valueDateTime": "1974-12-25T14:35:45-05:00"}]},
        "name": [
            {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
            {"use": "usual", "given": ["Jim"]},
            {"use": "maiden", "family": "Windsor", "given": ["Peter", "James"], "period": {"end": "2002"}},
        ],
        "telecom": [
            {"use": "home"},
            {"system": "phone", "value": "(03) 5555 6473", "use": "work", "rank": 1},
            {"system": "phone", "value": "(03) 3410 5613", "use": "mobile", "rank": 2},
        ],
        "deceasedBoolean": false,
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Acme"}],
        "managingOrganization": {"reference": "#o"},
    })
}

fn observation() -> Value {
    json!({
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": "2016-03-28",
        "valueQuantity": {"value": 185, "unit": "lbs", "system": "http://unitsofmeasure.org", "code": "[lb_av]"},
    })
}

fn found(value: &Value, text: &str) -> Result<Vec<String>, String> {
    let expression = Expression::new(text)?;
    let node = Node::resource(value).ok_or("no resource")?;
    let items = expression
        .evaluate(node, &Context::new(node, node))
        .map_err(|fault| fault.0.to_owned())?;
    Ok(items
        .iter()
        .map(|item| item.text().unwrap_or_else(|| "…".into()))
        .collect())
}

fn all(value: &Value, cases: &[(&str, &[&str])]) {
    for (text, wanted) in cases {
        assert_eq!(found(value, text).expect(text), *wanted, "{text}");
    }
}

#[test]
fn paths_find_what_stands_there() {
    all(
        &patient(),
        &[
            ("name.given", &["Peter", "James", "Jim", "Peter", "James"]),
            (
                "Patient.name.given",
                &["Peter", "James", "Jim", "Peter", "James"],
            ),
            ("Encounter.name.given", &[]),
            ("name.given[0]", &["Peter"]),
            ("name.where(use = 'usual').given", &["Jim"]),
            ("name.first().family", &["Chalmers"]),
            ("name.take(2).given", &["Peter", "James", "Jim"]),
            ("name.skip(1).given.first()", &["Jim"]),
            ("name.last().period.end", &["2002"]),
            ("name.tail().count()", &["2"]),
            ("deceased", &["false"]),
            ("name.select(use)", &["official", "usual", "maiden"]),
            ("name.select($index)", &["0", "1", "2"]),
            (
                "birthDate.extension('http://hl7.org/fhir/StructureDefinition/patient-birthTime').value",
                &["1974-12-25T14:35:45-05:00"],
            ),
            ("`name`.`given`[2]", &["Jim"]),
            ("nickname", &[]),
            ("managingOrganization.resolve().name", &["Acme"]),
            ("contained.ofType(Organization).name", &["Acme"]),
            ("contained.ofType(Device)", &[]),
            ("descendants().where($this = 'Jim').count()", &["1"]),
            ("name.repeat(given).count()", &["5"]),
            ("name.given.distinct()", &["Peter", "James", "Jim"]),
            ("name.given.isDistinct()", &["false"]),
            (
                "name.given.intersect(name.where(use='usual').given)",
                &["Jim"],
            ),
            (
                "name.given.exclude(name.where(use='usual').given).count()",
                &["4"],
            ),
            ("(name.first().given | name.last().given).count()", &["2"]),
            (
                "name.first().given.combine(name.last().given).count()",
                &["4"],
            ),
            ("telecom.rank", &["1", "2"]),
        ],
    );
}

#[test]
fn choices_are_found_by_their_type() {
    all(
        &observation(),
        &[
            ("value.unit", &["lbs"]),
            ("value.value", &["185"]),
            ("value is Quantity", &["true"]),
            ("value.is(Quantity)", &["true"]),
            ("value is Period", &["false"]),
            ("value.ofType(Quantity).unit", &["lbs"]),
            ("(value as Quantity).unit", &["lbs"]),
            ("value.as(Period)", &[]),
            ("value > 180 '[lb_av]'", &["true"]),
            ("value > 180 'kg'", &[]),
            ("Observation.code.coding.code", &["29463-7"]),
            ("valueQuantity.unit", &[]),
            ("effective is dateTime", &["true"]),
            ("code.coding.where(system = %loinc).exists()", &["true"]),
        ],
    );
    all(
        &patient(),
        &[
            ("active is boolean", &["true"]),
            ("active.is(System.Boolean)", &["false"]),
            ("gender is string", &["true"]),
            ("gender is code", &["true"]),
            ("deceased is Boolean", &["true"]),
            ("1 is Integer", &["true"]),
            ("1.0.is(System.Decimal)", &["true"]),
            ("$this is Patient", &["true"]),
            ("$this is DomainResource", &["true"]),
        ],
    );
}

#[test]
fn logic_has_three_values() {
    all(
        &patient(),
        &[
            ("true and {}", &[]),
            ("false and {}", &["false"]),
            ("{} and false", &["false"]),
            ("true or {}", &["true"]),
            ("{} or true", &["true"]),
            ("false or {}", &[]),
            ("true xor {}", &[]),
            ("true xor false", &["true"]),
            ("true implies {}", &[]),
            ("false implies {}", &["true"]),
            ("{} implies true", &["true"]),
            ("{} implies false", &[]),
            ("{}.not()", &[]),
            ("nickname.exists().not()", &["true"]),
            ("nickname.all(use = 'x')", &["true"]),
            ("name.exists(use = 'usual')", &["true"]),
            ("name.all(given.exists())", &["true"]),
            ("name.all(period.exists())", &["false"]),
            ("nickname = 'x'", &[]),
            ("nickname in ('a' | 'b')", &[]),
            ("'a' in ('a' | 'b')", &["true"]),
            ("('a' | 'b') contains 'c'", &["false"]),
            ("iif(active, 'yes', 'no')", &["yes"]),
            ("nickname.iif(empty(), 'none', 'some')", &["none"]),
            ("name.select(use = 'usual').allFalse()", &["false"]),
            ("name.select(use = 'temp').allFalse()", &["true"]),
        ],
    );
}

#[test]
fn values_are_computed_exactly() {
    all(
        &patient(),
        &[
            ("1 + 2 * 3", &["7"]),
            ("(1 + 2) * 3", &["9"]),
            ("1.1 + 2.2 = 3.3", &["true"]),
            ("0.1 * 3 = 0.3", &["true"]),
            ("7 div 2", &["3"]),
            ("7 mod 2", &["1"]),
            ("1 / 2", &["0.5"]),
            ("1 / 0", &[]),
            ("-1 < 1", &["true"]),
            ("1 = 1.0", &["true"]),
            ("'a' + 'b'", &["ab"]),
            ("'a' & {}", &["a"]),
            ("'a' + {}", &[]),
            ("'A' ~ 'a'", &["true"]),
            ("'a' != 'b'", &["true"]),
            ("(1 | 2) = (1 | 2)", &["true"]),
            ("'abc'.substring(1)", &["bc"]),
            ("'abc'.substring(1, 1)", &["b"]),
            ("'abc'.substring(5)", &[]),
            ("'abc'.startsWith('ab') and 'abc'.endsWith('c')", &["true"]),
            ("'abc'.contains('x')", &["false"]),
            ("'abc'.length()", &["3"]),
            ("'abc'.indexOf('c')", &["2"]),
            ("'abc'.replace('b', 'x').upper()", &["AXC"]),
            ("'12'.toInteger() + 1", &["13"]),
            ("1.50.toString()", &["1.50"]),
            ("4 'mg' + 2 'mg'", &["6 'mg'"]),
        ],
    );
}

#[test]
fn dates_are_as_precise_as_they_are() {
    all(
        &patient(),
        &[
            ("birthDate = @1974-12-25", &["true"]),
            ("birthDate < @1975", &["true"]),
            ("birthDate = @1974", &[]),
            ("@2018-03-01 > @2018-02-28", &["true"]),
            (
                "@2018-03-01T10:30:00Z = @2018-03-01T05:30:00-05:00",
                &["true"],
            ),
            ("@2018-01-31 + 1 month", &["2018-02-28"]),
            ("@2016-02-29 + 1 year", &["2017-02-28"]),
            ("@2018-03-01 - 1 day", &["2018-02-28"]),
            ("@T10:30 < @T11:00", &["true"]),
            ("birthDate + 6 months", &["1975-06-25"]),
        ],
    );
}

#[test]
fn what_does_not_fit_is_a_fault_and_no_answer() {
    for text in [
        "name.given > 'a'",
        "'a' > 1",
        "name.family.single()",
        "%nobody",
        "1.length()",
    ] {
        assert!(found(&patient(), text).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for bad in [
        "",
        "a.",
        "a b",
        "a.where()",
        "a.count(1)",
        "a.fly()",
        "(a",
        "a[1",
        "a and",
        "@2018-13",
        "a.matches('x')",
    ] {
        assert!(Expression::new(bad).is_err(), "{bad}");
    }
    let deep = "(".repeat(1000) + "a" + &")".repeat(1000);
    assert!(Expression::new(&deep).is_err());
    assert!(Expression::new(&("-".repeat(5000) + "1")).is_err());
}
