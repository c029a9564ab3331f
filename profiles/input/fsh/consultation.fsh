// Consultation: what the practice gathers before it refers: meetings, answers, home medicines.

RuleSet: KapMeeting(setting)
* insert KapDefinition
* extension contains
    KapSessionSettingExtension named setting {setting} MS and
    KapPresenceModeExtension named presenceMode 0..1 MS and
    KapPatientLocationExtension named patientLocation 0..1 MS and
    KapEmergencyPlanExtension named emergencyPlan 0..1 MS
* identifier MS
* status MS
* class MS
* class from KapEncounterClassCodes (required)
* type 1..* MS
* serviceType MS
* subject 1..1 MS
* subject only Reference(Patient)
* episodeOfCare 1..1 MS
* participant MS
* participant.type MS
* participant.individual MS
* period 1..1 MS
* period.start 1..1
* reasonReference MS
* hospitalization MS
* hospitalization.dischargeDisposition MS
* location MS
* serviceProvider MS
* obeys kap-encounter-type and kap-encounter-class and kap-encounter-end and kap-encounter-lead

Profile: KapEncounter
Parent: Encounter
Id: kap-encounter
Title: "KAP session"
Description: "A meeting with the patient in a KAP episode. A no-show is a state of the Appointment, not of the Encounter."
* insert KapMeeting(0..1)
* extension[setting] ^definition = "Where the session was. Without it the class says so: in person, remote, or at the patient's home."

Invariant: kap-encounter-type
Description: "Exactly one coding of kap-session-type says what kind of session this is."
Severity: #error
Expression: "type.coding.where(system = 'https://kap-interop.example.org/fhir/CodeSystem/kap-session-type').count() = 1"

Invariant: kap-encounter-class
Description: "Class and setting agree: in person is AMB, remote is VR, a clinician at the patient's home is HH."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-session-setting').value.code.all(($this = 'in-person' and %resource.class.code = 'AMB') or ($this = 'remote' and %resource.class.code = 'VR') or ($this = 'remote-home' and %resource.class.code = 'VR') or ($this = 'home-visit' and %resource.class.code = 'HH'))"

Invariant: kap-encounter-end
Description: "A finished session has an end."
Severity: #error
Expression: "status = 'finished' implies period.end.exists()"

Invariant: kap-encounter-lead
Description: "A primary performer leads the session."
Severity: #warning
Expression: "participant.type.coding.where(code = 'PPRF').exists()"

Profile: KapQuestionnaireResponse
Parent: QuestionnaireResponse
Id: kap-questionnaire-response
Title: "KAP form answers"
Description: "Answers to a form: screening, checklists, the record of a session."
* insert KapDefinition
* insert EpisodeLink
* questionnaire 1..1 MS
* status MS
* subject 1..1 MS
* subject only Reference(Patient)
* encounter MS
* authored 1..1 MS
* author MS
* source MS
* item MS
* obeys kap-form-version

Invariant: kap-form-version
Description: "The canonical of the questionnaire carries its version."
Severity: #warning
Expression: "questionnaire.contains('|')"

Profile: KapHomeMedication
Parent: MedicationRequest
Id: kap-home-medication
Title: "KAP home medicine"
Description: "A medicine that the patient takes at home, as reported: US Core's way of a medication list."
* insert KapDefinition
* insert EpisodeLink
* status MS
* intent = #plan
* intent MS
* reported[x] 1..1 MS
* medication[x] MS
* subject only Reference(Patient)
* subject MS
* dosageInstruction MS
* dosageInstruction.text MS
* dispenseRequest 0..0
