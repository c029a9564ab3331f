// Extensions: what R4 has no element for. Each says where it may stand.

Extension: KapEpisodePhaseExtension
Id: kap-episode-phase
Title: "Episode phase"
Description: "The exact phase of the episode; the status is only its coarse image."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept from KapEpisodePhaseCodes (required)

Extension: KapPhaseHistoryExtension
Id: kap-phase-history
Title: "Episode phase history"
Description: "One step of the journey. The whole list says in which order the phases were entered; statusHistory is its coarse image."
Context: EpisodeOfCare
* extension contains
    phase 1..1 and
    at 1..1 and
    by 1..1 and
    reason 0..1
* extension[phase] ^short = "Phase that was entered"
* extension[phase].value[x] 1..1
* extension[phase].value[x] only code
* extension[phase].valueCode from KapEpisodePhaseCodes (required)
* extension[at] ^short = "When it was entered"
* extension[at].value[x] 1..1
* extension[at].value[x] only dateTime
* extension[by] ^short = "Id of the member, or patient, guardian, system"
* extension[by].value[x] 1..1
* extension[by].value[x] only string
* extension[reason] ^short = "Why, in a few words"
* extension[reason].value[x] 1..1
* extension[reason].value[x] only string

Extension: KapClearanceDecisionExtension
Id: kap-clearance-decision
Title: "Clearance decision"
Description: "What the prescriber decided."
Context: ClinicalImpression
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept from KapClearanceDecisionCodes (required)

Extension: KapClearanceValidityExtension
Id: kap-clearance-validity
Title: "Clearance validity"
Description: "First and last day on which the clearance counts; for a deferral the end is the day of review."
Context: ClinicalImpression, Observation
* value[x] 1..1
* value[x] only Period

Extension: KapClearanceSettingExtension
Id: kap-clearance-setting
Title: "Clearance setting"
Description: "A setting in which dosing is allowed."
Context: ClinicalImpression
* value[x] 1..1
* value[x] only code
* valueCode from KapSessionSettingCodes (required)

Extension: KapClearanceRouteExtension
Id: kap-clearance-route
Title: "Clearance route"
Description: "A route by which ketamine may be given."
Context: ClinicalImpression
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept from KapRouteCodes (extensible)

Extension: KapClearanceDoseCeilingExtension
Id: kap-clearance-dose-ceiling
Title: "Clearance dose ceiling"
Description: "Highest total of one session, in milligrams."
Context: ClinicalImpression
* value[x] 1..1
* value[x] only Quantity
* valueQuantity = $ucum#mg
* valueQuantity.value 1..1
* valueQuantity obeys kap-amount-positive

Extension: KapClearanceMaxFrequencyExtension
Id: kap-clearance-max-frequency
Title: "Clearance maximum frequency"
Description: "Cadence limits."
Context: ClinicalImpression
* extension contains
    maxSessionsPer7Days 0..1 and
    minDaysBetweenSessions 0..1
* extension[maxSessionsPer7Days] ^short = "Most dosing sessions in any 7 days"
* extension[maxSessionsPer7Days].value[x] 1..1
* extension[maxSessionsPer7Days].value[x] only positiveInt
* extension[minDaysBetweenSessions] ^short = "Fewest days between two dosing sessions"
* extension[minDaysBetweenSessions].value[x] 1..1
* extension[minDaysBetweenSessions].value[x] only unsignedInt

Extension: KapClearanceVitalParameterExtension
Id: kap-clearance-vital-parameter
Title: "Clearance vital parameter"
Description: "A limit of this person for one vital sign at one moment of the session."
Context: ClinicalImpression
* extension contains
    timing 0..1 and
    code 1..1 and
    min 0..1 and
    max 0..1 and
    recheckAfter 0..1 and
    maxRechecks 0..1 and
    maxAge 0..1
* extension[timing] ^short = "Moment of the session; any where absent"
* extension[timing].value[x] 1..1
* extension[timing].value[x] only code
* extension[timing].valueCode from KapSessionTimingCodes (required)
* extension[code] ^short = "Vital sign (LOINC)"
* extension[code].value[x] 1..1
* extension[code].value[x] only CodeableConcept
* extension[min] ^short = "Lowest acceptable value"
* extension[min].value[x] 1..1
* extension[min].value[x] only Quantity
* extension[max] ^short = "Highest acceptable value"
* extension[max].value[x] 1..1
* extension[max].value[x] only Quantity
* extension[recheckAfter] ^short = "When to measure again"
* extension[recheckAfter].value[x] 1..1
* extension[recheckAfter].value[x] only Duration
* extension[maxRechecks] ^short = "How often to measure again"
* extension[maxRechecks].value[x] 1..1
* extension[maxRechecks].value[x] only positiveInt
* extension[maxAge] ^short = "Oldest acceptable reading before the dose"
* extension[maxAge].value[x] 1..1
* extension[maxAge].value[x] only Duration
* extension[code].valueCodeableConcept from KapVitalSignCodes (extensible)

Extension: KapClearanceConditionExtension
Id: kap-clearance-condition
Title: "Clearance condition"
Description: "Something that must hold before dosing."
Context: ClinicalImpression
* extension contains
    id 1..1 and
    code 1..1 and
    text 0..1 and
    scope 1..1 and
    mustSatisfy 1..1 and
    satisfiedAt 0..1 and
    satisfiedBy 0..1
* extension[id] ^short = "Id of the condition within the clearance"
* extension[id].value[x] 1..1
* extension[id].value[x] only string
* extension[code] ^short = "What must hold"
* extension[code].value[x] 1..1
* extension[code].value[x] only CodeableConcept
* extension[code].valueCodeableConcept from KapClearanceConditionCodes (required)
* extension[text] ^short = "In the prescriber's words"
* extension[text].value[x] 1..1
* extension[text].value[x] only string
* extension[scope] ^short = "Once, or before each session"
* extension[scope].value[x] 1..1
* extension[scope].value[x] only code
* extension[scope].valueCode from KapConditionScopeCodes (required)
* extension[mustSatisfy] ^short = "Whether dosing waits for it"
* extension[mustSatisfy].value[x] 1..1
* extension[mustSatisfy].value[x] only boolean
* extension[satisfiedAt] ^short = "When it was met"
* extension[satisfiedAt].value[x] 1..1
* extension[satisfiedAt].value[x] only dateTime
* extension[satisfiedBy] ^short = "Who confirmed it"
* extension[satisfiedBy].value[x] 1..1
* extension[satisfiedBy].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)
* obeys kap-condition-other

Extension: KapDeferralReasonExtension
Id: kap-deferral-reason
Title: "Deferral or non-clearance reason"
Description: "Why the decision waits or is no."
Context: ClinicalImpression
* extension contains
    code 1..1 and
    text 0..1 and
    owner 0..1 and
    sensitivity 0..*
* extension[code] ^short = "Reason"
* extension[code].value[x] 1..1
* extension[code].value[x] only CodeableConcept
* extension[code].valueCodeableConcept from KapDeferralReasonCodes (required)
* extension[text] ^short = "In the prescriber's words"
* extension[text].value[x] 1..1
* extension[text].value[x] only string
* extension[owner] ^short = "Who must resolve it"
* extension[owner].value[x] 1..1
* extension[owner].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)
* extension[sensitivity] ^short = "Extra sensitivity label"
* extension[sensitivity].value[x] 1..1
* extension[sensitivity].value[x] only code
* obeys kap-reason-other

Extension: KapTreatmentResistanceExtension
Id: kap-treatment-resistance
Title: "Treatment resistance"
Description: "How a depression has resisted treatment; no standard code is verified for it."
Context: Condition
* extension contains
    treatmentResistant 0..1 and
    trial 0..* and
    adequateTrials 0..1 and
    psychotherapyTried 0..1 and
    statedBy 0..1
* extension[treatmentResistant] ^short = "Whether it is called resistant"
* extension[treatmentResistant].value[x] 1..1
* extension[treatmentResistant].value[x] only boolean
* extension[trial] ^short = "One trial: drug, dose, duration"
* extension[trial].value[x] 1..1
* extension[trial].value[x] only string
* extension[adequateTrials] ^short = "Adequate trials that failed"
* extension[adequateTrials].value[x] 1..1
* extension[adequateTrials].value[x] only unsignedInt
* extension[psychotherapyTried] ^short = "Whether psychotherapy was tried"
* extension[psychotherapyTried].value[x] 1..1
* extension[psychotherapyTried].value[x] only boolean
* extension[statedBy] ^short = "Who says so"
* extension[statedBy].value[x] 1..1
* extension[statedBy].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)

Extension: KapControlledSubstanceScheduleExtension
Id: kap-controlled-substance-schedule
Title: "Controlled substance schedule"
Description: "Schedule of the substance."
Context: Medication
* value[x] 1..1
* value[x] only Coding
* valueCoding from http://terminology.hl7.org/ValueSet/v2-0477 (required)

Extension: KapCompoundedExtension
Id: kap-compounded
Title: "Compounded"
Description: "Whether the product is made by a compounding pharmacy."
Context: Medication
* value[x] 1..1
* value[x] only boolean

Extension: KapMaxDosePerSessionExtension
Id: kap-max-dose-per-session
Title: "Maximum dose per session"
Description: "Highest total of one session under this prescription, in milligrams."
Context: MedicationRequest
* value[x] 1..1
* value[x] only Quantity
* valueQuantity = $ucum#mg
* valueQuantity.value 1..1
* valueQuantity obeys kap-amount-positive

Extension: KapSessionsSuppliedExtension
Id: kap-sessions-supplied
Title: "Sessions supplied"
Description: "How many dosing sessions the supply is for."
Context: MedicationRequest, MedicationDispense
* value[x] 1..1
* value[x] only positiveInt

Extension: KapRecordOnlyExtension
Id: kap-record-only
Title: "Record only"
Description: "Always true: the resource records an order that was sent elsewhere; it is never the order itself."
Context: MedicationRequest
* value[x] 1..1
* value[x] only boolean
* valueBoolean = true

Extension: KapPdmpCheckExtension
Id: kap-pdmp-check
Title: "PDMP check"
Description: "When and by whom the prescription drug monitoring programme was checked."
Context: MedicationRequest
* extension contains
    at 1..1 and
    by 0..1
* extension[at] ^short = "When"
* extension[at].value[x] 1..1
* extension[at].value[x] only dateTime
* extension[by] ^short = "By whom"
* extension[by].value[x] 1..1
* extension[by].value[x] only Reference(Practitioner or PractitionerRole)

Extension: KapShipmentExtension
Id: kap-shipment
Title: "Shipment"
Description: "How a dispense travels."
Context: MedicationDispense
* extension contains
    carrier 0..1 and
    trackingNumber 0..1 and
    shippedAt 0..1 and
    deliveredAt 0..1 and
    signatureRequired 0..1 and
    destination 0..1
* extension[carrier] ^short = "Carrier"
* extension[carrier].value[x] 1..1
* extension[carrier].value[x] only string
* extension[trackingNumber] ^short = "Tracking number"
* extension[trackingNumber].value[x] 1..1
* extension[trackingNumber].value[x] only string
* extension[shippedAt] ^short = "Left the pharmacy"
* extension[shippedAt].value[x] 1..1
* extension[shippedAt].value[x] only dateTime
* extension[deliveredAt] ^short = "Arrived"
* extension[deliveredAt].value[x] 1..1
* extension[deliveredAt].value[x] only dateTime
* extension[signatureRequired] ^short = "Whether the receiver signs"
* extension[signatureRequired].value[x] 1..1
* extension[signatureRequired].value[x] only boolean
* extension[destination] ^short = "Where it goes: patient-home or practice"
* extension[destination].value[x] 1..1
* extension[destination].value[x] only code

Extension: KapDoseKindExtension
Id: kap-dose-kind
Title: "Dose kind"
Description: "First dose of the session, or booster."
Context: MedicationAdministration
* value[x] 1..1
* value[x] only code
* valueCode from KapDoseKindCodes (required)

Extension: KapDoseLevelExtension
Id: kap-dose-level
Title: "Dose level"
Description: "Intended depth. No amount of drug is ever derived from it."
Context: MedicationAdministration
* value[x] 1..1
* value[x] only code
* valueCode from KapDoseLevelCodes (required)

Extension: KapHoldMinutesExtension
Id: kap-hold-minutes
Title: "Hold minutes"
Description: "How long a lozenge was held in the mouth."
Context: MedicationAdministration
* value[x] 1..1
* value[x] only Quantity
* valueQuantity = $ucum#min

Extension: KapExpectoratedExtension
Id: kap-expectorated
Title: "Expectorated"
Description: "Whether the rest of a lozenge was spat out."
Context: MedicationAdministration
* value[x] 1..1
* value[x] only boolean

Extension: KapSessionSettingExtension
Id: kap-session-setting
Title: "Session setting"
Description: "Where the session takes place."
Context: Encounter
* value[x] 1..1
* value[x] only Coding
* valueCoding from KapSessionSettingCodes (required)

Extension: KapPresenceModeExtension
Id: kap-presence-mode
Title: "Presence mode"
Description: "How the therapist is present."
Context: Encounter
* value[x] 1..1
* value[x] only code
* valueCode from KapPresenceModeCodes (required)

Extension: KapPatientLocationExtension
Id: kap-patient-location
Title: "Patient location"
Description: "Where the patient is during a remote session: licences and emergency help depend on it."
Context: Encounter
* extension contains
    state 0..1 and
    location 0..1 and
    confirmedAt 0..1 and
    addressRef 0..1 and
    address 0..1
* extension[state] ^short = "Two-letter state"
* extension[state].value[x] 1..1
* extension[state].value[x] only string
* extension[location] ^short = "The place"
* extension[location].value[x] 1..1
* extension[location].value[x] only Reference(Location)
* extension[confirmedAt] ^short = "When it was confirmed"
* extension[confirmedAt].value[x] 1..1
* extension[confirmedAt].value[x] only dateTime
* extension[addressRef] ^short = "Address on file"
* extension[addressRef].value[x] 1..1
* extension[addressRef].value[x] only string
* extension[address] ^short = "Address"
* extension[address].value[x] 1..1
* extension[address].value[x] only Address

Extension: KapEmergencyPlanExtension
Id: kap-emergency-plan
Title: "Emergency plan"
Description: "Whom and what to call during a remote session."
Context: Encounter
* extension contains
    contact 0..1 and
    address 0..1 and
    addressRef 0..1 and
    hospital 0..1 and
    localEmergencyNumber 0..1
* extension[contact] ^short = "Person to call"
* extension[contact].value[x] 1..1
* extension[contact].value[x] only Reference(RelatedPerson)
* extension[address] ^short = "Address for the emergency service"
* extension[address].value[x] 1..1
* extension[address].value[x] only string
* extension[addressRef] ^short = "Address on file"
* extension[addressRef].value[x] 1..1
* extension[addressRef].value[x] only string
* extension[hospital] ^short = "Nearest hospital"
* extension[hospital].value[x] 1..1
* extension[hospital].value[x] only string
* extension[localEmergencyNumber] ^short = "Local emergency number"
* extension[localEmergencyNumber].value[x] 1..1
* extension[localEmergencyNumber].value[x] only string

Extension: KapSessionTimingExtension
Id: kap-session-timing
Title: "Session timing"
Description: "Position of a reading in the session or course."
Context: Observation
* value[x] 1..1
* value[x] only code or Coding
* valueCode from KapSessionTimingCodes (required)
* valueCoding from KapSessionTimingCodes (required)

Extension: KapMinutesSinceDoseExtension
Id: kap-minutes-since-dose
Title: "Minutes since first dose"
Description: "Minutes after the first dose of the session; negative before it."
Context: Observation
* value[x] 1..1
* value[x] only Quantity
* valueQuantity = $ucum#min

Extension: KapAeAssociatedEventExtension
Id: kap-ae-associated-event
Title: "Associated event"
Description: "A further event; R4 has room for one only."
Context: AdverseEvent
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept from KapAdverseEffectCodes (extensible)

Extension: KapAeInterventionExtension
Id: kap-ae-intervention
Title: "Intervention"
Description: "What was done about the event: a code or a sentence."
Context: AdverseEvent
* value[x] 1..1
* value[x] only string or CodeableConcept
* valueCodeableConcept from KapAeInterventionCodes (extensible)

Extension: KapAeExpectednessExtension
Id: kap-ae-expectedness
Title: "Expectedness"
Description: "Whether the event was to be expected."
Context: AdverseEvent
* value[x] 1..1
* value[x] only code
* valueCode from KapAeExpectednessCodes (required)

Extension: KapAeAlertExtension
Id: kap-ae-alert
Title: "Alert times"
Description: "When the alert about the event went out and was seen."
Context: AdverseEvent
* extension contains
    topic 1..1 and
    firstAttemptAt 0..1 and
    deliveredAt 0..1 and
    acknowledgedAt 0..1 and
    acknowledgedBy 0..1
* extension[topic] ^short = "Subscription topic"
* extension[topic].value[x] 1..1
* extension[topic].value[x] only canonical
* extension[firstAttemptAt] ^short = "First attempt"
* extension[firstAttemptAt].value[x] 1..1
* extension[firstAttemptAt].value[x] only dateTime
* extension[deliveredAt] ^short = "Delivered"
* extension[deliveredAt].value[x] 1..1
* extension[deliveredAt].value[x] only dateTime
* extension[acknowledgedAt] ^short = "Acknowledged"
* extension[acknowledgedAt].value[x] 1..1
* extension[acknowledgedAt].value[x] only dateTime
* extension[acknowledgedBy] ^short = "By whom"
* extension[acknowledgedBy].value[x] 1..1
* extension[acknowledgedBy].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)

Extension: KapRecordStatusExtension
Id: kap-record-status
Title: "Record status"
Description: "Retraction of a record whose R4 resource has no status."
Context: AdverseEvent
* value[x] 1..1
* value[x] only code
* valueCode from KapRecordStatusCodes (required)

Extension: KapRuleVersionExtension
Id: kap-rule-version
Title: "Rule version"
Description: "Version of the rule, or of the policy that holds it."
Context: DetectedIssue
* value[x] 1..1
* value[x] only string

Extension: KapConsentKindExtension
Id: kap-consent-kind
Title: "Consent kind"
Description: "Which agreement this is."
Context: Consent
* value[x] 1..1
* value[x] only Coding
* valueCoding from KapConsentKindCodes (required)

Extension: KapConsentTopicExtension
Id: kap-consent-topic
Title: "Consent topic"
Description: "Something that was explained and agreed, such as off-label-use."
Context: Consent
* value[x] 1..1
* value[x] only code

Extension: KapRelatedPersonRoleExtension
Id: kap-related-person-role
Title: "Related person role"
Description: "What the person does in the episode."
Context: RelatedPerson
* value[x] 1..1
* value[x] only code
* valueCode from KapParticipantRoleCodes (required)

Extension: KapLegalAuthorityExtension
Id: kap-legal-authority
Title: "Legal authority"
Description: "Why a guardian may consent for the patient."
Context: RelatedPerson
* extension contains
    basis 1..1 and
    verifiedAt 0..1 and
    verifiedBy 0..1 and
    document 0..1
* extension[basis] ^short = "Such as parent-of-minor or court-order"
* extension[basis].value[x] 1..1
* extension[basis].value[x] only code
* extension[verifiedAt] ^short = "When it was verified"
* extension[verifiedAt].value[x] 1..1
* extension[verifiedAt].value[x] only dateTime
* extension[verifiedBy] ^short = "By whom"
* extension[verifiedBy].value[x] 1..1
* extension[verifiedBy].value[x] only Reference(Practitioner or PractitionerRole or Organization)
* extension[document] ^short = "The document"
* extension[document].value[x] 1..1
* extension[document].value[x] only Reference(DocumentReference)

Extension: KapTaskEventExtension
Id: kap-task-event
Title: "Task event"
Description: "One step of the referral workflow, in order."
Context: Task
* extension contains
    at 1..1 and
    status 1..1 and
    businessStatus 0..1 and
    by 0..1 and
    note 0..1 and
    clearance 0..1
* extension[at] ^short = "When"
* extension[at].value[x] 1..1
* extension[at].value[x] only dateTime
* extension[status] ^short = "Status that was reached"
* extension[status].value[x] 1..1
* extension[status].value[x] only code
* extension[status].valueCode from KapReferralTaskStatusCodes (required)
* extension[businessStatus] ^short = "Business status that was reached"
* extension[businessStatus].value[x] 1..1
* extension[businessStatus].value[x] only code
* extension[businessStatus].valueCode from KapTaskBusinessStatusCodes (required)
* extension[by] ^short = "Id of the member or organization"
* extension[by].value[x] 1..1
* extension[by].value[x] only string
* extension[note] ^short = "Reason or remark"
* extension[note].value[x] 1..1
* extension[note].value[x] only string
* extension[clearance] ^short = "The decision that the step brought"
* extension[clearance].value[x] 1..1
* extension[clearance].value[x] only Reference(ClinicalImpression)

Extension: KapRedactedExtension
Id: kap-redacted
Title: "Redacted"
Description: "An element was left out. Sent only to those who may know that something exists."
Context: Resource
* extension contains
    element 1..1 and
    reason 1..1
* extension[element] ^short = "Name of the element"
* extension[element].value[x] 1..1
* extension[element].value[x] only string
* extension[reason] ^short = "Why"
* extension[reason].value[x] 1..1
* extension[reason].value[x] only code

// What the practice's record holds and R4 has no element for: reading must give back what was written.

Extension: KapPartnerOrganizationExtension
Id: kap-partner-organization
Title: "Partner organization"
Description: "The medical partner of the episode."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: KapPharmacyOrganizationExtension
Id: kap-pharmacy-organization
Title: "Pharmacy organization"
Description: "The pharmacy of the episode."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: KapPreviousEpisodeExtension
Id: kap-previous-episode
Title: "Previous episode"
Description: "The episode that this one follows; R4 has no such link."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only Reference(EpisodeOfCare)

Extension: KapOrganizationKindExtension
Id: kap-organization-kind
Title: "Organization kind"
Description: "What the organization is to KAP, and its local time zone."
Context: Organization
* extension contains
    kind 0..1 and
    timezone 0..1
* extension[kind] ^short = "Practice, clinic, partner, pharmacy or external provider"
* extension[kind].value[x] 1..1
* extension[kind].value[x] only code
* extension[timezone] ^short = "IANA time zone; same day is the local day"
* extension[timezone].value[x] 1..1
* extension[timezone].value[x] only code

Extension: KapMemberExtension
Id: kap-member
Title: "Care team member"
Description: "Role without a code in kap-participant-role, and the sharing rule."
Context: PractitionerRole, CareTeam.participant
* extension contains
    role 0..1 and
    sharing 0..1
* extension[role] ^short = "Role in the episode"
* extension[role].value[x] 1..1
* extension[role].value[x] only code
* extension[sharing] ^short = "What is shared with the member"
* extension[sharing].value[x] 1..1
* extension[sharing].value[x] only code

Extension: KapProjectionOfExtension
Id: kap-projection-of
Title: "Projection of"
Description: "Marks a resource that only restates another one: readers of the record skip it."
Context: Observation, Communication
* value[x] 1..1
* value[x] only Reference(Resource)

Extension: KapRelatedPersonAccessExtension
Id: kap-related-person-access
Title: "Related person facts"
Description: "The chaperone's age and the guardian's view of the record."
Context: RelatedPerson
* extension contains
    isAdult 0..1 and
    level 0..1 and
    excludes 0..*
* extension[isAdult] ^short = "Whether the person is an adult"
* extension[isAdult].value[x] 1..1
* extension[isAdult].value[x] only boolean
* extension[level] ^short = "What a guardian may see"
* extension[level].value[x] 1..1
* extension[level].value[x] only code
* extension[excludes] ^short = "What a guardian may not see"
* extension[excludes].value[x] 1..1
* extension[excludes].value[x] only string

Extension: KapPatientVeteranExtension
Id: kap-patient-veteran
Title: "Veteran"
Description: "Whether the person served: it matters to trauma care."
Context: Patient
* value[x] 1..1
* value[x] only boolean

Extension: KapProblemExtension
Id: kap-problem
Title: "Problem facts"
Description: "Whether KAP treats the problem, and the patient's wish about who must not see it."
Context: Condition
* extension contains
    indication 0..1 and
    clinicalStatus 0..1 and
    sensitivity 0..* and
    confidential 0..1 and
    confidentialFrom 0..* and
    confidentialBasis 0..1
* extension[indication] ^short = "Whether KAP treats it"
* extension[indication].value[x] 1..1
* extension[indication].value[x] only boolean
* extension[clinicalStatus] ^short = "State, where the resource may not state it"
* extension[clinicalStatus].value[x] 1..1
* extension[clinicalStatus].value[x] only code
* extension[sensitivity] ^short = "Extra sensitivity label"
* extension[sensitivity].value[x] 1..1
* extension[sensitivity].value[x] only code
* extension[confidential] ^short = "Whether the patient asked for confidentiality"
* extension[confidential].value[x] 1..1
* extension[confidential].value[x] only boolean
* extension[confidentialFrom] ^short = "Id of somebody who must not see it"
* extension[confidentialFrom].value[x] 1..1
* extension[confidentialFrom].value[x] only string
* extension[confidentialBasis] ^short = "Why"
* extension[confidentialBasis].value[x] 1..1
* extension[confidentialBasis].value[x] only string

Extension: KapAllergyExtension
Id: kap-allergy
Title: "Allergy facts"
Description: "Whether the record states that no allergy is known."
Context: AllergyIntolerance
* extension contains
    noKnown 0..1
* extension[noKnown] ^short = "No allergy is known"
* extension[noKnown].value[x] 1..1
* extension[noKnown].value[x] only boolean

Extension: KapHomeMedicineExtension
Id: kap-home-medicine
Title: "Home medicine facts"
Description: "Screening class and the prescriber's word around dosing."
Context: MedicationRequest
* extension contains
    class 0..1 and
    instruction 0..1 and
    holdBeforeHours 0..1 and
    holdPreferredHours 0..1 and
    lastTakenAt 0..1
* extension[class] ^short = "Drug class that the screening rules know"
* extension[class].value[x] 1..1
* extension[class].value[x] only code
* extension[instruction] ^short = "Continue, hold, undetermined, or a sentence"
* extension[instruction].value[x] 1..1
* extension[instruction].value[x] only string
* extension[holdBeforeHours] ^short = "Hours to hold before dosing, at least"
* extension[holdBeforeHours].value[x] 1..1
* extension[holdBeforeHours].value[x] only unsignedInt
* extension[holdPreferredHours] ^short = "Hours to hold before dosing, better"
* extension[holdPreferredHours].value[x] 1..1
* extension[holdPreferredHours].value[x] only unsignedInt
* extension[lastTakenAt] ^short = "Last taken"
* extension[lastTakenAt].value[x] 1..1
* extension[lastTakenAt].value[x] only dateTime

Extension: KapScreeningExtension
Id: kap-screening
Title: "Scored instrument"
Description: "A scored instrument as one record."
Context: QuestionnaireResponse
* extension contains
    instrument 0..1 and
    panel 0..1 and
    scoreCode 0..1 and
    score 0..1 and
    min 0..1 and
    max 0..1 and
    at 0..1 and
    authored 0..1 and
    status 0..1 and
    timing 0..1 and
    reportedBy 0..1 and
    item9 0..1 and
    riskLevel 0..1 and
    formAssumed 0..1
* extension[formAssumed] ^short = "The questionnaire follows from the instrument; the record does not name one"
* extension[formAssumed].value[x] 1..1
* extension[formAssumed].value[x] only boolean
* extension[instrument] ^short = "Name of the instrument"
* extension[instrument].value[x] 1..1
* extension[instrument].value[x] only string
* extension[panel] ^short = "Code of the panel"
* extension[panel].value[x] 1..1
* extension[panel].value[x] only Coding
* extension[scoreCode] ^short = "Code of the total"
* extension[scoreCode].value[x] 1..1
* extension[scoreCode].value[x] only Coding
* extension[score] ^short = "Total"
* extension[score].value[x] 1..1
* extension[score].value[x] only decimal
* extension[min] ^short = "Lowest possible total"
* extension[min].value[x] 1..1
* extension[min].value[x] only decimal
* extension[max] ^short = "Highest possible total"
* extension[max].value[x] 1..1
* extension[max].value[x] only decimal
* extension[at] ^short = "When it was taken"
* extension[at].value[x] 1..1
* extension[at].value[x] only dateTime
* extension[authored] ^short = "When it was filled in"
* extension[authored].value[x] 1..1
* extension[authored].value[x] only dateTime
* extension[status] ^short = "State of the answers"
* extension[status].value[x] 1..1
* extension[status].value[x] only string
* extension[timing] ^short = "Position in the course"
* extension[timing].value[x] 1..1
* extension[timing].value[x] only string
* extension[reportedBy] ^short = "Patient, therapist or prescriber"
* extension[reportedBy].value[x] 1..1
* extension[reportedBy].value[x] only string
* extension[item9] ^short = "Answer to PHQ-9 item 9"
* extension[item9].value[x] 1..1
* extension[item9].value[x] only unsignedInt
* extension[riskLevel] ^short = "C-SSRS triage as stated by the clinician"
* extension[riskLevel].value[x] 1..1
* extension[riskLevel].value[x] only string

Extension: KapReferralExtension
Id: kap-referral
Title: "Referral wishes"
Description: "What is asked for."
Context: ServiceRequest
* extension contains
    setting 0..1 and
    route 0..1 and
    task 0..1
* extension[setting] ^short = "Desired setting"
* extension[setting].value[x] 1..1
* extension[setting].value[x] only code
* extension[route] ^short = "Desired route"
* extension[route].value[x] 1..1
* extension[route].value[x] only code
* extension[task] ^short = "Id of the Task"
* extension[task].value[x] 1..1
* extension[task].value[x] only string

Extension: KapRecordRefExtension
Id: kap-record-ref
Title: "Record reference"
Description: "The practice's id of a record where the reference cannot carry it."
Context: Reference
* value[x] 1..1
* value[x] only string

Extension: KapConsentExtension
Id: kap-consent
Title: "Consent facts"
Description: "The practice's state of an agreement: revoked and expired are both inactive in R4."
Context: Consent
* extension contains
    status 0..1 and
    expires 0..1 and
    revokedAt 0..1 and
    note 0..1 and
    ageAppropriateMaterials 0..1
* extension[status] ^short = "State"
* extension[status].value[x] 1..1
* extension[status].value[x] only code
* extension[expires] ^short = "Last day of validity"
* extension[expires].value[x] 1..1
* extension[expires].value[x] only date
* extension[revokedAt] ^short = "When it was revoked"
* extension[revokedAt].value[x] 1..1
* extension[revokedAt].value[x] only dateTime
* extension[note] ^short = "Remark"
* extension[note].value[x] 1..1
* extension[note].value[x] only string
* extension[ageAppropriateMaterials] ^short = "Whether age-appropriate material was used"
* extension[ageAppropriateMaterials].value[x] 1..1
* extension[ageAppropriateMaterials].value[x] only boolean

Extension: KapConsentRuleExtension
Id: kap-consent-rule
Title: "Consent rule facts"
Description: "Narrower classes of data of a privacy rule."
Context: Consent.provision.provision
* extension contains
    dataClass 0..* and
    note 0..1
* extension[dataClass] ^short = "Class of data"
* extension[dataClass].value[x] 1..1
* extension[dataClass].value[x] only code
* extension[note] ^short = "Remark"
* extension[note].value[x] 1..1
* extension[note].value[x] only string

Extension: KapSignerCapacityExtension
Id: kap-signer-capacity
Title: "Signer capacity"
Description: "In which capacity somebody signed, such as guardian or assent."
Context: Consent.performer
* value[x] 1..1
* value[x] only string

Extension: KapClearanceDetailsExtension
Id: kap-clearance-details
Title: "Clearance facts"
Description: "Parts of a clearance that have no place of their own."
Context: ClinicalImpression
* extension contains
    validUntil 0..1 and
    reviewBy 0..1 and
    basis 0..* and
    rationaleRestricted 0..1 and
    document 0..1 and
    revokedAt 0..1 and
    revokedReason 0..1
* extension[validUntil] ^short = "Last day of validity"
* extension[validUntil].value[x] 1..1
* extension[validUntil].value[x] only date
* extension[reviewBy] ^short = "Day of review"
* extension[reviewBy].value[x] 1..1
* extension[reviewBy].value[x] only date
* extension[basis] ^short = "Id of a record on which the decision rests"
* extension[basis].value[x] 1..1
* extension[basis].value[x] only string
* extension[rationaleRestricted] ^short = "Whether the rationale is restricted"
* extension[rationaleRestricted].value[x] 1..1
* extension[rationaleRestricted].value[x] only boolean
* extension[document] ^short = "Id of the signed letter"
* extension[document].value[x] 1..1
* extension[document].value[x] only string
* extension[revokedAt] ^short = "When it was revoked"
* extension[revokedAt].value[x] 1..1
* extension[revokedAt].value[x] only dateTime
* extension[revokedReason] ^short = "Why it was revoked"
* extension[revokedReason].value[x] 1..1
* extension[revokedReason].value[x] only string

Extension: KapClearanceVitalsExtension
Id: kap-clearance-vitals
Title: "Clearance vital parameters in common"
Description: "What holds for all limits of vital signs of a clearance."
Context: ClinicalImpression
* extension contains
    source 0..1 and
    recheckAfterMinutes 0..1 and
    maxRechecks 0..1 and
    maxAgeMinutesPreDose 0..1 and
    requiredTiming 0..*
* extension[source] ^short = "Individual or policy default"
* extension[source].value[x] 1..1
* extension[source].value[x] only code
* extension[recheckAfterMinutes] ^short = "When to measure again"
* extension[recheckAfterMinutes].value[x] 1..1
* extension[recheckAfterMinutes].value[x] only unsignedInt
* extension[maxRechecks] ^short = "How often to measure again"
* extension[maxRechecks].value[x] 1..1
* extension[maxRechecks].value[x] only unsignedInt
* extension[maxAgeMinutesPreDose] ^short = "Oldest acceptable reading before the dose"
* extension[maxAgeMinutesPreDose].value[x] 1..1
* extension[maxAgeMinutesPreDose].value[x] only unsignedInt
* extension[requiredTiming] ^short = "Moment at which a reading is required"
* extension[requiredTiming].value[x] 1..1
* extension[requiredTiming].value[x] only code

Extension: KapPrescriptionExtension
Id: kap-prescription
Title: "Prescription facts"
Description: "Course facts of a prescription."
Context: MedicationRequest
* extension contains
    unitsPerSession 0..1 and
    boosterUnitsAllowed 0..1 and
    epcsTransmitted 0..1 and
    supply 0..1
* extension[unitsPerSession] ^short = "Units per session"
* extension[unitsPerSession].value[x] 1..1
* extension[unitsPerSession].value[x] only unsignedInt
* extension[boosterUnitsAllowed] ^short = "Units of booster allowed"
* extension[boosterUnitsAllowed].value[x] 1..1
* extension[boosterUnitsAllowed].value[x] only unsignedInt
* extension[epcsTransmitted] ^short = "Whether the order was sent as an electronic controlled-substance prescription"
* extension[epcsTransmitted].value[x] 1..1
* extension[epcsTransmitted].value[x] only boolean
* extension[supply] ^short = "Dispensed or clinic stock"
* extension[supply].value[x] 1..1
* extension[supply].value[x] only code

Extension: KapDispenseExtension
Id: kap-dispense
Title: "Dispense facts"
Description: "Facts of a fill."
Context: MedicationDispense
* extension contains
    mgPerUnit 1..1 and
    lot 0..1 and
    beyondUseDate 0..1 and
    destination 0..1 and
    confirmedBy 0..1
* extension[mgPerUnit] ^short = "Milligrams per unit"
* extension[mgPerUnit].value[x] 1..1
* extension[mgPerUnit].value[x] only decimal
* extension[lot] ^short = "Lot"
* extension[lot].value[x] 1..1
* extension[lot].value[x] only string
* extension[beyondUseDate] ^short = "Last day of use"
* extension[beyondUseDate].value[x] 1..1
* extension[beyondUseDate].value[x] only date
* extension[destination] ^short = "Where it is sent"
* extension[destination].value[x] 1..1
* extension[destination].value[x] only code
* extension[confirmedBy] ^short = "Who confirmed the receipt"
* extension[confirmedBy].value[x] 1..1
* extension[confirmedBy].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)

Extension: KapInventoryExtension
Id: kap-inventory
Title: "Ledger entry"
Description: "A change of the ledger of doses on hand, or a physical count."
Context: Basic
* extension contains
    at 0..1 and
    reason 0..1 and
    units 0..1 and
    mgPerUnit 0..1 and
    by 0..1 and
    witness 0..1 and
    note 0..1
* extension[at] ^short = "When"
* extension[at].value[x] 1..1
* extension[at].value[x] only dateTime
* extension[reason] ^short = "Wasted, returned, lost, adjusted, counted"
* extension[reason].value[x] 1..1
* extension[reason].value[x] only code
* extension[units] ^short = "Units"
* extension[units].value[x] 1..1
* extension[units].value[x] only decimal
* extension[mgPerUnit] ^short = "Milligrams per unit"
* extension[mgPerUnit].value[x] 1..1
* extension[mgPerUnit].value[x] only decimal
* extension[by] ^short = "First person"
* extension[by].value[x] 1..1
* extension[by].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)
* extension[witness] ^short = "Second person"
* extension[witness].value[x] 1..1
* extension[witness].value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)
* extension[note] ^short = "Remark"
* extension[note].value[x] 1..1
* extension[note].value[x] only string

Extension: KapTreatmentPlanExtension
Id: kap-treatment-plan
Title: "Treatment plan facts"
Description: "Targets of the course; never gates."
Context: CarePlan
* extension contains
    status 0..1 and
    minSessions 0..1 and
    maxSessions 0..1 and
    everyDays 0..1 and
    integrationPerDosing 0..1 and
    integrationTargetHours 0..1 and
    preparationSessions 0..1 and
    maintenance 0..1 and
    modality 0..* and
    setting 0..1 and
    route 0..1 and
    doseStrategy 0..1 and
    goal 0..*
* extension[status] ^short = "State"
* extension[status].value[x] 1..1
* extension[status].value[x] only string
* extension[minSessions] ^short = "Fewest dosing sessions"
* extension[minSessions].value[x] 1..1
* extension[minSessions].value[x] only unsignedInt
* extension[maxSessions] ^short = "Most dosing sessions"
* extension[maxSessions].value[x] 1..1
* extension[maxSessions].value[x] only unsignedInt
* extension[everyDays] ^short = "Target interval"
* extension[everyDays].value[x] 1..1
* extension[everyDays].value[x] only unsignedInt
* extension[integrationPerDosing] ^short = "Integration sessions per dosing session"
* extension[integrationPerDosing].value[x] 1..1
* extension[integrationPerDosing].value[x] only unsignedInt
* extension[integrationTargetHours] ^short = "Target until integration"
* extension[integrationTargetHours].value[x] 1..1
* extension[integrationTargetHours].value[x] only unsignedInt
* extension[preparationSessions] ^short = "Preparation sessions"
* extension[preparationSessions].value[x] 1..1
* extension[preparationSessions].value[x] only unsignedInt
* extension[maintenance] ^short = "Maintenance in words"
* extension[maintenance].value[x] 1..1
* extension[maintenance].value[x] only string
* extension[modality] ^short = "Modality of therapy"
* extension[modality].value[x] 1..1
* extension[modality].value[x] only string
* extension[setting] ^short = "Setting"
* extension[setting].value[x] 1..1
* extension[setting].value[x] only code
* extension[route] ^short = "Route"
* extension[route].value[x] 1..1
* extension[route].value[x] only code
* extension[doseStrategy] ^short = "Dose strategy in words"
* extension[doseStrategy].value[x] 1..1
* extension[doseStrategy].value[x] only string
* extension[goal] ^short = "Id of a goal"
* extension[goal].value[x] 1..1
* extension[goal].value[x] only string

Extension: KapIntentionExtension
Id: kap-intention
Title: "Intention facts"
Description: "Sharing and the exact target of a goal."
Context: Goal
* extension contains
    category 0..1 and
    sharing 0..1 and
    at 0..1 and
    target 0..1 and
    comparator 0..1 and
    value 0..1 and
    measure 0..1
* extension[category] ^short = "Intention or outcome target"
* extension[category].value[x] 1..1
* extension[category].value[x] only code
* extension[sharing] ^short = "Who may see it"
* extension[sharing].value[x] 1..1
* extension[sharing].value[x] only code
* extension[at] ^short = "When it was expressed"
* extension[at].value[x] 1..1
* extension[at].value[x] only dateTime
* extension[target] ^short = "Whether there is a target"
* extension[target].value[x] 1..1
* extension[target].value[x] only boolean
* extension[comparator] ^short = "Comparator of the target"
* extension[comparator].value[x] 1..1
* extension[comparator].value[x] only string
* extension[value] ^short = "Value of the target"
* extension[value].value[x] 1..1
* extension[value].value[x] only decimal
* extension[measure] ^short = "What is measured"
* extension[measure].value[x] 1..1
* extension[measure].value[x] only Coding

Extension: KapVitalsSourceExtension
Id: kap-vitals-source
Title: "Vitals source"
Description: "Who or what measured."
Context: Observation
* value[x] 1..1
* value[x] only code

Extension: KapDoseUnitsExtension
Id: kap-dose-units
Title: "Dose units"
Description: "Units (lozenges) used, beside the milligrams."
Context: MedicationAdministration
* value[x] 1..1
* value[x] only decimal

Extension: KapHeldByExtension
Id: kap-held-by
Title: "Held by"
Description: "The prescriber who decided to hold the dose."
Context: MedicationAdministration
* value[x] 1..1
* value[x] only Reference(Patient or Practitioner or PractitionerRole or RelatedPerson or Organization or Device)

Extension: KapPlannedDosageExtension
Id: kap-planned-dosage
Title: "Planned dosage"
Description: "Route and site of a dose that was not given."
Context: MedicationAdministration
* extension contains
    route 0..1 and
    site 0..1
* extension[route] ^short = "Route"
* extension[route].value[x] 1..1
* extension[route].value[x] only Coding
* extension[site] ^short = "Site"
* extension[site].value[x] 1..1
* extension[site].value[x] only string

Extension: KapScoreExtension
Id: kap-score
Title: "Score facts"
Description: "What a score is of."
Context: Observation
* extension contains
    instrument 0..1 and
    min 0..1 and
    max 0..1 and
    timing 0..1 and
    reportedBy 0..1
* extension[instrument] ^short = "Name of the instrument"
* extension[instrument].value[x] 1..1
* extension[instrument].value[x] only string
* extension[min] ^short = "Lowest possible score"
* extension[min].value[x] 1..1
* extension[min].value[x] only decimal
* extension[max] ^short = "Highest possible score"
* extension[max].value[x] 1..1
* extension[max].value[x] only decimal
* extension[timing] ^short = "Position in the course"
* extension[timing].value[x] 1..1
* extension[timing].value[x] only string
* extension[reportedBy] ^short = "Patient, therapist or prescriber"
* extension[reportedBy].value[x] 1..1
* extension[reportedBy].value[x] only code

Extension: KapIssueExtension
Id: kap-issue
Title: "Issue facts"
Description: "The practice's state where R4's status and mitigations would be read otherwise."
Context: DetectedIssue
* extension contains
    status 0..1 and
    sensitivity 0..*
* extension[status] ^short = "State"
* extension[status].value[x] 1..1
* extension[status].value[x] only code
* extension[sensitivity] ^short = "Extra sensitivity label"
* extension[sensitivity].value[x] 1..1
* extension[sensitivity].value[x] only code

Extension: KapMitigationRationaleExtension
Id: kap-mitigation-rationale
Title: "Mitigation rationale"
Description: "Why it was done."
Context: DetectedIssue.mitigation
* value[x] 1..1
* value[x] only string

Extension: KapAeExtension
Id: kap-ae
Title: "Adverse event facts"
Description: "What R4 has no element for."
Context: AdverseEvent
* extension contains
    resolvedAt 0..1 and
    medwatchReportable 0..1 and
    followUpRequired 0..1 and
    causality 0..1
* extension[resolvedAt] ^short = "When it was over"
* extension[resolvedAt].value[x] 1..1
* extension[resolvedAt].value[x] only dateTime
* extension[medwatchReportable] ^short = "Whether it is reportable"
* extension[medwatchReportable].value[x] 1..1
* extension[medwatchReportable].value[x] only boolean
* extension[followUpRequired] ^short = "Whether a follow-up is needed"
* extension[followUpRequired].value[x] 1..1
* extension[followUpRequired].value[x] only boolean
* extension[causality] ^short = "Causality where no entity is suspected"
* extension[causality].value[x] 1..1
* extension[causality].value[x] only code

Extension: KapFollowupExtension
Id: kap-followup
Title: "Follow-up facts"
Description: "The practice's state of a follow-up."
Context: ServiceRequest
* extension contains
    status 0..1 and
    doneSession 0..1
* extension[status] ^short = "State"
* extension[status].value[x] 1..1
* extension[status].value[x] only code
* extension[doneSession] ^short = "Session in which it was done"
* extension[doneSession].value[x] 1..1
* extension[doneSession].value[x] only Reference(Encounter)

Extension: KapMessageExtension
Id: kap-message
Title: "Message facts"
Description: "Labels and redactions of the payload."
Context: Communication
* extension contains
    category 0..1 and
    label 0..* and
    redaction 0..*
* extension[category] ^short = "Category"
* extension[category].value[x] 1..1
* extension[category].value[x] only code
* extension[label] ^short = "Label that the payload carries"
* extension[label].value[x] 1..1
* extension[label].value[x] only code
* extension[redaction] ^short = "Sensitivity taken out of the payload"
* extension[redaction].value[x] 1..1
* extension[redaction].value[x] only code

Invariant: kap-amount-positive
Description: "An amount of drug is more than zero."
Severity: #error
Expression: "value.exists() implies value > 0"

Invariant: kap-condition-other
Description: "A condition of code other says in words what must hold."
Severity: #error
Expression: "extension.where(url = 'code').value.coding.where(code = 'other').exists() implies extension.where(url = 'text').exists()"

Invariant: kap-reason-other
Description: "A reason of code other is given in words."
Severity: #error
Expression: "extension.where(url = 'code').value.coding.where(code = 'other').exists() implies extension.where(url = 'text').exists()"
