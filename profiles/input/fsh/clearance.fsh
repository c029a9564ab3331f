// Clearance: the prescriber's decision, its limits, and the issues that were weighed.

Profile: KapClearance
Parent: ClinicalImpression
Id: kap-clearance
Title: "KAP medical clearance"
Description: "The partner's decision whether, and within which limits, dosing may happen. Never edited after it was issued: a change is a new resource with previous. No clearance means not cleared. Required is what makes it a decision: who, when, what, for whom, for how long and within which limits; numbers, codes and words of the project are for those who have them."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapClearanceDecisionExtension named decision 1..1 MS and
    KapClearanceValidityExtension named validity 0..1 MS and
    KapClearanceSettingExtension named setting 0..* MS and
    KapClearanceRouteExtension named route 0..* MS and
    KapClearanceDoseCeilingExtension named doseCeiling 0..1 MS and
    KapClearanceMaxFrequencyExtension named maxFrequency 0..1 MS and
    KapClearanceVitalParameterExtension named vitalParameter 0..* MS and
    KapClearanceConditionExtension named condition 0..* MS and
    KapDeferralReasonExtension named deferralReason 0..* MS
* identifier MS
* identifier.system 1..1
* identifier.value 1..1
* status MS
* statusReason MS
* code MS
* insert CodingSlice(code, service, 0..1, "https://kap-interop.example.org/fhir/CodeSystem/kap-service", KapServiceCodes)
* subject only Reference(Patient)
* subject MS
* encounter MS
* effective[x] MS
* effective[x] ^definition = "When the person was assessed. It is not the validity of the decision."
* date 1..1 MS
* assessor 1..1 MS
* previous MS
* problem MS
* investigation MS
* finding MS
* summary MS
* supportingInfo MS
* obeys kap-clearance-until and kap-clearance-setting and kap-clearance-route and kap-clearance-ceiling and kap-clearance-conditions and kap-clearance-deferred and kap-clearance-refused and kap-clearance-summary and kap-clearance-service

Invariant: kap-clearance-until
Description: "A clearance that permits dosing says until when: the end of kap-clearance-validity."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'cleared' or code = 'cleared-with-conditions').exists() implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-validity').value.end.exists()"

Invariant: kap-clearance-setting
Description: "A clearance that permits dosing says where: kap-clearance-setting."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'cleared' or code = 'cleared-with-conditions').exists() implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-setting').exists()"

Invariant: kap-clearance-route
Description: "A clearance that permits dosing says by which route: kap-clearance-route."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'cleared' or code = 'cleared-with-conditions').exists() implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-route').exists()"

Invariant: kap-clearance-ceiling
Description: "A clearance that permits dosing says how much at most: kap-clearance-dose-ceiling."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'cleared' or code = 'cleared-with-conditions').exists() implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-dose-ceiling').exists()"

Invariant: kap-clearance-conditions
Description: "There are conditions (kap-clearance-condition) if, and only if, the decision is cleared-with-conditions."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').exists() implies (extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'cleared-with-conditions').exists() = extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-condition').exists())"

Invariant: kap-clearance-deferred
Description: "A deferral gives a reason and a day of review (the end of the validity)."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'deferred').exists() implies (extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-deferral-reason').exists() and extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-validity').value.end.exists())"

Invariant: kap-clearance-refused
Description: "A refusal gives a reason."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-decision').value.coding.where(code = 'not-cleared').exists() implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-deferral-reason').exists()"

Invariant: kap-clearance-summary
Description: "The summary has at most 1000 characters."
Severity: #error
Expression: "summary.length() <= 1000"

Invariant: kap-clearance-service
Description: "Where a KAP service is named, it is an evaluation or a renewal."
Severity: #error
Expression: "code.coding.where(system = 'https://kap-interop.example.org/fhir/CodeSystem/kap-service').code.all($this = 'medical-evaluation' or $this = 'clearance-renewal')"

Profile: KapClearanceStatusObservation
Parent: Observation
Id: kap-clearance-status-observation
Title: "KAP clearance status"
Description: "A read-only image of the clearance for receivers that cannot read it. The clearance itself counts."
* insert KapDefinition
* insert EpisodeLink
* extension contains KapClearanceValidityExtension named validity 0..1 MS
* status MS
* category 1..* MS
* code = $kap-observation#clearance-status
* code MS
* subject 1..1 MS
* subject only Reference(Patient)
* encounter MS
* effective[x] 1..1 MS
* effective[x] only dateTime
* performer 1..* MS
* value[x] 1..1 MS
* value[x] only CodeableConcept
* valueCodeableConcept from KapClearanceDecisionCodes (required)
* note 1..* MS
* note ^definition = "Names the ClinicalImpression: R4 derivedFrom cannot refer to it."

Profile: KapDetectedIssue
Parent: DetectedIssue
Id: kap-detected-issue
Title: "KAP detected issue"
Description: "A finding of the safety rules, or of a person, for a clinician to weigh. It decides nothing."
* insert KapDefinition
* insert EpisodeLink
* extension contains KapRuleVersionExtension named ruleVersion 0..1 MS
* status MS
* status from KapDetectedIssueStatusCodes (required)
* code 1..1 MS
* insert CodingSlice(code, rule, 0..1, "https://kap-interop.example.org/fhir/CodeSystem/kap-rule", KapRuleCodes)
* code.coding contains alert 1..1 MS
* code.coding[alert].system 1..1
* code.coding[alert].system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
* code.coding[alert].code 1..1
* severity 1..1 MS
* patient 1..1 MS
* identified[x] 1..1 MS
* identified[x] only dateTime
* author MS
* implicated MS
* evidence MS
* detail MS
* mitigation MS
* mitigation.action MS
* mitigation.date MS
* mitigation.author MS
* obeys kap-issue-open and kap-issue-adjudicated and kap-issue-mitigation

Invariant: kap-issue-open
Description: "An open issue has no mitigation: what was mitigated is final."
Severity: #error
Expression: "status = 'preliminary' implies mitigation.empty()"

Invariant: kap-issue-adjudicated
Description: "A final issue says what was done about it."
Severity: #warning
Expression: "status = 'final' implies mitigation.exists()"

Invariant: kap-issue-mitigation
Description: "A mitigation names its author and its date."
Severity: #error
Expression: "mitigation.all(date.exists() and author.exists())"
