"""Synthetic records of the types of the service, so that every parameter of every type has values to be found by."""

from values import (DICE, ELSEWHERE, LOINC, LOCAL, SNOMED, WORDS, Pool, address, chance, clean, coding, concept, day, identifier, instant,
                    known, maybe, moment, names, odd_amount, of, period, pick, pressure, telecom, weight, whole_day)

TERMS = "http://terminology.hl7.org/CodeSystem"
PEOPLE = ["Practitioner", "PractitionerRole", "Organization"]
CODES = ["alpha", "beta", "gamma", "Alpha", "de,lta", "eps|ilon"]


def meta(number):
    """Tags and claims of profiles for some."""
    return clean({
        "profile": maybe(0.15, lambda: [f"http://example.org/fhir/StructureDefinition/{pick('one', 'two', 'two/three')}"]),
        "tag": maybe(0.25, lambda: [clean({"system": pick("urn:example:tags", None), "code": pick("red", "blue", "Red")})]),
        "source": maybe(0.15, lambda: f"urn:example:source:{number % 3}"),
    })


def organization(n, pool):
    return {"name": of(["Harbor Müller Clinic", "Åkesson & Söner", "harbor health", "North (East)", "Zentrum Nord"]),
            "alias": maybe(0.4, lambda: ["Hafenklinik", "Café Santé"]), "active": pick(True, False, None),
            "type": [concept(["prov", "dept"], f"{TERMS}/organization-type")], "address": [{**address(), "use": "work"}],
            "partOf": maybe(0.4, lambda: pool.to(["Organization"])), "endpoint": [{"reference": f"{ELSEWHERE}/Endpoint/e1"}]}


def practitioner(n, pool):
    return {"active": pick(True, False, None), "name": names(n), "telecom": telecom(n), "address": [address()], "gender": gender(),
            "communication": [concept(["de", "en-US"], "urn:ietf:bcp:47")]}


def gender():
    return pick("male", "female", "other", "unknown", None)


def role(n, pool):
    return {"active": pick(True, False, None), "period": maybe(0.7, period), "practitioner": pool.to(["Practitioner"]),
            "organization": pool.to(["Organization"]), "code": [concept(CODES)], "specialty": [concept(CODES, SNOMED)],
            "location": [{"reference": f"{ELSEWHERE}/Location/l{n % 2}"}], "healthcareService": [{"reference": f"{ELSEWHERE}/HealthcareService/h1"}],
            "telecom": telecom(n)}


def medication(n, pool):
    code = {"itemCodeableConcept": concept(["373464007", "387362001"], SNOMED)}
    item = pick(code, {"itemReference": {"reference": f"{ELSEWHERE}/Substance/s1"}})
    return {"status": pick("active", "inactive", None), "code": concept(CODES, SNOMED), "form": concept(["lozenge", "vial"]),
            "manufacturer": maybe(0.5, lambda: pool.to(["Organization"])), "ingredient": [item],
            "batch": maybe(0.7, lambda: {"lotNumber": pick("L-1", "l-1", "L 2"), "expirationDate": moment()})}


def patient(n, pool):
    dead = pick({"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": moment()}, {}, {})
    return {**dead, "active": pick(True, False, None), "name": names(n), "telecom": telecom(n), "gender": gender(), "birthDate": day(),
            "address": [address()], "communication": [{"language": concept(["de", "en-US"], "urn:ietf:bcp:47")}],
            "generalPractitioner": [pool.to(["Practitioner"])], "managingOrganization": maybe(0.6, lambda: pool.to(["Organization"]))}


def related(n, pool, who):
    return {"patient": who, "active": pick(True, False, None), "relationship": [concept(["FTH", "NCHILD"], f"{TERMS}/v3-RoleCode")],
            "name": names(n + 3), "telecom": telecom(n), "gender": gender(), "birthDate": whole_day(), "address": [address()]}


def encounter(n, pool, who):
    return {"subject": who, "status": pick("planned", "finished", "in-progress"), "class": coding(["AMB", "VR"], f"{TERMS}/v3-ActCode"),
            "type": [concept(CODES)], "period": maybe(0.8, period), "participant": [{"type": [concept(["PART", "ATND"])], "individual": pool.to(PEOPLE[:2])}],
            "reasonCode": [concept(CODES, SNOMED)], "length": maybe(0.6, lambda: pick(minutes(90, "min"), minutes(1.5, "h"), minutes(2, "h"))),
            "location": [{"location": {"reference": f"{ELSEWHERE}/Location/l{n % 2}"}, "period": period()}],
            "account": [{"reference": f"{ELSEWHERE}/Account/a{n % 2}"}], "serviceProvider": maybe(0.5, lambda: pool.to(["Organization"])),
            "hospitalization": maybe(0.5, lambda: {"dischargeDisposition": concept(["home", "oth"]), "specialArrangement": [concept(["wheel", "int"])]})}


def minutes(value, code):
    return {"value": value, "unit": code, "system": "http://unitsofmeasure.org", "code": code}


def condition(n, pool, who):
    onset = pick({"onsetDateTime": moment()}, {"onsetAge": minutes(30, "a")}, {"onsetAge": minutes(360, "mo")}, {"onsetPeriod": period()},
                 {"onsetString": of(WORDS)}, {"onsetRange": {"low": minutes(20, "a"), "high": minutes(25, "a")}}, {})
    over = pick({"abatementDateTime": moment()}, {"abatementAge": minutes(40, "a")}, {"abatementString": "when café closed"}, {}, {"abatementPeriod": period()})
    status = "inactive" if over else "active"
    return {**onset, **over, "subject": who, "clinicalStatus": known(f"{TERMS}/condition-clinical", status),
            "verificationStatus": known(f"{TERMS}/condition-ver-status", "confirmed", "provisional"),
            "category": [known(f"{TERMS}/condition-category", "problem-list-item", "encounter-diagnosis")], "severity": concept(["mild", "severe"], SNOMED),
            "code": concept(CODES, SNOMED), "bodySite": [concept(["head", "arm"], SNOMED)], "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "recordedDate": moment(), "asserter": maybe(0.5, lambda: pool.to(["Practitioner"])), "stage": [{"summary": concept(["early", "late"])}],
            "evidence": [{"code": [concept(CODES)], "detail": [own(pool, "Observation", who)]}]}


def own(pool, kind, who):
    """A reference within the patient's record, or to another server."""
    return pool.to([kind], who["reference"].split("/")[1])


def allergy(n, pool, who):
    return {"patient": who, "clinicalStatus": known(f"{TERMS}/allergyintolerance-clinical", "active", "resolved"),
            "verificationStatus": known(f"{TERMS}/allergyintolerance-verification", "confirmed", "unconfirmed"), "type": pick("allergy", "intolerance", None),
            "category": [pick("food", "medication")], "criticality": pick("low", "high", None), "code": maybe(0.8, lambda: concept(CODES, SNOMED)),
            "recordedDate": moment(), "lastOccurrence": maybe(0.7, moment), "recorder": maybe(0.5, lambda: pool.to(["Practitioner"])),
            "asserter": maybe(0.5, lambda: pool.to(["Practitioner"])),
            "reaction": [{"substance": concept(CODES, SNOMED), "manifestation": [concept(["rash", "hives"], SNOMED)], "onset": moment(),
                          "severity": pick("mild", "moderate", "severe"), "exposureRoute": concept(["oral", "skin"], SNOMED)}]}


def observation(n, pool, who):
    value = pick({"valueQuantity": weight()}, {"valueQuantity": pressure()}, {"valueQuantity": odd_amount()}, {"valueQuantity": odd_amount()},
                 {"valueCodeableConcept": concept(CODES)}, {"valueString": of(WORDS)}, {"valueDateTime": moment()}, {"valuePeriod": period()}, {"valueBoolean": True},
                 {"dataAbsentReason": concept(["unknown", "masked"], f"{TERMS}/data-absent-reason")},
                 {"valueSampledData": {"origin": {"value": 10, "unit": "mV"}, "period": 10, "factor": 0.5, "dimensions": 1, "data": "2 4 E 6"}})
    part = [{"code": concept(["sys", "dia"], LOCAL), "valueQuantity": pressure()},
            {"code": concept(["posture", "sys"]), "valueCodeableConcept": concept(["sitting", "lying"])},
            {"code": concept(["none"]), "dataAbsentReason": concept(["unknown"], f"{TERMS}/data-absent-reason")}]
    when = pick({"effectiveDateTime": moment()}, {"effectiveDateTime": moment()}, {"effectivePeriod": period()}, {"effectiveInstant": instant()}, {})
    return {**value, **when, "subject": who, "status": pick("final", "preliminary", "amended"), "code": concept(["29463-7", "85354-9", "8867-4"], LOINC),
            "category": [concept(["vital-signs", "survey"], f"{TERMS}/observation-category")], "component": DICE.sample(part, DICE.randrange(3)),
            "method": maybe(0.3, lambda: concept(["cuff", "scale"])), "performer": [pool.to(PEOPLE)], "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "derivedFrom": [own(pool, "QuestionnaireResponse", who)] if chance(0.3) else None, "focus": [own(pool, "Condition", who)] if chance(0.2) else None,
            "hasMember": [own(pool, "Observation", who)] if chance(0.3) else None, "device": maybe(0.3, lambda: elsewhere("Device", n)),
            "partOf": [own(pool, "Procedure", who)] if chance(0.3) else None, "specimen": maybe(0.3, lambda: elsewhere("Specimen", n)),
            "basedOn": [own(pool, "ServiceRequest", who)] if chance(0.3) else None}


def elsewhere(kind, n):
    return {"reference": f"{ELSEWHERE}/{kind}/x{n % 3}"}


def service_request(n, pool, who):
    when = pick({"occurrenceDateTime": moment()}, {"occurrencePeriod": period()}, {"occurrenceTiming": {"event": [whole_day(), whole_day()]}}, {})
    return {**when, "subject": who, "status": pick("active", "completed"), "intent": pick("order", "plan"), "priority": pick("routine", "urgent", None),
            "code": concept(CODES, SNOMED), "category": [concept(CODES)], "requisition": maybe(0.5, lambda: identifier("Requisition", n % 3)),
            "authoredOn": moment(), "requester": maybe(0.7, lambda: pool.to(PEOPLE)), "performer": [pool.to(PEOPLE)], "performerType": concept(["md", "rn"]),
            "bodySite": [concept(["head", "arm"], SNOMED)], "instantiatesCanonical": canonical(n, "ActivityDefinition"),
            "instantiatesUri": [f"http://example.org/protocols/p{n % 2}"], "specimen": [elsewhere("Specimen", n)],
            "basedOn": [own(pool, "CarePlan", who)] if chance(0.4) else None, "replaces": [own(pool, "ServiceRequest", who)] if chance(0.3) else None}


def canonical(n, kind):
    return pick([f"http://example.org/fhir/{kind}/a"], [f"http://example.org/fhir/{kind}/a|1.{n % 2}"], [f"http://example.org/fhir/{kind}/a/b|2"], None)


def task(n, pool, who):
    authored, modified = sorted([moment(), moment()], key=lambda text: (text[:4], len(text) < 10, text))
    if authored[:4] == modified[:4]:
        modified = "2025-06-01"
    return {"for": who, "status": pick("requested", "completed", "in-progress"), "intent": pick("order", "plan"), "priority": pick("routine", "asap", None),
            "businessStatus": maybe(0.5, lambda: concept(CODES)), "code": concept(CODES), "groupIdentifier": maybe(0.5, lambda: identifier("Group", n % 3)),
            "focus": maybe(0.5, lambda: own(pool, "ServiceRequest", who)), "authoredOn": authored, "lastModified": modified, "executionPeriod": maybe(0.5, period),
            "restriction": maybe(0.5, lambda: {"period": period()}), "requester": maybe(0.5, lambda: pool.to(PEOPLE)), "owner": maybe(0.5, lambda: pool.to(PEOPLE)),
            "performerType": [concept(["md", "rn"])], "basedOn": [own(pool, "ServiceRequest", who)], "encounter": maybe(0.3, lambda: own(pool, "Encounter", who))}


def med(pool):
    return pick({"medicationCodeableConcept": concept(CODES, SNOMED)}, {"medicationReference": pool.to(["Medication"])})


def medication_request(n, pool, who):
    return {**med(pool), "subject": who, "status": pick("active", "stopped"), "intent": pick("order", "plan"), "priority": pick("routine", "urgent", None),
            "category": [concept(["outpatient", "community"])], "authoredOn": moment(), "requester": maybe(0.8, lambda: pool.to(["Practitioner"])),
            "performer": maybe(0.5, lambda: pool.to(["Organization"])), "performerType": concept(["md", "rn"]), "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "dispenseRequest": maybe(0.5, lambda: {"performer": pool.to(["Organization"])}),
            "dosageInstruction": maybe(0.6, lambda: [{"timing": {"event": [whole_day(), moment()]}}])}


def dispense(n, pool, who):
    return {**med(pool), "subject": who, "status": pick("completed", "preparation"), "type": concept(["FF", "RF"]), "whenPrepared": maybe(0.6, lambda: "2020-01-01"),
            "whenHandedOver": maybe(0.8, lambda: pick("2020-02-29", "2021-07-04T12:15:30.250Z", "2024-02-29T08:00:00+05:30")),
            "context": maybe(0.4, lambda: own(pool, "Encounter", who)), "authorizingPrescription": [own(pool, "MedicationRequest", who)],
            "performer": [{"actor": pool.to(PEOPLE)}], "receiver": [pool.to(["Practitioner"])], "destination": elsewhere("Location", n),
            "substitution": maybe(0.4, lambda: {"wasSubstituted": True, "responsibleParty": [pool.to(["Practitioner"])]})}


def administration(n, pool, who):
    when = pick({"effectiveDateTime": moment()}, {"effectivePeriod": period()})
    return {**when, **med(pool), "subject": who, "status": pick("completed", "not-done"), "statusReason": maybe(0.4, lambda: [concept(CODES)]),
            "reasonCode": maybe(0.4, lambda: [concept(CODES, SNOMED)]), "context": maybe(0.5, lambda: own(pool, "Encounter", who)),
            "request": maybe(0.6, lambda: own(pool, "MedicationRequest", who)), "performer": [{"actor": pool.to(PEOPLE[:2])}], "device": [elsewhere("Device", n)]}


def procedure(n, pool, who):
    when = pick({"performedDateTime": moment()}, {"performedPeriod": period()}, {"performedString": "in spring"}, {})
    return {**when, "subject": who, "status": pick("completed", "in-progress"), "category": concept(CODES), "code": concept(CODES, SNOMED),
            "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)), "performer": [{"actor": pool.to(PEOPLE)}], "basedOn": [own(pool, "ServiceRequest", who)],
            "partOf": [own(pool, "Procedure", who)] if chance(0.4) else None, "location": elsewhere("Location", n), "reasonCode": [concept(CODES, SNOMED)],
            "reasonReference": [own(pool, "Condition", who)], "instantiatesCanonical": canonical(n, "PlanDefinition"),
            "instantiatesUri": [f"http://example.org/protocols/p{n % 2}"]}


def response(n, pool, who):
    return {"subject": who, "status": pick("completed", "in-progress"), "questionnaire": canonical(n, "Questionnaire") and canonical_one(n), "authored": maybe(0.8, moment),
            "author": maybe(0.6, lambda: pool.to(PEOPLE)), "source": maybe(0.5, lambda: pool.to(["Practitioner"])), "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "basedOn": [own(pool, "ServiceRequest", who)], "partOf": [own(pool, "Procedure", who)] if chance(0.4) else None}


def canonical_one(n):
    return pick("http://example.org/fhir/Questionnaire/a", f"http://example.org/fhir/Questionnaire/a|1.{n % 2}", "http://example.org/fhir/Questionnaire/a/b")


def impression(n, pool, who):
    return {"subject": who, "status": pick("completed", "in-progress"), "date": moment(), "assessor": maybe(0.7, lambda: pool.to(["Practitioner"])),
            "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)), "previous": maybe(0.3, lambda: own(pool, "ClinicalImpression", who)),
            "problem": [own(pool, "Condition", who)], "investigation": [{"code": concept(CODES), "item": [own(pool, "Observation", who)]}],
            "finding": [{"itemCodeableConcept": concept(CODES, SNOMED)}, {"itemReference": own(pool, "Condition", who)}], "supportingInfo": [own(pool, "Observation", who)]}


def issue(n, pool, who):
    when = pick({"identifiedDateTime": moment()}, {"identifiedPeriod": period()}, {})
    return {**when, "patient": who, "status": pick("final", "preliminary"), "code": concept(["DRG", "ALGY"]), "severity": pick("high", "low", None),
            "author": maybe(0.6, lambda: pool.to(PEOPLE[:2])), "implicated": [own(pool, "MedicationRequest", who), own(pool, "Condition", who)]}


def flag(n, pool, who):
    return {"subject": who, "status": pick("active", "inactive"), "category": [concept(["safety", "admin"])], "code": concept(CODES, SNOMED), "period": maybe(0.7, period),
            "author": maybe(0.6, lambda: pool.to(PEOPLE)), "encounter": maybe(0.4, lambda: own(pool, "Encounter", who))}


def communication(n, pool, who):
    return {"subject": who, "status": pick("completed", "in-progress"), "category": [concept(CODES)], "medium": [concept(["MAILWRIT", "VOICE"])], "sent": maybe(0.7, moment),
            "received": maybe(0.6, moment), "sender": maybe(0.7, lambda: pool.to(PEOPLE)), "recipient": [pool.to(PEOPLE), who], "basedOn": [own(pool, "ServiceRequest", who)],
            "partOf": [own(pool, "Communication", who)] if chance(0.4) else None, "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "instantiatesCanonical": canonical(n, "PlanDefinition"), "instantiatesUri": [f"http://example.org/protocols/p{n % 2}"]}


def composition(n, pool, who):
    target = pick({"targetReference": elsewhere("Composition", n)}, {"targetIdentifier": identifier("Doc", n % 3)})
    return {"subject": who, "status": pick("final", "preliminary"), "type": concept(["11488-4", "34133-9"], LOINC), "category": [concept(CODES)], "date": moment(),
            "author": [pool.to(["Practitioner"])], "title": of(WORDS), "confidentiality": pick("N", "R"), "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "attester": [{"mode": "legal", "party": pool.to(["Practitioner"])}], "event": [{"code": [concept(CODES)], "period": period()}],
            "relatesTo": [{"code": "appends", **target}], "section": [{"title": "One", "code": concept(CODES), "entry": [own(pool, "Condition", who)]}]}


def document(n, pool, who):
    return {"subject": who, "status": pick("current", "superseded"), "type": concept(["11488-4", "34133-9"], LOINC), "category": [concept(CODES)], "date": instant(),
            "masterIdentifier": maybe(0.5, lambda: identifier("Master", n)), "author": [pool.to(PEOPLE)], "authenticator": maybe(0.5, lambda: pool.to(["Practitioner"])),
            "custodian": maybe(0.5, lambda: pool.to(["Organization"])), "description": maybe(0.8, lambda: of(WORDS)),
            "relatesTo": [{"code": pick("appends", "replaces"), "target": own(pool, "DocumentReference", who)}],
            "content": [{"attachment": {"contentType": pick("text/plain", "application/pdf"), "language": pick("de", "en-US"),
                                        "url": f"http://example.org/files/{pick('a', 'a/b', 'c')}"}, "format": coding(["urn:ihe:pcc:xds-ms:2007", "x"])}],
            "context": {"event": [concept(CODES)], "period": period(), "facilityType": concept(["hosp", "home"]), "practiceSetting": concept(["gen", "psy"]),
                        "encounter": [own(pool, "Encounter", who)], "related": [own(pool, "Procedure", who)]}}


def care_plan(n, pool, who):
    when = pick({"scheduledPeriod": period()}, {"scheduledString": "daily"}, {"scheduledTiming": {"event": [whole_day(), whole_day()]}}, {})
    detail = {**when, "status": "scheduled", "code": concept(CODES), "performer": [pool.to(PEOPLE)]}
    act = pick({"detail": detail}, {"detail": detail}, {"reference": own(pool, "ServiceRequest", who)})
    return {"subject": who, "status": pick("active", "completed"), "intent": pick("plan", "order"), "category": [concept(CODES)], "period": maybe(0.8, period),
            "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)), "careTeam": [own(pool, "CareTeam", who)], "addresses": [own(pool, "Condition", who)],
            "goal": [own(pool, "Goal", who)], "activity": [act], "instantiatesCanonical": canonical(n, "PlanDefinition"), "instantiatesUri": [f"http://example.org/protocols/p{n % 2}"],
            "partOf": [own(pool, "CarePlan", who)] if chance(0.3) else None, "replaces": [own(pool, "CarePlan", who)] if chance(0.3) else None}


def goal(n, pool, who):
    start = pick({"startDate": whole_day()}, {"startCodeableConcept": concept(CODES)}, {})
    target = pick({"dueDate": day()}, {"dueDuration": minutes(3, "d")})
    return {**start, "subject": who, "lifecycleStatus": pick("active", "completed"), "achievementStatus": concept(["improving", "worsening"], f"{TERMS}/goal-achievement"),
            "category": [concept(CODES)], "description": concept(CODES), "target": [{**target, "measure": concept(["m"])}]}


def care_team(n, pool, who):
    return {"subject": who, "status": pick("active", "inactive"), "category": [concept(CODES)], "period": maybe(0.7, period), "encounter": maybe(0.4, lambda: own(pool, "Encounter", who)),
            "participant": [{"role": [concept(["lead", "md"])], "member": pool.to(PEOPLE)}]}


def appointment(n, pool, who):
    start = of(["2020-02-29T10:00:00Z", "2021-07-04T10:00:00-07:00", "2024-02-29T08:00:00.500Z"])
    return {"status": pick("booked", "fulfilled"), "start": start, "end": "2025-01-01T00:00:00Z", "appointmentType": concept(["ROUTINE", "CHECKUP"]), "serviceType": [concept(CODES)],
            "serviceCategory": [concept(CODES)], "specialty": [concept(CODES, SNOMED)], "reasonCode": [concept(CODES)], "reasonReference": [own(pool, "Condition", who)],
            "slot": [elsewhere("Slot", n)], "supportingInformation": [own(pool, "Observation", who)], "basedOn": [own(pool, "ServiceRequest", who)],
            "participant": [{"actor": who, "status": pick("accepted", "tentative")}, {"actor": pool.to(["Practitioner"]), "status": "accepted"}]}


def adverse_event(n, pool, who):
    return {"subject": who, "actuality": pick("actual", "potential"), "category": [concept(["product-use-error"])], "event": concept(CODES, SNOMED), "date": moment(), "detected": moment(),
            "seriousness": concept(["serious", "non-serious"], f"{TERMS}/adverse-event-seriousness"), "severity": concept(["mild", "severe"], f"{TERMS}/adverse-event-severity"),
            "recorder": pool.to(["Practitioner"]), "location": elsewhere("Location", n), "resultingCondition": [own(pool, "Condition", who)],
            "study": [elsewhere("ResearchStudy", n)], "suspectEntity": [{"instance": pool.to(["Medication"])}]}


DIRECTORY = [("Organization", organization, 14), ("Practitioner", practitioner, 16), ("PractitionerRole", role, 14), ("Medication", medication, 14)]
OF_PATIENTS = [("RelatedPerson", related), ("Encounter", encounter), ("Condition", condition), ("AllergyIntolerance", allergy), ("CareTeam", care_team), ("Goal", goal),
               ("CarePlan", care_plan), ("ServiceRequest", service_request), ("Task", task), ("MedicationRequest", medication_request), ("MedicationDispense", dispense),
               ("MedicationAdministration", administration), ("Procedure", procedure), ("QuestionnaireResponse", response), ("Observation", observation),
               ("Observation", observation), ("Observation", observation), ("ClinicalImpression", impression), ("DetectedIssue", issue), ("Flag", flag),
               ("Communication", communication), ("Composition", composition), ("DocumentReference", document), ("Appointment", appointment), ("AdverseEvent", adverse_event)]
PLURAL = {"Goal", "Composition", "DocumentReference", "Patient", "Practitioner", "Organization"}
NO_LIST = {"Composition", "QuestionnaireResponse"}


def record(kind, name, content):
    """The record with what all have."""
    numbers = None
    if kind != "Composition" or chance(0.7):
        one = identifier(kind, name.rsplit("-", 1)[1])
        numbers = one if kind in NO_LIST or kind == "AdverseEvent" else [one]
    return clean({"resourceType": kind, "id": name, "meta": meta(DICE.randrange(9)), "identifier": numbers, **content})


def synthetic():
    """All of them, what is referred to before what refers to it."""
    pool, out = Pool(), []

    def keep(kind, name, content, patient=None):
        one = record(kind, name, content)
        pool.add(one, patient)
        out.append(one)

    for kind, make, count in DIRECTORY:
        for n in range(count):
            keep(kind, f"{kind.lower()}-{n}", make(n, pool))
    for p in range(16):
        name = f"patient-{p}"
        keep("Patient", name, patient(p, pool))
        who = {"reference": f"Patient/{name}"}
        for n, (kind, make) in enumerate(OF_PATIENTS):
            keep(kind, f"{kind.lower()}-{p * 30 + n}", make(p * 30 + n, pool, who), name)
    return out


def endpoints(practice):
    """Endpoints of the practice."""
    for n in range(6):
        yield clean({"resourceType": "Endpoint", "identifier": [identifier("Endpoint", n)], "status": pick("active", "off"), "name": of(["Main Küche", "main", "Backup"]),
                     "connectionType": {"system": f"{TERMS}/endpoint-connection-type", "code": pick("hl7-fhir-rest", "secure-email")},
                     "payloadType": [concept(["any", "none"])], "address": f"https://example.org/e{n}", "managingOrganization": {"reference": f"Organization/{practice}"}})
