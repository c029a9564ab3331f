// Forms. A linkId is stable; where a form holds a record of the practice it is the dotted JSON path.

RuleSet: Form(name, title)
* url = "https://kap-interop.example.org/fhir/Questionnaire/{name}"
* version = "1.0.0"
* name = "{title}"
* status = #draft
* experimental = true
* publisher = "KAP interoperability project"
* subjectType = #Patient

Instance: kap-screening
InstanceOf: Questionnaire
Usage: #definition
Title: "KAP medical and psychosocial screening"
Description: "Questions of the first consultation. The answers raise flags for the prescriber; they exclude nobody."
* insert Form(kap-screening, KapScreening)
* title = "KAP medical and psychosocial screening"
* description = "Questions of the first consultation. The answers raise flags for the prescriber; they exclude nobody."
* code = https://kap-interop.example.org/fhir/CodeSystem/kap-instrument#kap-screening
* item[0].linkId = "dx-trd-ptsd-anx"
* item[0].text = "Diagnosed with treatment-resistant depression, PTSD, or anxiety?"
* item[0].type = #boolean
* item[0].item[0].linkId = "dx-trd-ptsd-anx-detail"
* item[0].item[0].text = "Detail"
* item[0].item[0].type = #string
* item[1].linkId = "maoi"
* item[1].text = "Currently taking an MAOI?"
* item[1].type = #boolean
* item[1].item[0].linkId = "maoi-detail"
* item[1].item[0].text = "Detail"
* item[1].item[0].type = #string
* item[2].linkId = "benzo"
* item[2].text = "Currently taking benzodiazepines?"
* item[2].type = #boolean
* item[2].item[0].linkId = "benzo-detail"
* item[2].item[0].text = "Detail"
* item[2].item[0].type = #string
* item[3].linkId = "psychosis-hx"
* item[3].text = "History of psychosis, schizophrenia, or manic episodes?"
* item[3].type = #boolean
* item[3].item[0].linkId = "psychosis-hx-detail"
* item[3].item[0].text = "Detail"
* item[3].item[0].type = #string
* item[4].linkId = "bp-stable"
* item[4].text = "Blood pressure / heart condition stable and well managed?"
* item[4].type = #boolean
* item[4].item[0].linkId = "bp-stable-detail"
* item[4].item[0].text = "Detail"
* item[4].item[0].type = #string
* item[5].linkId = "substance-use"
* item[5].text = "Current problematic substance use or history of ketamine misuse?"
* item[5].type = #boolean
* item[5].item[0].linkId = "substance-use-detail"
* item[5].item[0].text = "Detail"
* item[5].item[0].type = #string
* item[6].linkId = "pregnancy"
* item[6].text = "Pregnant or planning pregnancy?"
* item[6].type = #boolean
* item[6].item[0].linkId = "pregnancy-detail"
* item[6].item[0].text = "Detail"
* item[6].item[0].type = #string
* item[7].linkId = "severe-dissociation"
* item[7].text = "History of severe dissociation?"
* item[7].type = #boolean
* item[7].item[0].linkId = "severe-dissociation-detail"
* item[7].item[0].text = "Detail"
* item[7].item[0].type = #string
* item[8].linkId = "follow-safety"
* item[8].text = "Able to follow safety and transportation instructions?"
* item[8].type = #boolean
* item[8].item[0].linkId = "follow-safety-detail"
* item[8].item[0].text = "Detail"
* item[8].item[0].type = #string
* item[9].linkId = "support-system"
* item[9].text = "Safe support system in place after sessions?"
* item[9].type = #boolean
* item[9].item[0].linkId = "support-system-detail"
* item[9].item[0].text = "Detail"
* item[9].item[0].type = #string
* item[10].linkId = "ongoing-therapy"
* item[10].text = "Ongoing therapeutic support available?"
* item[10].type = #boolean
* item[10].item[0].linkId = "ongoing-therapy-detail"
* item[10].item[0].text = "Detail"
* item[10].item[0].type = #string
* item[11].linkId = "open-altered-state"
* item[11].text = "Open to altered states / introspection?"
* item[11].type = #boolean
* item[11].item[0].linkId = "open-altered-state-detail"
* item[11].item[0].text = "Detail"
* item[11].item[0].type = #string
* item[12].linkId = "commit-time"
* item[12].text = "Able to commit time and resources (sessions + integration)?"
* item[12].type = #boolean
* item[12].item[0].linkId = "commit-time-detail"
* item[12].item[0].text = "Detail"
* item[12].item[0].type = #string

Instance: kap-readiness
InstanceOf: Questionnaire
Usage: #definition
Title: "KAP readiness questions"
Description: "What the person hopes for and can bring. For the conversation, not for a score."
* insert Form(kap-readiness, KapReadiness)
* title = "KAP readiness questions"
* description = "What the person hopes for and can bring. For the conversation, not for a score."
* code = https://kap-interop.example.org/fhir/CodeSystem/kap-instrument#kap-readiness
* item[0].linkId = "rumination"
* item[0].text = "Caught in repeating thoughts?"
* item[0].type = #boolean
* item[1].linkId = "numb-stuck"
* item[1].text = "Feeling numb or stuck?"
* item[1].type = #boolean
* item[2].linkId = "open-altered-state"
* item[2].text = "Open to altered states / introspection?"
* item[2].type = #boolean
* item[3].linkId = "support-system"
* item[3].text = "Safe support system in place after sessions?"
* item[3].type = #boolean
* item[4].linkId = "willing-to-integrate"
* item[4].text = "Willing to integrate the experience afterwards?"
* item[4].type = #boolean
* item[5].linkId = "experiential-shift"
* item[5].text = "Would benefit from a shift of experience?"
* item[5].type = #boolean
* item[6].linkId = "commit-time"
* item[6].text = "Able to commit time and resources (sessions + integration)?"
* item[6].type = #boolean

Instance: cssrs-screen
InstanceOf: Questionnaire
Usage: #definition
Title: "Suicide severity rating scale screener"
Description: "Item codes of the C-SSRS screener. The wording of the scale is licensed: items that the practice may not print carry a short name only."
* insert Form(cssrs-screen, CssrsScreen)
* title = "Suicide severity rating scale screener"
* description = "Item codes of the C-SSRS screener. The wording of the scale is licensed: items that the practice may not print carry a short name only."
* code = $loinc#93373-9
* item[0].linkId = "/93246-7"
* item[0].text = "Have you wished you were dead or wished you could go to sleep and not wake up?"
* item[0].type = #choice
* item[0].code = $loinc#93246-7
* item[0].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[0].answerOption[1].valueCoding = $loinc#LA32-8 "No"
* item[1].linkId = "/93247-5"
* item[1].text = "Have you actually had any thoughts of killing yourself?"
* item[1].type = #choice
* item[1].code = $loinc#93247-5
* item[1].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[1].answerOption[1].valueCoding = $loinc#LA32-8 "No"
* item[2].linkId = "/93248-3"
* item[2].text = "(item) Thinking about how"
* item[2].type = #choice
* item[2].code = $loinc#93248-3
* item[2].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[2].answerOption[1].valueCoding = $loinc#LA32-8 "No"
* item[3].linkId = "/93249-1"
* item[3].text = "(item) Some intention of acting"
* item[3].type = #choice
* item[3].code = $loinc#93249-1
* item[3].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[3].answerOption[1].valueCoding = $loinc#LA32-8 "No"
* item[4].linkId = "/93250-9"
* item[4].text = "(item) Worked out details of plan"
* item[4].type = #choice
* item[4].code = $loinc#93250-9
* item[4].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[4].answerOption[1].valueCoding = $loinc#LA32-8 "No"
* item[5].linkId = "/93267-3"
* item[5].text = "Have you ever done anything, started to do anything, or prepared to do anything to end your life?"
* item[5].type = #choice
* item[5].code = $loinc#93267-3
* item[5].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[5].answerOption[1].valueCoding = $loinc#LA32-8 "No"
* item[6].linkId = "/93269-9"
* item[6].text = "(item) Within the past 3 months"
* item[6].type = #choice
* item[6].code = $loinc#93269-9
* item[6].answerOption[0].valueCoding = $loinc#LA33-6 "Yes"
* item[6].answerOption[1].valueCoding = $loinc#LA32-8 "No"

Instance: kap-pre-dose-checklist
InstanceOf: Questionnaire
Usage: #definition
Title: "KAP pre-dose checklist"
Description: "What is checked before the dose."
* insert Form(kap-pre-dose-checklist, KapPreDoseChecklist)
* title = "KAP pre-dose checklist"
* description = "What is checked before the dose."
* code = https://kap-interop.example.org/fhir/CodeSystem/kap-instrument#kap-pre-dose-checklist
* item[0].linkId = "completedAt"
* item[0].text = "Completed at"
* item[0].type = #dateTime
* item[1].linkId = "completedBy"
* item[1].text = "Completed by"
* item[1].type = #string
* item[2].linkId = "consentReviewed"
* item[2].text = "Consent reviewed"
* item[2].type = #boolean
* item[3].linkId = "assentReviewed"
* item[3].text = "Assent reviewed"
* item[3].type = #boolean
* item[4].linkId = "clearanceValid"
* item[4].text = "Clearance valid today"
* item[4].type = #boolean
* item[5].linkId = "medicationsReviewed"
* item[5].text = "Medications reviewed"
* item[5].type = #boolean
* item[6].linkId = "holdsFollowed"
* item[6].text = "Clearance conditions of the day"
* item[6].type = #group
* item[6].repeats = true
* item[6].item[0].linkId = "holdsFollowed.conditionId"
* item[6].item[0].text = "Clearance condition"
* item[6].item[0].type = #string
* item[6].item[1].linkId = "holdsFollowed.followed"
* item[6].item[1].text = "Followed"
* item[6].item[1].type = #boolean
* item[6].item[2].linkId = "holdsFollowed.note"
* item[6].item[2].text = "Note"
* item[6].item[2].type = #string
* item[7].linkId = "fastingInstructionsFollowed"
* item[7].text = "Fasting instructions followed"
* item[7].type = #boolean
* item[8].linkId = "substancesAvoided"
* item[8].text = "Substances avoided"
* item[8].type = #boolean
* item[9].linkId = "pregnancyStatusReviewed"
* item[9].text = "Pregnancy status reviewed"
* item[9].type = #boolean
* item[10].linkId = "suicidalityReviewed"
* item[10].text = "Suicidality reviewed"
* item[10].type = #boolean
* item[11].linkId = "intentionReviewed"
* item[11].text = "Intention reviewed"
* item[11].type = #boolean
* item[12].linkId = "emergencyPlanReviewed"
* item[12].text = "Emergency plan reviewed"
* item[12].type = #boolean
* item[13].linkId = "patientLocationConfirmed"
* item[13].text = "Location of the patient confirmed"
* item[13].type = #boolean
* item[14].linkId = "chaperone"
* item[14].text = "Chaperone"
* item[14].type = #group
* item[14].item[0].linkId = "chaperone.relatedPersonId"
* item[14].item[0].text = "Person"
* item[14].item[0].type = #string
* item[14].item[1].linkId = "chaperone.presentAt"
* item[14].item[1].text = "Present since"
* item[14].item[1].type = #dateTime
* item[14].item[2].linkId = "chaperone.checkInEveryMinutes"
* item[14].item[2].text = "Checks in every (minutes)"
* item[14].item[2].type = #integer
* item[14].item[3].linkId = "chaperone.phoneVerified"
* item[14].item[3].text = "Phone verified"
* item[14].item[3].type = #boolean
* item[15].linkId = "transport"
* item[15].text = "Way home"
* item[15].type = #group
* item[15].item[0].linkId = "transport.arranged"
* item[15].item[0].text = "Arranged"
* item[15].item[0].type = #boolean
* item[15].item[1].linkId = "transport.mode"
* item[15].item[1].text = "How"
* item[15].item[1].type = #string
* item[15].item[2].linkId = "transport.escortId"
* item[15].item[2].text = "Escort"
* item[15].item[2].type = #string
* item[15].item[3].linkId = "transport.escortConfirmedAt"
* item[15].item[3].text = "Escort confirmed at"
* item[15].item[3].type = #dateTime
* item[16].linkId = "lozengesOnHand"
* item[16].text = "Units counted on hand"
* item[16].type = #decimal

Instance: kap-discharge-checklist
InstanceOf: Questionnaire
Usage: #definition
Title: "KAP discharge checklist"
Description: "Assessment before the patient leaves. Time alone discharges nobody."
* insert Form(kap-discharge-checklist, KapDischargeChecklist)
* title = "KAP discharge checklist"
* description = "Assessment before the patient leaves. Time alone discharges nobody."
* code = https://kap-interop.example.org/fhir/CodeSystem/kap-instrument#kap-discharge-checklist
* item[0].linkId = "assessedAt"
* item[0].text = "Assessed at"
* item[0].type = #dateTime
* item[1].linkId = "assessorId"
* item[1].text = "Assessed by"
* item[1].type = #string
* item[2].linkId = "orientedX4"
* item[2].text = "Oriented to person, place, time and situation"
* item[2].type = #boolean
* item[3].linkId = "gaitSteady"
* item[3].text = "Gait steady"
* item[3].type = #boolean
* item[4].linkId = "nauseaControlled"
* item[4].text = "Nausea controlled"
* item[4].type = #boolean
* item[5].linkId = "dissociationResolved"
* item[5].text = "Dissociation resolved"
* item[5].type = #boolean
* item[6].linkId = "suicidalityConcern"
* item[6].text = "Suicidality concern"
* item[6].type = #boolean
* item[7].linkId = "vitalsWithinParameters"
* item[7].text = "Vital signs within limits"
* item[7].type = #boolean
* item[8].linkId = "hydratedAndSnack"
* item[8].text = "Hydrated, snack taken"
* item[8].type = #boolean
* item[9].linkId = "responsibleAdultPresent"
* item[9].text = "Responsible adult"
* item[9].type = #string
* item[10].linkId = "noDrivingUntil"
* item[10].text = "No driving until"
* item[10].type = #date
* item[11].linkId = "disposition"
* item[11].text = "Disposition"
* item[11].type = #string
* item[12].linkId = "criteriaMet"
* item[12].text = "Criteria met"
* item[12].type = #boolean
* item[13].linkId = "extendedObservation"
* item[13].text = "Extended observation"
* item[13].type = #boolean
* item[14].linkId = "exception"
* item[14].text = "Exception to the criteria"
* item[14].type = #group
* item[14].item[0].linkId = "exception.by"
* item[14].item[0].text = "Decided by"
* item[14].item[0].type = #string
* item[14].item[1].linkId = "exception.reason"
* item[14].item[1].text = "Reason"
* item[14].item[1].type = #string

Instance: kap-integration-summary
InstanceOf: Questionnaire
Usage: #definition
Title: "KAP integration summary"
Description: "The therapist's summary, written for exchange. Never the content of the talk."
* insert Form(kap-integration-summary, KapIntegrationSummary)
* title = "KAP integration summary"
* description = "The therapist's summary, written for exchange. Never the content of the talk."
* item[0].linkId = "summary"
* item[0].text = "Summary"
* item[0].type = #group
* item[0].item[0].linkId = "summary.symptoms"
* item[0].item[0].text = "Symptoms"
* item[0].item[0].type = #string
* item[0].item[1].linkId = "summary.progress"
* item[0].item[1].text = "Progress"
* item[0].item[1].type = #string
* item[0].item[2].linkId = "summary.functionalStatus"
* item[0].item[2].text = "Function"
* item[0].item[2].type = #string
* item[0].item[3].linkId = "summary.planUpdates"
* item[0].item[3].text = "Changes of the plan"
* item[0].item[3].type = #string
* item[1].linkId = "practices"
* item[1].text = "Practices agreed"
* item[1].type = #string
* item[1].repeats = true
* item[2].linkId = "actions"
* item[2].text = "Actions agreed"
* item[2].type = #group
* item[2].repeats = true
* item[2].item[0].linkId = "actions.text"
* item[2].item[0].text = "Action"
* item[2].item[0].type = #string
* item[2].item[1].linkId = "actions.due"
* item[2].item[1].text = "Due"
* item[2].item[1].type = #date
* item[2].item[2].linkId = "actions.status"
* item[2].item[2].text = "State"
* item[2].item[2].type = #string

Instance: kap-session-record
InstanceOf: Questionnaire
Usage: #definition
Title: "KAP session record"
Description: "Facts of a session that the Encounter has no element for."
* insert Form(kap-session-record, KapSessionRecord)
* title = "KAP session record"
* description = "Facts of a session that the Encounter has no element for."
* item[0].linkId = "clinicalSummary"
* item[0].text = "Clinical summary"
* item[0].type = #string
* item[1].linkId = "topics"
* item[1].text = "Topics covered"
* item[1].type = #string
* item[1].repeats = true
* item[2].linkId = "environment"
* item[2].text = "Room and set-up"
* item[2].type = #group
* item[2].item[0].linkId = "environment.music"
* item[2].item[0].text = "Music"
* item[2].item[0].type = #boolean
* item[2].item[1].linkId = "environment.eyeShades"
* item[2].item[1].text = "Eye shades"
* item[2].item[1].type = #boolean
* item[2].item[2].linkId = "environment.lighting"
* item[2].item[2].text = "Lighting"
* item[2].item[2].type = #string
* item[2].item[3].linkId = "environment.position"
* item[2].item[3].text = "Position"
* item[2].item[3].type = #string
* item[3].linkId = "presenceContinuous"
* item[3].text = "Therapist present throughout"
* item[3].type = #boolean
* item[4].linkId = "integratesSessionId"
* item[4].text = "Dosing session that is integrated"
* item[4].type = #string
* item[5].linkId = "dosing"
* item[5].text = "Dosing"
* item[5].type = #group
* item[5].item[0].linkId = "dosing.sequence"
* item[5].item[0].text = "Number of the dosing session"
* item[5].item[0].type = #integer
* item[5].item[1].linkId = "dosing.doseLevel"
* item[5].item[1].text = "Dose level"
* item[5].item[1].type = #string
* item[5].item[2].linkId = "dosing.plannedDoseMg"
* item[5].item[2].text = "Planned dose (mg)"
* item[5].item[2].type = #decimal
* item[5].item[3].linkId = "dosing.clearanceId"
* item[5].item[3].text = "Clearance"
* item[5].item[3].type = #string
* item[5].item[4].linkId = "dosing.prescriptionId"
* item[5].item[4].text = "Prescription"
* item[5].item[4].type = #string
* item[5].item[5].linkId = "dosing.outcome"
* item[5].item[5].text = "Result"
* item[5].item[5].type = #string
* item[5].item[6].linkId = "dosing.convertedTo"
* item[5].item[6].text = "Converted to"
* item[5].item[6].type = #string
* item[5].item[7].linkId = "dosing.intervalOverride"
* item[5].item[7].text = "Override of the interval rule"
* item[5].item[7].type = #group
* item[5].item[7].item[0].linkId = "dosing.intervalOverride.by"
* item[5].item[7].item[0].text = "Decided by"
* item[5].item[7].item[0].type = #string
* item[5].item[7].item[1].linkId = "dosing.intervalOverride.at"
* item[5].item[7].item[1].text = "Decided at"
* item[5].item[7].item[1].type = #dateTime
* item[5].item[7].item[2].linkId = "dosing.intervalOverride.reason"
* item[5].item[7].item[2].text = "Reason"
* item[5].item[7].item[2].type = #string

Instance: phq-9
InstanceOf: Questionnaire
Usage: #definition
Title: "PHQ-9"
Description: "The name and the panel code of the instrument; its items are licensed and not repeated here."
* insert Form(phq-9, Phq9)
* title = "PHQ-9"
* description = "The name and the panel code of the instrument; its items are licensed and not repeated here."
* code = $loinc#44249-1

Instance: phq-9-teen
InstanceOf: Questionnaire
Usage: #definition
Title: "PHQ-9 modified for teens"
Description: "The name and the panel code of the instrument; its items are licensed and not repeated here."
* insert Form(phq-9-teen, Phq9Teen)
* title = "PHQ-9 modified for teens"
* description = "The name and the panel code of the instrument; its items are licensed and not repeated here."
* code = $loinc#89206-7

Instance: gad-7
InstanceOf: Questionnaire
Usage: #definition
Title: "GAD-7"
Description: "The name and the panel code of the instrument; its items are licensed and not repeated here."
* insert Form(gad-7, Gad7)
* title = "GAD-7"
* description = "The name and the panel code of the instrument; its items are licensed and not repeated here."
* code = $loinc#69737-5

Instance: pcl-5
InstanceOf: Questionnaire
Usage: #definition
Title: "PCL-5"
Description: "The name and the panel code of the instrument; its items are licensed and not repeated here."
* insert Form(pcl-5, Pcl5)
* title = "PCL-5"
* description = "The name and the panel code of the instrument; its items are licensed and not repeated here."
* code = $loinc#101697-1

Instance: audit-c
InstanceOf: Questionnaire
Usage: #definition
Title: "AUDIT-C"
Description: "The name of the instrument; its items are not repeated here."
* insert Form(audit-c, AuditC)
* title = "AUDIT-C"
* description = "The name of the instrument; its items are not repeated here."

Instance: dast-10
InstanceOf: Questionnaire
Usage: #definition
Title: "DAST-10"
Description: "The name of the instrument; its items are licensed and not repeated here."
* insert Form(dast-10, Dast10)
* title = "DAST-10"
* description = "The name of the instrument; its items are licensed and not repeated here."

Instance: pain-nrs
InstanceOf: Questionnaire
Usage: #definition
Title: "Numeric rating of pain, 0 to 10"
Description: "One number, told by the patient."
* insert Form(pain-nrs, PainNrs)
* title = "Numeric rating of pain, 0 to 10"
* description = "One number, told by the patient."
* code = $loinc#72514-3
