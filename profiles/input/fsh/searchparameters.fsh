// Search parameters beyond the base specification.

RuleSet: Search(name, code, type)
* url = "https://kap-interop.example.org/fhir/SearchParameter/{name}"
* version = "0.1.0"
* name = "{name}"
* status = #draft
* experimental = true
* publisher = "KAP interoperability project"
* code = #{code}
* type = #{type}

Instance: kap-phase
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-phase, phase, token)
* description = "Exact phase of the episode."
* base[0] = #EpisodeOfCare
* expression = "EpisodeOfCare.extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-episode-phase').value"

Instance: kap-decision
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-decision, decision, token)
* description = "What the prescriber decided."
* base[0] = #ClinicalImpression
* expression = "ClinicalImpression.extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value"

Instance: kap-valid-until
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-valid-until, valid-until, date)
* description = "Last day of a clearance, or day of review of a deferral."
* base[0] = #ClinicalImpression
* expression = "ClinicalImpression.extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-validity').value.end"

Instance: kap-episode
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-episode, episode, reference)
* description = "Episode to which the record belongs."
* base[0] = #AdverseEvent
* base[1] = #Appointment
* base[2] = #CarePlan
* base[3] = #CareTeam
* base[4] = #ClinicalImpression
* base[5] = #Communication
* base[6] = #Composition
* base[7] = #Condition
* base[8] = #Consent
* base[9] = #DetectedIssue
* base[10] = #DocumentReference
* base[11] = #Encounter
* base[12] = #Flag
* base[13] = #Goal
* base[14] = #MedicationAdministration
* base[15] = #MedicationDispense
* base[16] = #MedicationRequest
* base[17] = #Observation
* base[18] = #Procedure
* base[19] = #QuestionnaireResponse
* base[20] = #ServiceRequest
* base[21] = #Task
* expression = "AdverseEvent.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Appointment.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | CarePlan.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | CareTeam.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | ClinicalImpression.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Communication.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Composition.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Condition.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Consent.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | DetectedIssue.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | DocumentReference.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Encounter.episodeOfCare | Flag.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Goal.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | MedicationAdministration.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | MedicationDispense.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | MedicationRequest.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Observation.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Procedure.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | QuestionnaireResponse.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | ServiceRequest.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value | Task.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value"
* target[0] = #EpisodeOfCare

Instance: kap-rule
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-rule, rule, token)
* description = "Safety rule that spoke."
* base[0] = #DetectedIssue
* expression = "DetectedIssue.code.coding.where(system = 'https://kap-interop.example.org/fhir/CodeSystem/kap-rule')"

Instance: kap-severity
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-severity, severity, token)
* description = "Severity of the issue."
* base[0] = #DetectedIssue
* expression = "DetectedIssue.severity"

Instance: kap-dose-kind
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-dose-kind, dose-kind, token)
* description = "First dose of the session, or booster."
* base[0] = #MedicationAdministration
* expression = "MedicationAdministration.extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-dose-kind').value"

Instance: kap-delivered
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-delivered, delivered, date)
* description = "When the shipment arrived."
* base[0] = #MedicationDispense
* expression = "MedicationDispense.extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-shipment').extension.where(url = 'deliveredAt').value"

Instance: kap-reporter
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-reporter, reporter, reference)
* description = "Who reported the event."
* base[0] = #AdverseEvent
* expression = "AdverseEvent.recorder"
* target[0] = #Patient
* target[1] = #Practitioner
* target[2] = #PractitionerRole
* target[3] = #RelatedPerson

Instance: kap-detected
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-detected, detected, date)
* description = "When the event was detected."
* base[0] = #AdverseEvent
* expression = "AdverseEvent.detected"

Instance: kap-due
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-due, due, date)
* description = "When the task is due. (business-status is a parameter of the base specification.)"
* base[0] = #Task
* expression = "Task.restriction.period"

Instance: kap-consent-kind
InstanceOf: SearchParameter
Usage: #definition
* insert Search(kap-consent-kind, consent-kind, token)
* description = "Which agreement it is."
* base[0] = #Consent
* expression = "Consent.extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-consent-kind').value"
