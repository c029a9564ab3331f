"""cumulus-fhir-support: a backend-services login and a bulk export, as a research pipeline does them
(https://github.com/smart-on-fhir/cumulus-fhir-support)."""

import asyncio
import json
import time

import cumulus_fhir_support as cfs

from check import FHIR, account, check, end

OWN = account("demo-ehr")
JWKS = {"keys": [{**OWN["jwk"], "key_ops": ["sign"]}]}


async def session(act):
    async with cfs.FhirClient(FHIR, ["Patient", "Observation", "MedicationAdministration"],
                              smart_client_id=OWN["client_id"], smart_jwks=JWKS) as client:
        return await act(client)


async def search(client):
    answer = await client.request("GET", "MedicationAdministration?_count=2")
    return answer.json()


async def export(client):
    answer = await client.request("GET", "Patient/$export?_type=Patient,MedicationAdministration", headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.status_code
    status = answer.headers["Content-Location"]
    for _ in range(100):
        answer = await client.request("GET", status, headers={"Accept": "application/json"})
        if answer.status_code == 200:
            break
        assert answer.status_code == 202, answer.status_code
        time.sleep(float(answer.headers.get("Retry-After", 1)))
    manifest = answer.json()
    lines = {}
    for output in manifest["output"]:
        file = await client.request("GET", output["url"], headers={"Accept": "application/fhir+ndjson"})
        found = [json.loads(line) for line in file.text.splitlines() if line]
        assert all(r["resourceType"] == output["type"] for r in found)
        assert len(found) == output.get("count", len(found))
        lines[output["type"]] = lines.get(output["type"], 0) + len(found)
    answer = await client.request("DELETE", status)
    assert answer.status_code == 202, answer.status_code
    return lines


check("log in and search", lambda: asyncio.run(session(search)), lambda b: b["entry"])
check("bulk export, its files, and its end", lambda: asyncio.run(session(export)),
      lambda lines: lines.get("Patient", 0) >= 1 and lines.get("MedicationAdministration", 0) >= 1)
end()
