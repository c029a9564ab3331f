"""SMART on FHIR Python client: https://github.com/smart-on-fhir/client-py"""

from fhirclient import client as smart
from fhirclient.models import capabilitystatement, medicationadministration, patient

from check import FHIR, check, end, token

client = smart.FHIRClient(settings={"app_id": "demo-ehr", "api_base": FHIR})
client.server.session.headers["Authorization"] = "Bearer " + token("demo-ehr")
check("CapabilityStatement", lambda: capabilitystatement.CapabilityStatement.read_from("metadata", client.server),
      lambda c: c.fhirVersion == "4.0.1")
check("prepare", client.prepare)
found = check("search", lambda: patient.Patient.where({}).perform_resources(client.server), lambda all_: len(all_) >= 1)
check("read", lambda: patient.Patient.read(found[0].id, client.server), lambda p: p.id == found[0].id)
check("search by reference", lambda: medicationadministration.MedicationAdministration
      .where({"patient": found[0].id}).perform_resources(client.server), lambda all_: len(all_) >= 1)
check("pages", lambda: list(medicationadministration.MedicationAdministration.where({"_count": "1"}).perform_resources_iter(client.server)),
      lambda all_: len(all_) > 1)
end()
