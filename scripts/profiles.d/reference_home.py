"""Makes what the reference validator needs beside R4: reference_home.py HOME.

HOME/.fhir/packages holds the R4 definitions already. The validator always loads the packages below as well; without
them it would go to the network, so they are there, and empty. What our resources use of them is written to
HOME/elsewhere: it would be a false alarm otherwise, and inside a Bundle it would make its resource match no profile.
"""

import json
import sys
from pathlib import Path

PACKAGES = {
    "hl7.terminology": "6.5.0",
    "hl7.terminology.r4": "6.5.0",
    "hl7.fhir.uv.extensions": "5.2.0",
    "hl7.fhir.uv.extensions.r4": "5.2.0",
    "hl7.fhir.xver-extensions": "0.1.0",
}
# R4 allows the extension in 16 places; the Extensions Pack, which took it over, in these as well.
EPISODE_CONTEXTS = (
    "Appointment Composition Consent DetectedIssue DocumentReference Flag Goal "
    "MedicationAdministration MedicationDispense MedicationRequest Task"
).split()
ADMINISTERED = {"inpatient": "Inpatient", "outpatient": "Outpatient", "community": "Community"}


def packages(folder):
    # Without this version the validator empties the folder.
    (folder / "packages.ini").write_text("[cache]\nversion=4\n\n[urls]\n\n[local]\n\n[packages]\n")
    for name, version in PACKAGES.items():
        package = folder / f"{name}#{version}" / "package"
        package.mkdir(parents=True, exist_ok=True)
        about = {"name": name, "version": version, "tools-version": 3, "type": "IG", "fhirVersions": ["4.0.1"]}
        about |= {"canonical": f"http://localhost/{name}", "dependencies": {}}
        (package / "package.json").write_text(json.dumps(about))
        (package / ".index.json").write_text(json.dumps({"index-version": 2, "files": []}))


def episode(core):
    """workflow-episodeOfCare as in the Extensions Pack."""
    definition = json.loads((core / "StructureDefinition-workflow-episodeOfCare.json").read_text())
    definition["version"] = "5.2.0"
    definition["context"] += [{"type": "element", "expression": name} for name in EPISODE_CONTEXTS]
    return definition


def pronouns(core):
    """individual-pronouns of the Extensions Pack, made of an R4 extension of the same form (a concept in a period)."""
    text = (core / "StructureDefinition-patient-citizenship.json").read_text()
    text = text.replace("patient-citizenship", "individual-pronouns").replace('"code"', '"value"')
    text = text.replace("Extension.extension:code", "Extension.extension:value")
    definition = json.loads(text)
    # The types of elements are given by a "code" as well.
    for view in ("snapshot", "differential"):
        for element in definition[view]["element"]:
            for kind in element.get("type", []):
                if "value" in kind:
                    kind["code"] = kind.pop("value")
    return definition


def administered():
    concepts = [{"code": code, "display": display} for code, display in ADMINISTERED.items()]
    url = "http://terminology.hl7.org/CodeSystem/medication-admin-location"
    about = {"id": "medication-admin-location", "url": url, "version": "1.0.1", "name": "MedicationAdminLocation"}
    state = {"status": "active", "caseSensitive": True, "content": "complete", "concept": concepts}
    return {"resourceType": "CodeSystem"} | about | state


def main(home):
    folder = home / ".fhir" / "packages"
    packages(folder)
    core = folder / "hl7.fhir.r4.core#4.0.1" / "package"
    elsewhere = home / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for definition in (episode(core), pronouns(core), administered()):
        name = f"{definition['resourceType']}-{definition['id']}.json"
        (elsewhere / name).write_text(json.dumps(definition))


main(Path(sys.argv[1]))
