// External systems. Every code taken from them is listed in the domain reference with its evidence.
Alias: $sct = http://snomed.info/sct
Alias: $loinc = http://loinc.org
Alias: $rxnorm = http://www.nlm.nih.gov/research/umls/rxnorm
Alias: $ucum = http://unitsofmeasure.org
Alias: $v2-0203 = http://terminology.hl7.org/CodeSystem/v2-0203
Alias: $v2-0477 = http://terminology.hl7.org/CodeSystem/v2-0477
Alias: $v3-ActCode = http://terminology.hl7.org/CodeSystem/v3-ActCode
Alias: $v3-ParticipationType = http://terminology.hl7.org/CodeSystem/v3-ParticipationType
Alias: $v3-RouteOfAdministration = http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration
Alias: $v3-orderableDrugForm = http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm
Alias: $v3-RoleCode = http://terminology.hl7.org/CodeSystem/v3-RoleCode
Alias: $consentscope = http://terminology.hl7.org/CodeSystem/consentscope
Alias: $observation-category = http://terminology.hl7.org/CodeSystem/observation-category
Alias: $communication-category = http://terminology.hl7.org/CodeSystem/communication-category
Alias: $flag-category = http://terminology.hl7.org/CodeSystem/flag-category
Alias: $medicationrequest-category = http://terminology.hl7.org/CodeSystem/medicationrequest-category
Alias: $med-admin-status = http://terminology.hl7.org/CodeSystem/medication-admin-status
Alias: $task-status = http://hl7.org/fhir/task-status
Alias: $task-code = http://hl7.org/fhir/CodeSystem/task-code
Alias: $observation-status = http://hl7.org/fhir/observation-status
Alias: $provenance-participant = http://terminology.hl7.org/CodeSystem/provenance-participant-type
Alias: $us-provenance-participant = http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type
Alias: $us-documentreference-category = http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category
Alias: $us-careplan-category = http://hl7.org/fhir/us/core/CodeSystem/careplan-category
Alias: $workflow-episodeOfCare = http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare

// The project's own systems.
Alias: $kap-episode-type = https://kap-interop.example.org/fhir/CodeSystem/kap-episode-type
Alias: $kap-session-type = https://kap-interop.example.org/fhir/CodeSystem/kap-session-type
Alias: $kap-service = https://kap-interop.example.org/fhir/CodeSystem/kap-service
Alias: $kap-rule = https://kap-interop.example.org/fhir/CodeSystem/kap-rule
Alias: $kap-observation = https://kap-interop.example.org/fhir/CodeSystem/kap-observation
Alias: $kap-followup-kind = https://kap-interop.example.org/fhir/CodeSystem/kap-followup-kind
