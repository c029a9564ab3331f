"""HL7's examples of R4 (`tests/hl7`), of the types that a practice's client may create, as one practice would hold them: a record
refers to its own patient's records and to the directory, so what an example refers to elsewhere stands on another server."""

import json

from values import ELSEWHERE

DIRECTORY = {"Organization", "Practitioner", "PractitionerRole", "Medication"}
# Kept by other roles, or by the rules of an episode alone.
LEFT_OUT = {"AuditEvent", "Provenance", "Endpoint", "Questionnaire", "Consent", "EpisodeOfCare"}


def examples(repo):
    """Each example with the references that hold here."""
    lines = (repo / "tests/hl7/examples.ndjson").read_text().splitlines()
    found = [one for one in map(json.loads, lines) if "id" in one]
    kept = {f"{one['resourceType']}/{one['id']}": one for one in found if one["resourceType"] not in LEFT_OUT}
    whose = {name: patient_of(one) for name, one in kept.items()}
    for name, one in kept.items():
        yield rewritten(one, whose, whose[name])


def patient_of(one):
    """The patient of whose record it is part."""
    if one["resourceType"] == "Patient":
        return f"Patient/{one['id']}"
    for element in ("subject", "patient", "for"):
        reference = one.get(element, {})
        if isinstance(reference, dict) and reference.get("reference", "").startswith("Patient/"):
            return reference["reference"]
    for part in one.get("participant", []) if one["resourceType"] == "Appointment" else []:
        if part.get("actor", {}).get("reference", "").startswith("Patient/"):
            return part["actor"]["reference"]
    return None


def rewritten(value, whose, patient):
    if isinstance(value, list):
        return [rewritten(part, whose, patient) for part in value]
    if not isinstance(value, dict):
        return value
    out = {name: rewritten(part, whose, patient) for name, part in value.items()}
    said = out.get("reference")
    if isinstance(said, str) and "/" in said and not said.startswith(("http", "urn:", "#")):
        plain = said.split("/_history/")[0]
        kind = plain.split("/")[0]
        there = plain in whose and (kind in DIRECTORY or plain == patient or (patient and whose[plain] == patient))
        if not there:
            out["reference"] = f"{ELSEWHERE}/{plain}"
    return out
