// Medication: the record of the prescription, the product, its shipment.

Profile: KapKetaminePrescription
Parent: MedicationRequest
Id: kap-ketamine-prescription
Title: "KAP ketamine prescription"
Description: "A record of the prescriber's order. The order itself is sent elsewhere."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapMaxDosePerSessionExtension named maxDosePerSession 0..1 MS and
    KapSessionsSuppliedExtension named sessionsSupplied 0..1 MS and
    KapRecordOnlyExtension named recordOnly 1..1 MS and
    KapPdmpCheckExtension named pdmpCheck 0..1 MS
* identifier MS
* status MS
* statusReason MS
* intent = #order
* intent MS
* category MS
* category from KapPrescriptionCategoryCodes (required)
* reported[x] MS
* reported[x] only boolean
* reportedBoolean = false
* medication[x] MS
* medication[x] only Reference(Medication)
* subject only Reference(Patient)
* subject MS
* encounter MS
* supportingInformation MS
* authoredOn 1..1 MS
* requester 1..1 MS
* requester only Reference(Practitioner or PractitionerRole)
* reasonReference MS
* dosageInstruction 1..* MS
* dosageInstruction.text 1..1 MS
* dosageInstruction.timing MS
* dosageInstruction.route 1..1 MS
* dosageInstruction.route from KapRouteCodes (extensible)
* dosageInstruction.doseAndRate MS
* dosageInstruction.maxDosePerAdministration MS
* dispenseRequest 1..1 MS
* dispenseRequest.validityPeriod 1..1 MS
* dispenseRequest.validityPeriod.end 1..1 MS
* dispenseRequest.numberOfRepeatsAllowed MS
* dispenseRequest.numberOfRepeatsAllowed ^maxValueUnsignedInt = 5
* dispenseRequest.quantity MS
* dispenseRequest.performer MS
* substitution MS
* obeys kap-rx-repeats and kap-rx-validity and kap-rx-stopped and kap-rx-maximum

Invariant: kap-rx-repeats
Description: "A schedule III prescription has at most five refills."
Severity: #error
Expression: "dispenseRequest.numberOfRepeatsAllowed.exists() implies dispenseRequest.numberOfRepeatsAllowed <= 5"

Invariant: kap-rx-validity
Description: "A schedule III prescription is valid for at most six months."
Severity: #error
Expression: "dispenseRequest.validityPeriod.start.exists() implies dispenseRequest.validityPeriod.end <= dispenseRequest.validityPeriod.start + 6 months"

Invariant: kap-rx-stopped
Description: "A stopped prescription says why."
Severity: #error
Expression: "status = 'stopped' implies statusReason.exists()"

Invariant: kap-rx-maximum
Description: "The most that may be given in a session stands in its extension, or as the most per administration."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-max-dose-per-session').exists() or dosageInstruction.maxDosePerAdministration.exists()"

Profile: KapKetamineMedication
Parent: Medication
Id: kap-ketamine-medication
Title: "KAP ketamine product"
Description: "The product: usually a compounded lozenge, which RxNorm does not list; the ingredient is coded, the product is named in words."
* insert KapDefinition
* extension contains
    KapControlledSubstanceScheduleExtension named schedule 0..1 MS and
    KapCompoundedExtension named compounded 0..1 MS
* code 1..1 MS
* code.text 1..1 MS
* status MS
* manufacturer MS
* form MS
* ingredient MS
* ingredient.item[x] MS
* ingredient.strength MS
* batch MS
* batch.lotNumber MS
* batch.expirationDate MS
* obeys kap-medication-ketamine

Invariant: kap-medication-ketamine
Description: "Code or ingredient names ketamine (RxNorm 6130 or SNOMED CT 373464007)."
Severity: #error
Expression: "code.coding.where((system = 'http://www.nlm.nih.gov/research/umls/rxnorm' and code = '6130') or (system = 'http://snomed.info/sct' and code = '373464007')).exists() or ingredient.item.ofType(CodeableConcept).coding.where((system = 'http://www.nlm.nih.gov/research/umls/rxnorm' and code = '6130') or (system = 'http://snomed.info/sct' and code = '373464007')).exists()"

Profile: KapMedicationDispense
Parent: MedicationDispense
Id: kap-medication-dispense
Title: "KAP dispense"
Description: "A supply that the pharmacy prepared and shipped: in progress while it travels, completed when it was delivered."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapDispenseExtension named dispense 1..1 MS and
    KapSessionsSuppliedExtension named sessionsSupplied 0..1 MS and
    KapShipmentExtension named shipment 0..1 MS
* identifier MS
* status MS
* medication[x] MS
* subject 1..1 MS
* subject only Reference(Patient)
* context MS
* performer MS
* performer.actor MS
* authorizingPrescription 1..1 MS
* type MS
* type from KapFillTypeCodes (extensible)
* quantity 1..1 MS
* quantity.value 1..1
* daysSupply 0..0
* whenPrepared MS
* whenHandedOver MS
* destination MS
* receiver MS
* obeys kap-dispense-handed-over and kap-dispense-delivered

Invariant: kap-dispense-handed-over
Description: "A completed dispense says when it was handed over."
Severity: #error
Expression: "status = 'completed' implies whenHandedOver.exists()"

Invariant: kap-dispense-delivered
Description: "A shipment is completed on delivery, not on dispatch."
Severity: #error
Expression: "(status = 'completed' and extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-shipment').exists()) implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-shipment').extension.where(url = 'deliveredAt').exists()"
