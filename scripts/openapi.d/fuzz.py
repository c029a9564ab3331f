"""Runs schemathesis on openapi.yaml against the demo: gathers ids that exist, writes the configuration, runs all checks, counts."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import uuid

import requests

from login import token

BASE, ACCOUNTS, CONTRACT, WORK = sys.argv[1:5]
HERE = pathlib.Path(__file__).parent
EXAMPLES = os.environ.get("KAP_OPENAPI_EXAMPLES", "4")
SEED = os.environ.get("KAP_OPENAPI_SEED", "20260101")


def ask(method, path, **arguments):
    headers = {"Authorization": "Bearer " + token(ACCOUNTS, "demo-practice"), "Idempotency-Key": str(uuid.uuid4())}
    answer = requests.request(method, BASE + path, headers=headers, timeout=30, **arguments)
    answer.raise_for_status()
    return answer.json()


def another(episode, n):
    """A new episode of a person of its own, at the practice and with the people of the demo."""
    person = {"identifiers": [{"type": "MR", "system": "https://practice.example.org/mrn", "value": f"SYN-FUZZ-{uuid.uuid4().hex[:8]}"}],
              "name": {"family": f"Fuzzperson{n}"}, "birthDate": "1980-01-01", "administrativeGender": "unknown"}
    lead = next(member for member in episode["careTeam"] if member["role"] == "lead-therapist")
    body = {"by": "patient", "patient": person, "partnerId": episode["organizations"]["partner"]["id"], "careTeam": [lead], "synthetic": True}
    return ask("POST", "/kap/v1/episodes", json=body)["episodeId"]


def gather():
    """Ids that exist, by the name of the dictionary that holds them."""
    own = ask("GET", "/kap/v1/episodes")["items"][0]["episodeId"]
    episode = ask("GET", f"/kap/v1/episodes/{own}")
    ids = {name: [record["id"] for record in episode.get(name, [])] for name in (
        "medications", "consents", "referrals", "clearances", "prescriptions", "dispenses", "sessions", "adverseEvents", "followUps",
        "detectedIssues")}
    dosing = [s["id"] for s in episode["sessions"] if s["type"] == "dosing"]
    people = [member["id"] for member in episode["careTeam"]]
    lead = next(member["id"] for member in episode["careTeam"] if member["role"] == "lead-therapist")
    note = {"kind": "psychotherapy-note", "authorId": lead, "text": "SYNTHETIC."}
    notes = [ask("POST", f"/kap/v1/episodes/{own}/private-notes", json=note)["id"] for _ in range(2)]
    ids |= {
        "episode": [own], "spare": [another(episode, n) for n in range(8)], "dosing": dosing, "people": people, "notes": notes,
        "parts": [c["id"] for clearance in episode["clearances"] for c in clearance["conditions"]],
        "organizations": [o["id"] for o in episode["organizations"].values()],
        "patient": [episode["patient"]["id"]],
        "related": [person["id"] for person in episode["relatedPersons"]],
        "compositions": [e["resource"]["id"] for e in ask("GET", "/fhir/Composition")["entry"]],
        "observations": [e["resource"]["id"] for e in ask("GET", "/fhir/Observation")["entry"]][:5]}
    ids["records"] = ids["medications"] + ids["sessions"] + ids["clearances"]
    return {name: values for name, values in ids.items() if values}


# Which ids go where; what is not named here is drawn from the schema alone, and so is one value in five.
OFTEN = 0.8
EVERYWHERE = {
    "path.episode": "episode", "path.session": "dosing", "path.part": "parts", "path.note": "notes", "path.record": "records",
    "query.authorId": "people", "query.patient": "patient",
    "body.by": "people", "body.leadId": "people", "body.decidedBy": "people", "body.prescriberId": "people", "body.requesterId": "people",
    "body.authorId": "people", "body.reportedBy": "people", "body.witnessId": "people", "body.expressedBy": "patient", "body.partnerId": "organizations",
    "body.pharmacyId": "organizations", "body.organizationId": "organizations", "body.prescriptionId": "prescriptions", "body.sessionId": "sessions"}
BY_PATH = {
    "/medications/": "medications", "/consents/": "consents", "/referrals/": "referrals", "/clearances/": "clearances", "/prescriptions/": "prescriptions",
    "/dispenses/": "dispenses", "/detected-issues/": "detectedIssues", "/adverse-events/": "adverseEvents", "/follow-ups/": "followUps",
    "/sessions/\\\\{id\\\\}": "dosing", "/patients/": "patient", "/fhir/Patient/\\\\{id\\\\}": "patient", "/fhir/EpisodeOfCare/\\\\{id\\\\}": "episode",
    "/fhir/Composition/\\\\{id\\\\}": "compositions", "/fhir/\\\\{type\\\\}/\\\\{id\\\\}": "observations"}
# These end an episode or stop its dosing: an episode that others ask for would answer them with 409 from then on.
ENDS = ["completeEpisode", "discontinueEpisode", "withdrawEpisode", "correctEpisode", "pauseEpisode", "startMaintenance", "holdDosing", "revokeClearance"]


def configuration(ids):
    """schemathesis.toml: the settings that stand beside this file, and the ids of this run."""
    lines = [(HERE / "schemathesis.toml").read_text(encoding="utf-8")]
    lines += [f"[dictionaries.{name}]\nvalues = {json.dumps(values)}" for name, values in ids.items()]

    def bound(name):
        return f'{{ dictionary = "{name}", probability = {OFTEN} }}'

    lines.append("[parameters]")
    lines += [f'"{place}" = {bound(name)}' for place, name in EVERYWHERE.items() if name in ids]
    for path, name in BY_PATH.items():
        if name in ids:
            lines.append(f'[[operations]]\ninclude-path-regex = "{path}"\nparameters = {{ "path.id" = {bound(name)} }}')
    lines.append(f'[[operations]]\ninclude-operation-id = {json.dumps(ENDS)}\nparameters = {{ "path.episode" = {bound("spare")} }}')
    return "\n".join(lines) + "\n"


def main():
    work = pathlib.Path(WORK)
    (work / "schemathesis.toml").write_text(configuration(gather()), encoding="utf-8")
    report = work / "report.ndjson"
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(work / "schemathesis.toml"), "run", CONTRACT, "--url", BASE,
        "--seed", SEED, "--max-examples", EXAMPLES, "--report", "ndjson", "--report-ndjson-path", str(report), "--no-color"]
    environment = os.environ | {"KAP_ACCOUNTS": ACCOUNTS, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    code = subprocess.run(command, env=environment, cwd=work, check=False).returncode
    raise SystemExit(code)


main()
