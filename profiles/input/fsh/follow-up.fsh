// Follow-up: what is due, appointments, messages.

Profile: KapFollowupTask
Parent: Task
Id: kap-followup-task
Title: "KAP follow-up task"
Description: "Something that must happen by a day."
* insert KapDefinition
* status MS
* statusReason MS
* businessStatus MS
* intent MS
* code 1..1 MS
* insert CodingSlice(code, kind, 0..1, "https://kap-interop.example.org/fhir/CodeSystem/kap-followup-kind", KapFollowupKindCodes)
* focus MS
* for 1..1 MS
* for only Reference(Patient)
* encounter MS
* executionPeriod MS
* authoredOn MS
* owner MS
* restriction 1..1 MS
* restriction.period 1..1 MS
* restriction.period.end 1..1 MS
* restriction.period.end ^short = "Day by which it is due"
* output MS

Profile: KapFollowupServiceRequest
Parent: ServiceRequest
Id: kap-followup-servicerequest
Title: "KAP follow-up request"
Description: "The request for a follow-up."
* insert KapDefinition
* insert EpisodeLink
* status MS
* intent MS
* category MS
* code 1..1 MS
* insert CodingSlice(code, kind, 1..1, "https://kap-interop.example.org/fhir/CodeSystem/kap-followup-kind", KapFollowupKindCodes)
* subject only Reference(Patient)
* subject MS
* encounter MS
* occurrence[x] MS
* authoredOn MS
* requester MS
* performer MS

Profile: KapAppointment
Parent: Appointment
Id: kap-appointment
Title: "KAP appointment"
Description: "A booked session; a no-show is recorded here. It carries no reason: that it exists says enough."
* insert KapDefinition
* insert EpisodeLink
* status MS
* serviceType MS
* reasonCode 0..0
* reasonReference 0..0
* description 0..0
* comment 0..0
* start MS
* end MS
* participant MS
* participant.actor MS
* participant.status MS

Profile: KapCommunication
Parent: Communication
Id: kap-communication
Title: "KAP communication"
Description: "A message between the parties. Its payload is a reference, never clinical text."
* insert KapDefinition
* insert EpisodeLink
* status MS
* category 1..* MS
* category from KapCommunicationCategoryCodes (required)
* priority MS
* subject MS
* subject only Reference(Patient)
* topic MS
* sent MS
* received MS
* recipient 1..* MS
* sender 1..1 MS
* payload MS
* payload.content[x] only Reference(Resource)
* note 0..0
