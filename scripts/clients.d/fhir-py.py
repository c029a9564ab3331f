"""fhirpy: https://github.com/beda-software/fhir-py"""

from fhirpy import SyncFHIRClient

from check import FHIR, check, end, token

client = SyncFHIRClient(FHIR, authorization="Bearer " + token())
patient = client.resource("Patient", gender="female", birthDate="1981-04-05",
                          identifier=[{"system": "https://ehr.example.org/mrn", "value": "SYN-730001"}],
                          name=[{"family": "Synthetic", "given": ["Client"]}])
check("save (create)", patient.save, lambda _: patient.id)
patient["gender"] = "other"
check("save (update)", patient.save, lambda _: patient["meta"]["versionId"] == "2")


def merge():
    try:
        return patient.patch(gender="female")
    except Exception as error:  # noqa: BLE001 - fhirpy has no class for it
        return "Patch" in str(error)


# fhirpy patches by a part of a resource, which R4 does not know.
check("patch is refused", merge, lambda refused: refused is True)
check("refresh", patient.refresh, lambda _: patient["gender"] == "other")
search = client.resources("Patient").search(identifier="https://ehr.example.org/mrn|SYN-730001")
check("search, fetch", search.fetch, lambda found: [p.id for p in found] == [patient.id])
check("first", search.first, lambda found: found.id == patient.id)
check("get", search.get, lambda found: found.id == patient.id)
check("count", search.count, lambda n: n == 1)
check("fetch_all over pages", lambda: client.resources("MedicationAdministration").limit(1).fetch_all(), lambda all_: len(all_) > 1)
check("include", lambda: client.resources("MedicationAdministration").include("MedicationAdministration", "patient").fetch_raw(),
      lambda b: any(e["resource"]["resourceType"] == "Patient" for e in b["entry"]))
check("elements", lambda: client.resources("Patient").search(_id=patient.id).elements("gender").get(),
      lambda p: "gender" in p and "birthDate" not in p)
check("sort", lambda: client.resources("MedicationAdministration").sort("-effective-time").fetch(), lambda all_: len(all_) > 1)
# POST with criteria in the URL is of no standard (that is If-None-Exist): refused, so that nothing is created twice.
def again():
    try:
        return search.get_or_create(patient)
    except Exception as error:  # noqa: BLE001 - fhirpy has no class for it
        return "If-None-Exist" in str(error)


check("get_or_create is refused", again, lambda refused: refused is True)
check("is_valid", lambda: client.resource("Patient", gender="nonsense").is_valid(), lambda valid: valid is False)
pulse = client.resource("Observation", status="final", code={"text": "Heart rate"}, subject={"reference": f"Patient/{patient.id}"})
check("save an Observation", pulse.save, lambda _: pulse.id)
check("delete", pulse.delete)
end()
