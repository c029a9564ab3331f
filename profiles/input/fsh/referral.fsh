// Referral: the practice asks the medical partner to evaluate; the Task carries the workflow.

Profile: KapReferralServiceRequest
Parent: ServiceRequest
Id: kap-referral-servicerequest
Title: "KAP referral"
Description: "The therapist's request for a medical evaluation and clearance."
* insert KapDefinition
* insert EpisodeLink
* insert TwoIdentifiers
* status MS
* intent = #order
* intent MS
* category 1..* MS
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains evaluation 1..1 MS
* category[evaluation] = $sct#386053000
* priority 1..1 MS
* code 1..1 MS
* insert CodingSlice(code, service, 1..1, "https://kap-interop.example.org/fhir/CodeSystem/kap-service", KapServiceCodes)
* subject only Reference(Patient)
* subject MS
* encounter MS
* occurrence[x] MS
* authoredOn 1..1 MS
* requester 1..1 MS
* requester only Reference(Practitioner or PractitionerRole or Organization)
* performer 1..* MS
* reasonReference MS
* supportingInfo MS

Profile: KapReferralTask
Parent: Task
Id: kap-referral-task
Title: "KAP referral task"
Description: "The state of a referral: requested, then accepted or rejected, in progress, completed. Status and business status are separate."
* insert KapDefinition
* extension contains KapTaskEventExtension named event 0..* MS
* insert TwoIdentifiers
* basedOn 1..1 MS
* basedOn only Reference(ServiceRequest)
* status MS
* status from KapReferralTaskStatusCodes (required)
* statusReason MS
* businessStatus MS
* businessStatus from KapTaskBusinessStatusCodes (required)
* intent = #order
* intent MS
* priority MS
* code 1..1 MS
* code = $task-code#fulfill
* focus 1..1 MS
* focus only Reference(ServiceRequest)
* for 1..1 MS
* for only Reference(Patient)
* authoredOn 1..1 MS
* lastModified MS
* requester 1..1 MS
* owner 1..1 MS
* owner only Reference(Organization or PractitionerRole or Practitioner)
* restriction MS
* restriction.period MS
* restriction.period.end MS
* input MS
* input.type from KapTaskIoCodes (required)
* output MS
* output.type from KapTaskIoCodes (extensible)
* obeys kap-task-reason and kap-task-output and kap-task-decision

Invariant: kap-task-reason
Description: "A task that is rejected, on hold, failed or cancelled says why, in words."
Severity: #error
Expression: "(status = 'rejected' or status = 'on-hold' or status = 'failed' or status = 'cancelled') implies statusReason.text.exists()"

Invariant: kap-task-output
Description: "A completed referral names its result."
Severity: #warning
Expression: "status = 'completed' implies output.exists()"

Invariant: kap-task-decision
Description: "The output of kind clearance-decision is a reference to the decision."
Severity: #error
Expression: "output.where(type.coding.where(code = 'clearance-decision').exists()).all(value.reference.exists())"
