// Dosing: the session, each dose, each reading.

Profile: KapDosingEncounter
Parent: Encounter
Id: kap-dosing-encounter
Title: "KAP dosing session"
Description: "A session in which ketamine is given, or was to be given."
* insert KapMeeting(1..1)
* type ^slicing.discriminator.type = #pattern
* type ^slicing.discriminator.path = "$this"
* type ^slicing.rules = #open
* type contains dosing 1..1 MS
* type[dosing] = $kap-session-type#dosing
* participant 1..*
* obeys kap-dosing-setting and kap-dosing-presence and kap-dosing-location

Invariant: kap-dosing-setting
Description: "A dosing session at the patient's home is remote-home or a home visit; the setting remote is for sessions without a dose."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-session-setting').value.where(code = 'remote').empty()"

Invariant: kap-dosing-presence
Description: "A dosing session that began says how the therapist was present."
Severity: #warning
Expression: "(status = 'in-progress' or status = 'finished') implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-presence-mode').exists()"

Invariant: kap-dosing-location
Description: "A remote dosing session that began says where the patient was."
Severity: #warning
Expression: "(class.code = 'VR' and (status = 'in-progress' or status = 'finished')) implies (extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-patient-location').exists() or location.exists())"

Profile: KapKetamineAdministration
Parent: MedicationAdministration
Id: kap-ketamine-administration
Title: "KAP ketamine dose"
Description: "One dose that was given, stopped, or held. A held dose is not-done, has a reason and no amount. Its amount is in milligrams, so that no reader need look at the unit: a dose told in another unit is recorded without a claim to this profile."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapDoseKindExtension named doseKind 0..1 MS and
    KapDoseLevelExtension named doseLevel 0..1 MS and
    KapHoldMinutesExtension named holdMinutes 0..1 MS and
    KapExpectoratedExtension named expectorated 0..1 MS
* identifier MS
* status MS
* status from KapAdministrationStatusCodes (required)
* statusReason MS
* statusReason from KapDoseNotGivenReasonCodes (required)
* category MS
* medication[x] MS
* subject only Reference(Patient)
* subject MS
* context 1..1 MS
* context only Reference(Encounter)
* supportingInformation MS
* effective[x] 1..1 MS
* performer MS
* performer.function MS
* performer.actor MS
* reasonReference MS
* request MS
* dosage MS
* dosage.text MS
* dosage.site MS
* dosage.route MS
* dosage.route from KapRouteCodes (extensible)
* dosage.dose MS
* dosage.dose = $ucum#mg
* obeys kap-dose-held and kap-dose-stopped and kap-dose-given and kap-dose-site and kap-dose-order

Invariant: kap-dose-held
Description: "A dose that was not given has a reason and no amount."
Severity: #error
Expression: "status = 'not-done' implies (statusReason.exists() and dosage.dose.empty())"

Invariant: kap-dose-stopped
Description: "A dose that was stopped has a reason."
Severity: #error
Expression: "status = 'stopped' implies statusReason.exists()"

Invariant: kap-dose-given
Description: "A dose that was given has an amount of more than zero milligrams."
Severity: #error
Expression: "status = 'completed' implies (dosage.dose.value.exists() and dosage.dose.value > 0)"

Invariant: kap-dose-order
Description: "A dose that was given names its prescription; one without an order is a fact all the same."
Severity: #warning
Expression: "status = 'completed' implies request.exists()"

Invariant: kap-dose-site
Description: "An intramuscular dose names its site."
Severity: #warning
Expression: "(status = 'completed' and dosage.route.coding.where(code = '78421000').exists()) implies dosage.site.exists()"

Profile: KapSessionVitalSign
Parent: Observation
Id: kap-session-vital-sign
Title: "KAP session vital sign"
Description: "One reading in a session. A missing value is a reason why it is absent, never a dummy number."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapSessionTimingExtension named timing 0..1 MS and
    KapMinutesSinceDoseExtension named minutesSinceDose 0..1 MS
* status MS
* category 1..* MS
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains vitalSigns 1..1 MS
* category[vitalSigns] = $observation-category#vital-signs
* code from KapVitalSignCodes (extensible)
* code MS
* subject 1..1 MS
* subject only Reference(Patient)
* encounter 1..1 MS
* effective[x] 1..1 MS
* effective[x] only dateTime
* performer MS
* value[x] MS
* dataAbsentReason MS
* interpretation MS
* device MS
* component MS
* component.code MS
* component.value[x] MS
* component.dataAbsentReason MS
* obeys kap-vital-value and kap-vital-pressure and kap-vital-unit

Invariant: kap-vital-value
Description: "A reading has a value, components, or the reason why it is absent."
Severity: #error
Expression: "value.exists() or dataAbsentReason.exists() or component.exists()"

Invariant: kap-vital-pressure
Description: "A blood pressure has both components."
Severity: #error
Expression: "code.coding.where(code = '85354-9').exists() implies (component.where(code.coding.where(code = '8480-6').exists()).exists() and component.where(code.coding.where(code = '8462-4').exists()).exists())"

Invariant: kap-vital-unit
Description: "Values are in UCUM units: mm[Hg], /min, %, Cel, kg."
Severity: #error
Expression: "(value.ofType(Quantity) | component.value.ofType(Quantity)).all(system = 'http://unitsofmeasure.org' and (code = 'mm[Hg]' or code = '/min' or code = '%' or code = 'Cel' or code = 'kg'))"

Profile: KapSessionObservation
Parent: Observation
Id: kap-observation
Title: "KAP observation"
Description: "Sedation, course of the effects, expected side effects, scores without a verified standard code."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapSessionTimingExtension named timing 0..1 MS and
    KapMinutesSinceDoseExtension named minutesSinceDose 0..1 MS
* status MS
* category 1..* MS
* code MS
* subject 1..1 MS
* subject only Reference(Patient)
* encounter MS
* effective[x] 1..1 MS
* performer MS
* value[x] MS
* dataAbsentReason MS
* hasMember MS
* derivedFrom MS
* component MS
* obeys kap-observation-sedation

Invariant: kap-observation-sedation
Description: "A MOAA/S score is a whole number from 0 (no response) to 5 (alert)."
Severity: #error
Expression: "(code.coding.where(system = 'https://kap-interop.example.org/fhir/CodeSystem/kap-observation' and code = 'moaas').exists() and value.exists()) implies (value.ofType(integer).exists() and value.ofType(integer) >= 0 and value.ofType(integer) <= 5)"
