"""The second server: Helios FHIR Server (<https://github.com/HeliosSoftware/hfs>, MIT), with the same search parameters and records."""

import json
import os
import pathlib
import subprocess

from definitions import US_CORE

# What the service is searched by and R4 does not define: the same expression for both.
OWN = [("DetectedIssue", "status", "token", "DetectedIssue.status"), ("AdverseEvent", "identifier", "token", "AdverseEvent.identifier"),
       ("Flag", "status", "token", "Flag.status"), ("Flag", "category", "token", "Flag.category"), ("Flag", "code", "token", "Flag.code")]
# Not of R4: what the publisher of the definitions' package added to them.
ADDED = {"DetectedIssue-status", "ServiceRequest-order-detail", "DeviceDefinition-classification"}


def parameters(folder, core, repo):
    """Writes the definitions where the server reads them: HL7's as they are, and those of US Core and of the project."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for path in sorted(pathlib.Path(core).glob("SearchParameter-*.json")):
        one = json.loads(path.read_text())
        if one["id"] not in ADDED:
            entries.append({"resource": one})
    if len(entries) < 1000:
        raise SystemExit(f"{core} has no definitions of R4: run scripts/profiles once before")
    (folder / "search-parameters-r4.json").write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    own = [json.loads(path.read_text()) for path in sorted((repo / "profiles/generated").glob("SearchParameter-*.json"))]
    for kind, name, sort, expression in US_CORE + OWN:
        own.append({"resourceType": "SearchParameter", "id": f"own-{kind.lower()}-{name}", "url": f"http://example.org/fhir/SearchParameter/{kind}-{name}",
                    "name": name, "status": "active", "description": name, "code": name, "base": [kind], "type": sort, "expression": expression})
    (folder / "own.json").write_text(json.dumps(own))


def environment(base, folder):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "HFS_BASE_URL": base, "HFS_DATA_DIR": str(folder), "HFS_UI_ENABLED": "false", "HFS_LOG_LEVEL": "warn", "HFS_MAX_PAGE_SIZE": "5000"}


def store(api, records):
    """Stores each record under its id."""
    refused = []
    for one in records:
        status, text = api.ask("PUT", f"{one['resourceType']}/{one['id']}", one)
        if status not in (200, 201):
            refused.append(f"{one['resourceType']}/{one['id']}: {status} {text[:300]}")
    return refused


def version(program):
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()
