// Local code systems and the value sets that bind them.

RuleSet: Terminology
* ^experimental = true

RuleSet: LocalCodeSystem
* insert Terminology
* ^caseSensitive = true
* ^content = #complete

CodeSystem: KapEpisodeType
Id: kap-episode-type
Title: "KAP episode type"
Description: "KAP episode type."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-episode-type"
* #kap "Ketamine-assisted psychotherapy episode" "Episode in which ketamine is given as adjunct to psychotherapy by a therapist practice with a medical prescriber."
* #kap-maintenance "KAP maintenance-only episode" "Episode re-opened only for booster / maintenance sessions."

ValueSet: KapEpisodeTypeCodes
Id: kap-episode-type
Title: "KAP episode type"
Description: "All codes of the code system kap-episode-type."
* insert Terminology
* include codes from system KapEpisodeType

CodeSystem: KapEpisodePhase
Id: kap-episode-phase
Title: "KAP episode phase"
Description: "KAP episode phase."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-episode-phase"
* #referred "Referred" "Practice has opened the episode; no consultation completed."
* #consultation "Consultation" "Initial KAP consultation scheduled or held."
* #evaluation-requested "Medical evaluation requested" "Referral Task sent to the prescribing partner, decision pending."
* #cleared "Cleared" "Active clearance without conditions; preparation not started."
* #cleared-with-conditions "Cleared with conditions" "Active clearance with outstanding or recurring conditions."
* #deferred "Deferred" "Decision postponed until listed reasons are resolved."
* #not-cleared "Not cleared" "Partner decided KAP is not appropriate."
* #preparation "Preparation" "Preparation sessions under an active clearance."
* #dosing-active "Active dosing course" "At least one dosing session started; course running."
* #dosing-hold "Dosing on hold" "Dosing suspended (safety, clearance lapse, patient request)."
* #maintenance "Maintenance" "Initial course completed; intermittent booster sessions."
* #completed "Completed" "Course closed as planned with discharge follow-up."
* #discontinued "Discontinued" "Closed by clinicians or the prescriber before completion."
* #withdrawn "Withdrawn" "Closed because the patient (or guardian) withdrew."
* #entered-in-error "Entered in error" "Episode should not have existed."

ValueSet: KapEpisodePhaseCodes
Id: kap-episode-phase
Title: "KAP episode phase"
Description: "All codes of the code system kap-episode-phase."
* insert Terminology
* include codes from system KapEpisodePhase

CodeSystem: KapSessionType
Id: kap-session-type
Title: "KAP session type"
Description: "KAP session type."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-session-type"
* #consultation "KAP consultation"
* #medical-evaluation "KAP medical evaluation"
* #preparation "KAP preparation session"
* #dosing "KAP dosing session"
* #integration "KAP integration session"
* #medical-follow-up "KAP medical follow-up"
* #individual-therapy "Individual psychotherapy session in a KAP episode"
* #discharge-follow-up "KAP discharge follow-up"

ValueSet: KapSessionTypeCodes
Id: kap-session-type
Title: "KAP session type"
Description: "All codes of the code system kap-session-type."
* insert Terminology
* include codes from system KapSessionType

CodeSystem: KapSessionSetting
Id: kap-session-setting
Title: "KAP session setting"
Description: "KAP session setting."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-session-setting"
* #in-person "In person at the practice or clinic" "Encounter.class AMB"
* #remote "Remote, no dosing" "Encounter.class VR"
* #remote-home "Remote dosing, patient at home" "Encounter.class VR; patient location, chaperone and emergency plan needed"
* #home-visit "Clinician physically at the patient home" "Encounter.class HH"

ValueSet: KapSessionSettingCodes
Id: kap-session-setting
Title: "KAP session setting"
Description: "All codes of the code system kap-session-setting."
* insert Terminology
* include codes from system KapSessionSetting

CodeSystem: KapSessionTiming
Id: kap-session-timing
Title: "KAP measurement timing"
Description: "KAP measurement timing."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-session-timing"
* #evaluation "At evaluation"
* #baseline "Baseline before first dose"
* #pre-dose "Before dosing"
* #pre-dose-recheck "Recheck before dosing"
* #peak "Around peak effect"
* #unscheduled "Unscheduled"
* #end-of-session "End of session"
* #post-session "After session"
* #course "During the course"
* #follow-up "At follow-up"

ValueSet: KapSessionTimingCodes
Id: kap-session-timing
Title: "KAP measurement timing"
Description: "All codes of the code system kap-session-timing."
* insert Terminology
* include codes from system KapSessionTiming

CodeSystem: KapClearanceDecision
Id: kap-clearance-decision
Title: "KAP clearance decision"
Description: "KAP clearance decision."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-clearance-decision"
* #cleared "Cleared" "Dosing permitted within the stated limits."
* #cleared-with-conditions "Cleared with conditions" "Dosing permitted only while each condition holds."
* #deferred "Deferred" "No dosing; re-evaluate when reasons are resolved."
* #not-cleared "Not cleared" "No dosing; KAP judged not appropriate."

ValueSet: KapClearanceDecisionCodes
Id: kap-clearance-decision
Title: "KAP clearance decision"
Description: "All codes of the code system kap-clearance-decision."
* insert Terminology
* include codes from system KapClearanceDecision

CodeSystem: KapClearanceCondition
Id: kap-clearance-condition
Title: "KAP clearance condition"
Description: "KAP clearance condition."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-clearance-condition"
* #hold-medication "Hold medication before dosing"
* #home-bp-cuff "Validated home blood pressure cuff available"
* #bp-log "Home blood pressure log reviewed"
* #adult-chaperone-present "Adult chaperone present"
* #in-person-only "In-person dosing only"
* #ecg-required "ECG reviewed"
* #lab-required "Laboratory result reviewed"
* #pcp-letter "Letter from treating clinician"
* #pregnancy-test "Pregnancy test before dosing"
* #abstain-substance "Abstinence interval before dosing"
* #therapy-continuity "Ongoing therapeutic support in place"
* #low-dose-start "Start at low dose"
* #other "Other condition" "text required"

ValueSet: KapClearanceConditionCodes
Id: kap-clearance-condition
Title: "KAP clearance condition"
Description: "All codes of the code system kap-clearance-condition."
* insert Terminology
* include codes from system KapClearanceCondition

CodeSystem: KapDeferralReason
Id: kap-deferral-reason
Title: "KAP deferral or non-clearance reason"
Description: "KAP deferral or non-clearance reason."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-deferral-reason"
* #uncontrolled-bp "Blood pressure not controlled"
* #cardiovascular-workup "Cardiovascular assessment pending"
* #psychosis-screen "Possible psychosis or severe dissociation"
* #mania-screen "Possible mania or unstable bipolar disorder"
* #substance-use "Current substance use or ketamine misuse concern"
* #pregnancy "Pregnancy, breast feeding or pregnancy plans"
* #interaction "Medication interaction to resolve"
* #suicidality "Acute suicidality needing a higher level of care"
* #consent-incomplete "Consent or assent incomplete"
* #records-missing "Records or results missing"
* #support-missing "Support person, transport or safe setting missing"
* #other-treatment-first "Other treatment not yet sufficiently tried"
* #partner-age-limit "Outside the partner age range"
* #specialist-input-required "Specialist input required"
* #treating-team-coordination "Coordination with treating team outstanding"
* #substance-use-follow-up "Substance use to be re-assessed"
* #licensure "Prescriber or therapist not licensed at patient location"
* #other "Other" "text required"

ValueSet: KapDeferralReasonCodes
Id: kap-deferral-reason
Title: "KAP deferral or non-clearance reason"
Description: "All codes of the code system kap-deferral-reason."
* insert Terminology
* include codes from system KapDeferralReason

CodeSystem: KapTaskBusinessStatus
Id: kap-task-business-status
Title: "KAP referral task business status"
Description: "KAP referral task business status."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-task-business-status"
* #referral-sent "Referral sent"
* #referral-received "Referral received by partner"
* #referral-accepted "Referral accepted"
* #referral-declined "Referral declined"
* #additional-information-requested "Additional information requested"
* #additional-information-sent "Additional information sent"
* #evaluation-scheduled "Evaluation scheduled"
* #evaluation-rescheduled "Evaluation rescheduled"
* #no-show "Patient did not attend"
* #evaluation-in-progress "Evaluation in progress"
* #decision-pending "Decision pending"
* #decision-issued "Decision issued"
* #prescription-issued "Prescription issued"
* #medication-shipped "Medication shipped"
* #withdrawn "Referral withdrawn"

ValueSet: KapTaskBusinessStatusCodes
Id: kap-task-business-status
Title: "KAP referral task business status"
Description: "All codes of the code system kap-task-business-status."
* insert Terminology
* include codes from system KapTaskBusinessStatus

CodeSystem: KapTaskIo
Id: kap-task-io
Title: "KAP task input/output kind"
Description: "KAP task input/output kind."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-task-io"
* #referral-packet "Referral packet document"
* #screening-response "Screening questionnaire response"
* #consent-copy "Consent copy"
* #clearance-decision "Clearance decision"
* #clearance-document "Signed clearance document"
* #prescription "Prescription record"
* #dispense "Dispense / shipment record"
* #follow-up-report "Medical follow-up report"
* #additional-information "Additional information"

ValueSet: KapTaskIoCodes
Id: kap-task-io
Title: "KAP task input/output kind"
Description: "All codes of the code system kap-task-io."
* insert Terminology
* include codes from system KapTaskIo

CodeSystem: KapService
Id: kap-service
Title: "KAP services"
Description: "KAP services."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-service"
* #medical-evaluation "KAP medical evaluation and clearance"
* #medical-follow-up "KAP medical follow-up"
* #clearance-renewal "KAP clearance renewal"
* #dosing-course "KAP dosing course"
* #integration-course "KAP integration sessions"

ValueSet: KapServiceCodes
Id: kap-service
Title: "KAP services"
Description: "All codes of the code system kap-service."
* insert Terminology
* include codes from system KapService

CodeSystem: KapConsentKind
Id: kap-consent-kind
Title: "KAP consent kind"
Description: "KAP consent kind."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-consent-kind"
* #treatment-informed-consent "Informed consent to KAP treatment"
* #telehealth-consent "Telehealth / remote dosing consent"
* #privacy-disclosure "Privacy consent to disclose"
* #psychotherapy-notes-authorization "Authorization for psychotherapy notes (45 CFR 164.508)"
* #part2-sud-consent "42 CFR Part 2 consent"
* #guardian-consent-evaluation "Guardian consent to evaluation"
* #guardian-consent-treatment "Guardian consent to treatment"
* #minor-assent-evaluation "Minor assent to evaluation"
* #minor-assent-treatment "Minor assent to treatment"
* #recording-consent "Consent to recording"
* #touch-consent "Consent to supportive touch"

ValueSet: KapConsentKindCodes
Id: kap-consent-kind
Title: "KAP consent kind"
Description: "All codes of the code system kap-consent-kind."
* insert Terminology
* include codes from system KapConsentKind

CodeSystem: KapDoseLevel
Id: kap-dose-level
Title: "KAP dose level"
Description: "KAP dose level."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-dose-level"
* #psycholytic "Psycholytic (low) dose" "Patient can still speak; empathogenic."
* #moderate "Moderate (non-psycholytic) dose" "Conversation limited; dissociative."
* #high "High (full dissociative) dose" "Out-of-body / fully dissociative."

ValueSet: KapDoseLevelCodes
Id: kap-dose-level
Title: "KAP dose level"
Description: "All codes of the code system kap-dose-level."
* insert Terminology
* include codes from system KapDoseLevel

CodeSystem: KapDoseKind
Id: kap-dose-kind
Title: "KAP dose kind"
Description: "KAP dose kind."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-dose-kind"
* #initial "Initial dose of the session"
* #booster "Booster dose in the same session"

ValueSet: KapDoseKindCodes
Id: kap-dose-kind
Title: "KAP dose kind"
Description: "All codes of the code system kap-dose-kind."
* insert Terminology
* include codes from system KapDoseKind

CodeSystem: KapDoseNotGivenReason
Id: kap-dose-not-given-reason
Title: "Reason a planned dose was not given"
Description: "Reason a planned dose was not given."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-dose-not-given-reason"
* #bp-above-threshold "Blood pressure above threshold"
* #hr-out-of-range "Heart rate out of range"
* #spo2-low "Oxygen saturation low"
* #acute-suicidality "Acute suicidality"
* #intoxication "Intoxication or interacting substance"
* #not-fasted "Food or drink too recent"
* #medication-hold-not-met "Medication hold not met"
* #chaperone-absent "Chaperone or escort absent"
* #patient-declined "Patient declined"
* #clinician-judgement "Clinician judgement" "text required"
* #product-problem "Product problem"
* #other "Other" "text required"

ValueSet: KapDoseNotGivenReasonCodes
Id: kap-dose-not-given-reason
Title: "Reason a planned dose was not given"
Description: "All codes of the code system kap-dose-not-given-reason."
* insert Terminology
* include codes from system KapDoseNotGivenReason

CodeSystem: KapParticipantRole
Id: kap-participant-role
Title: "KAP participant role"
Description: "KAP participant role."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-participant-role"
* #lead-therapist "Lead therapist / guide"
* #co-therapist "Co-therapist"
* #prescriber "Prescribing clinician"
* #dosing-nurse "Nurse monitoring or administering"
* #chaperone "Adult chaperone in residence"
* #escort "Escort home"
* #guardian "Parent or legal guardian"
* #emergency-contact "Emergency contact"
* #support-person "Support person"
* #care-coordinator "Care coordinator"

ValueSet: KapParticipantRoleCodes
Id: kap-participant-role
Title: "KAP participant role"
Description: "All codes of the code system kap-participant-role."
* insert Terminology
* include codes from system KapParticipantRole

CodeSystem: KapObservation
Id: kap-observation
Title: "KAP observations without verified standard code"
Description: "KAP observations without verified standard code."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-observation"
* #clearance-status "KAP clearance status"
* #moaas "Modified Observer Assessment of Alertness/Sedation score" "0-5"
* #cadss-total "CADSS total score" "0-4 per item; 23- or 28-item version must be stated"
* #meq30-total "MEQ-30 total score" "0-150 (30 items, 0-5)"
* #onset-minutes "Time from dose to onset" "min"
* #peak-minutes "Time from dose to peak" "min"
* #resolution-minutes "Time from dose to resolution of acute effects" "min"
* #discharge-ready "Discharge criteria met" "boolean"
* #expectorated "Lozenge residue expectorated" "boolean"
* #oral-hold-minutes "Minutes lozenge was held in mouth" "min"
* #session-intensity "Overall intensity 0-10"
* #challenging-experience "Overall difficulty 0-10"
* #functioning-global "Global functioning 0-10 self rating"

ValueSet: KapObservationCodes
Id: kap-observation
Title: "KAP observations without verified standard code"
Description: "All codes of the code system kap-observation."
* insert Terminology
* include codes from system KapObservation

CodeSystem: KapInstrument
Id: kap-instrument
Title: "KAP instruments without verified LOINC panel"
Description: "KAP instruments without verified LOINC panel."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-instrument"
* #cadss "Clinician-Administered Dissociative States Scale"
* #meq-30 "Mystical Experience Questionnaire 30"
* #kap-screening "KAP medical and psychosocial screening"
* #kap-readiness "KAP readiness questions"
* #kap-pre-dose-checklist "KAP pre-dose checklist"
* #kap-discharge-checklist "KAP discharge checklist"
* #kap-adverse-effects-diary "Between-session effects diary"

CodeSystem: KapExperienceDomain
Id: kap-experience-domain
Title: "KAP experience domain (summary level)"
Description: "KAP experience domain (summary level)."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-experience-domain"
* #time "Perception of time"
* #body "Body awareness"
* #emotion "Emotional intensity"
* #imagery "Imagery"
* #memory "Memories"
* #connection "Connection or distance"
* #thoughts "Relation to thoughts"
* #perspective "Perspective"

ValueSet: KapExperienceDomainCodes
Id: kap-experience-domain
Title: "KAP experience domain (summary level)"
Description: "All codes of the code system kap-experience-domain."
* insert Terminology
* include codes from system KapExperienceDomain

CodeSystem: KapFollowupKind
Id: kap-followup-kind
Title: "KAP follow-up kind"
Description: "KAP follow-up kind."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-followup-kind"
* #medical-30-day "Medical follow-up within 30 days of intake"
* #medical-quarterly "Medical follow-up at least quarterly"
* #clearance-re-review "Clearance re-review"
* #integration-72h "Integration within 72 hours"
* #discharge-session "Discharge follow-up"
* #safety-check "Safety check"

ValueSet: KapFollowupKindCodes
Id: kap-followup-kind
Title: "KAP follow-up kind"
Description: "All codes of the code system kap-followup-kind."
* insert Terminology
* include codes from system KapFollowupKind

CodeSystem: KapIntegrationPractice
Id: kap-integration-practice
Title: "KAP integration practice"
Description: "KAP integration practice."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-integration-practice"
* #journaling "Journaling"
* #mindfulness "Mindfulness"
* #creative "Creative expression"
* #behavioural-action "Concrete action"
* #boundary-setting "Boundary setting"
* #self-care "Self-care, sleep, movement"
* #relational "Relational repair or conversation"
* #nature "Time outdoors"

ValueSet: KapIntegrationPracticeCodes
Id: kap-integration-practice
Title: "KAP integration practice"
Description: "All codes of the code system kap-integration-practice."
* insert Terminology
* include codes from system KapIntegrationPractice

CodeSystem: KapPartRole
Id: kap-part-role
Title: "IFS part role (practice-only, never exchanged)"
Description: "Practice-only vocabulary: listed so that it is never reused; no profile binds it and no exchanged resource may carry it."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-part-role"
* #protector "Protector"
* #manager "Manager"
* #firefighter "Firefighter"
* #exile "Exile"
* #inner-critic "Inner critic"
* #self "Self"

ValueSet: KapPartRoleCodes
Id: kap-part-role
Title: "IFS part role (practice-only, never exchanged)"
Description: "All codes of the code system kap-part-role."
* insert Terminology
* include codes from system KapPartRole

CodeSystem: KapRule
Id: kap-rule
Title: "KAP safety rule identifier"
Description: "The rule that found something: a rule of the screening and safety policy, or an invariant of the episode."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-rule"
* #KAP-RULE-MAOI "Monoamine oxidase inhibitor reported"
* #KAP-RULE-BENZO "Benzodiazepine reported"
* #KAP-RULE-CNS "Other CNS depressant or sedative reported"
* #KAP-RULE-STIM "Stimulant or sympathomimetic reported"
* #KAP-RULE-LAMO "Lamotrigine reported (possible blunting)"
* #KAP-RULE-PSYCHOSIS "Psychosis or schizophrenia spectrum"
* #KAP-RULE-MANIA "Mania or unstable bipolar disorder"
* #KAP-RULE-DISSOC "Severe dissociative disorder"
* #KAP-RULE-HTN "Hypertension or cardiovascular condition"
* #KAP-RULE-ICP "Intracranial, aneurysm or vascular malformation concern"
* #KAP-RULE-GLAUCOMA "Glaucoma / raised ocular pressure"
* #KAP-RULE-RESP "Severe breathing problem or sleep apnoea"
* #KAP-RULE-HEPATIC "Liver disease"
* #KAP-RULE-URO "Cystitis or urinary symptoms"
* #KAP-RULE-THYROID "Hyperthyroidism"
* #KAP-RULE-SUD "Substance use or ketamine misuse concern"
* #KAP-RULE-PREG "Pregnancy, breast feeding, plans, or unknown status"
* #KAP-RULE-ALLERGY "Ketamine allergy"
* #KAP-RULE-SI-ITEM9 "PHQ-9 item 9 greater than zero"
* #KAP-RULE-CSSRS "C-SSRS positive"
* #KAP-RULE-BP-PREDOSE "Pre-dose blood pressure above limit"
* #KAP-RULE-VITALS-MISSING "Required vital signs missing"
* #KAP-RULE-SEDATION "Sedation score below limit"
* #KAP-RULE-MINOR "Patient is a minor"
* #KAP-RULE-SUPPLY "Supply policy exceeded"
* #KAP-RULE-INTERVAL "Sessions closer than allowed"
* #KAP-RULE-CADENCE "Cadence drift"
* #KAP-RULE-FU30 "30-day follow-up overdue"
* #KAP-RULE-FUQ "Quarterly follow-up overdue"
* #KAP-RULE-INTEGRATION "Integration overdue"
* #KAP-RULE-INVENTORY "Inventory discrepancy"
* #KAP-RULE-WORSENING "Outcome worsened"
* #KAP-RULE-CONSENT-EXPIRY "Consent or clearance about to expire"
* #KAP-RULE-LOCATION "Patient location outside licensure"
* #KAP-RULE-CHAPERONE "Chaperone check missed"
// The invariants, for findings of a rule that has no code above; the sentences are those of src/kap/rules.rs.
* #KAP-INV-01 "The phase changes only along the state machine."
* #KAP-INV-02 "Dosing needs an active clearance that covers day, setting and route."
* #KAP-INV-03 "Each condition of the clearance that must be met before dosing is met."
* #KAP-INV-04 "The treatment consent is active and covers the topics of the day."
* #KAP-INV-05 "A remote session needs an active telehealth consent."
* #KAP-INV-06 "Dosing needs an active, valid, consistent prescription and enough units on hand."
* #KAP-INV-07 "The planned dose is at most the prescription's maximum and the clearance's ceiling."
* #KAP-INV-08 "Sessions keep the interval and the number per seven days."
* #KAP-INV-09 "The ledger of units never goes below zero; a count that differs is a discrepancy."
* #KAP-INV-10 "Pre-dose vital signs are present and recent."
* #KAP-INV-11 "Pre-dose blood pressure and heart rate are within this person's parameters."
* #KAP-INV-12 "A minor has guardian consent, assent, and a reachable guardian of verified authority."
* #KAP-INV-13 "Remote dosing has an adult chaperone with a reachable phone; in person the way home is arranged."
* #KAP-INV-14 "Discharge meets its criteria or has a documented exception."
* #KAP-INV-15 "Medical follow-ups happen within their intervals."
* #KAP-INV-16 "A schedule III prescription has at most five refills and six months; supply keeps the policy."
* #KAP-INV-17 "An integration session follows each dosing session within the target."
* #KAP-INV-18 "Baseline measures, with a suicide-risk screener, precede the first dose."
* #KAP-INV-19 "A positive suicide-risk answer holds dosing until a clinician's safety review."
* #KAP-INV-20 "Each high-severity finding is adjudicated before a clearance is signed."
* #KAP-INV-21 "Only the side that owns a record writes it; only a partner prescriber clears and prescribes."
* #KAP-INV-22 "The therapist's mode of presence is recorded for each dosing session."
* #KAP-INV-23 "Times are in order and not in the future."
* #KAP-INV-24 "An episode is completed with its discharge, units and adverse events settled."
* #KAP-INV-25 "An episode that has ended changes only by correction."
* #KAP-INV-26 "An adverse event of moderate severity or any serious one holds dosing."
* #KAP-INV-27 "Psychotherapy notes, imagery and private intentions have no form here."
* #KAP-INV-28 "Medication holds are acknowledged for each session."
* #KAP-INV-29 "Pregnancy status is recorded, unknown and declined included, before an evaluation closes."
* #KAP-INV-30 "Esketamine is never given in a remote session."
* #KAP-INV-31 "After a consent is withdrawn there is no new dosing."
* #KAP-INV-32 "The monitoring programme is checked with each prescription."
* #KAP-INV-33 "The patient's location is recorded before remote dosing and within licensure."
* #KAP-INV-34 "A remote session has a complete emergency plan."

ValueSet: KapRuleCodes
Id: kap-rule
Title: "KAP safety rule identifier"
Description: "All codes of the code system kap-rule."
* insert Terminology
* include codes from system KapRule

CodeSystem: KapAeIntervention
Id: kap-ae-intervention
Title: "KAP adverse event intervention"
Description: "KAP adverse event intervention."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-ae-intervention"
* #reassurance "Reassurance and grounding"
* #position "Position change"
* #antiemetic "Antiemetic given"
* #oxygen "Oxygen given"
* #antihypertensive "Antihypertensive given"
* #ems "Emergency services called"
* #monitoring-extended "Monitoring extended"
* #session-stopped "Session stopped"
* #other "Other" "text required"

ValueSet: KapAeInterventionCodes
Id: kap-ae-intervention
Title: "KAP adverse event intervention"
Description: "All codes of the code system kap-ae-intervention."
* insert Terminology
* include codes from system KapAeIntervention

CodeSystem: KapError
Id: kap-error
Title: "KAP API problem code"
Description: "Problem codes of the practice API; not used inside resources."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-error"
* #clearance-missing "No clearance on file"
* #clearance-expired "Clearance expired"
* #consent-missing "Consent missing"
* #assent-missing "Assent missing"
* #prescription-missing "Prescription missing"
* #dose-exceeds-maximum "Dose exceeds maximum"
* #interval-too-short "Interval too short"
* #inventory-insufficient "Inventory insufficient"
* #vitals-missing "Vitals missing"
* #hold-active "Hold active"
* #state-conflict "State conflict"
* #not-permitted "Not permitted"
* #version-conflict "Version conflict"

ValueSet: KapErrorCodes
Id: kap-error
Title: "KAP API problem code"
Description: "All codes of the code system kap-error."
* insert Terminology
* include codes from system KapError

// Codes of the domain model that no table of the reference lists: they name what the practice's records hold.

CodeSystem: KapPresenceMode
Id: kap-presence-mode
Title: "KAP therapist presence mode"
Description: "How the therapist is present in a session."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-presence-mode"
* #in-room "In the room"
* #video "By video"
* #audio "By audio"
* #chaperone-only "Chaperone in residence only" "The adult in the residence watches; no therapist is connected."

ValueSet: KapPresenceModeCodes
Id: kap-presence-mode
Title: "KAP therapist presence mode"
Description: "All codes of the code system kap-presence-mode."
* insert Terminology
* include codes from system KapPresenceMode

CodeSystem: KapConditionScope
Id: kap-condition-scope
Title: "KAP clearance condition scope"
Description: "How often a clearance condition must be met."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-condition-scope"
* #once "Once"
* #each-session "Before each session"

ValueSet: KapConditionScopeCodes
Id: kap-condition-scope
Title: "KAP clearance condition scope"
Description: "All codes of the code system kap-condition-scope."
* insert Terminology
* include codes from system KapConditionScope

CodeSystem: KapAeExpectedness
Id: kap-ae-expectedness
Title: "KAP adverse event expectedness"
Description: "Whether an adverse event was to be expected of the treatment."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-ae-expectedness"
* #expected "Expected"
* #unexpected "Unexpected"

ValueSet: KapAeExpectednessCodes
Id: kap-ae-expectedness
Title: "KAP adverse event expectedness"
Description: "All codes of the code system kap-ae-expectedness."
* insert Terminology
* include codes from system KapAeExpectedness

CodeSystem: KapRecordStatus
Id: kap-record-status
Title: "KAP record status"
Description: "Retraction of a record whose R4 resource has no status."
* insert LocalCodeSystem
* ^valueSet = "https://kap-interop.example.org/fhir/ValueSet/kap-record-status"
* #entered-in-error "Entered in error" "The record should not have existed; the Provenance says who took it back and why."

ValueSet: KapRecordStatusCodes
Id: kap-record-status
Title: "KAP record status"
Description: "All codes of the code system kap-record-status."
* insert Terminology
* include codes from system KapRecordStatus

ValueSet: KapIndicationCodes
Id: kap-indication
Title: "KAP indication"
Description: "Diagnoses for which KAP is considered; others are accepted. Codes only, no hierarchy."
* insert Terminology
* $sct#370143000 "Major depressive disorder (disorder)"
* $sct#66344007 "Recurrent major depression (disorder)"
* $sct#36474008 "Severe recurrent major depression without psychotic features (disorder)"
* $sct#28475009 "Severe recurrent major depression with psychotic features (disorder)"
* $sct#35489007 "Depressive disorder (disorder)"
* $sct#47505003 "Posttraumatic stress disorder (disorder)"
* $sct#313182004 "Chronic post-traumatic stress disorder (disorder)"
* $sct#443919007 "Complex posttraumatic stress disorder (disorder)"
* $sct#197480006 "Anxiety disorder (disorder)"
* $sct#21897009 "Generalized anxiety disorder (disorder)"
* $sct#191736004 "Obsessive-compulsive disorder (disorder)"
* $sct#13746004 "Bipolar disorder (disorder)"
* $sct#83225003 "Bipolar II disorder (disorder)"

ValueSet: KapAdverseEffectCodes
Id: kap-adverse-effect
Title: "KAP adverse effect"
Description: "Effects and adverse events seen with ketamine; others are accepted."
* insert Terminology
* $sct#404640003 "Dizziness (finding)"
* $sct#422587007 "Nausea (finding)"
* $sct#422400008 "Vomiting (disorder)"
* $sct#271782001 "Drowsy (finding)"
* $sct#17971005 "Sedated (finding)"
* $sct#130987000 "Acute confusion (finding)"
* $sct#48694002 "Anxiety (finding)"
* $sct#225624000 "Panic attack (finding)"
* $sct#20262006 "Ataxia (finding)"
* $sct#22631008 "Unsteady when walking (finding)"
* $sct#24982008 "Diplopia (disorder)"
* $sct#111516008 "Blurring of visual image (finding)"
* $sct#25064002 "Headache (finding)"
* $sct#7011001 "Hallucinations (finding)"
* $sct#419284004 "Altered mental status (finding)"
* $sct#24199005 "Feeling agitated (finding)"
* $sct#271951008 "Crying associated with mood (finding)"
* $sct#44077006 "Numbness (finding)"
* $sct#91019004 "Paresthesia (finding)"
* $sct#80313002 "Palpitations (finding)"
* $sct#53827007 "Excessive salivation (disorder)"
* $sct#271594007 "Syncope (disorder)"
* $sct#427461000 "Near syncope (disorder)"
* $sct#31515003 "Hypoventilation (finding)"
* $sct#389086002 "Hypoxia (disorder)"
* $sct#1912002 "Fall (event)"
* $sct#6471006 "Suicidal thoughts (finding)"
* $sct#82313006 "Suicide attempt (event)"
* $sct#55680006 "Drug overdose (disorder)"
* $sct#87715008 "Xerostomia (disorder)"
* $sct#79499004 "Depersonalization"
* $sct#1157237004 "Altered perception"

ValueSet: KapContraindicationConditionCodes
Id: kap-contraindication-condition
Title: "KAP contraindication or caution condition"
Description: "Conditions that the screening looks for; an editable policy, not a clinical rule."
* insert Terminology
* $sct#13746004 "Bipolar disorder (disorder)"
* $sct#83225003 "Bipolar II disorder (disorder)"
* $sct#231494001 "Mania (disorder)"
* $sct#231496004 "Hypomania (disorder)"
* $sct#58214004 "Schizophrenia (disorder)"
* $sct#69322001 "Psychotic disorder (disorder)"
* $sct#68890003 "Schizoaffective disorder (disorder)"
* $sct#161468000 "History of schizophrenia (situation)"
* $sct#44376007 "Dissociative disorder (disorder)"
* $sct#59621000 "Essential hypertension (disorder)"
* $sct#371622005 "Elevated blood pressure reading without diagnosis of hypertension (situation)"
* $sct#24184005 "Finding of increased blood pressure (finding)"
* $sct#3424008 "Tachycardia (finding)"
* $sct#128609009 "Intracranial aneurysm (disorder)"
* $sct#67362008 "Aortic aneurysm (disorder)"
* $sct#1386000 "Intracranial hemorrhage (disorder)"
* $sct#271719001 "Raised intracranial pressure (finding)"
* $sct#698247007 "Cardiac arrhythmia (disorder)"
* $sct#84114007 "Heart failure (disorder)"
* $sct#22298006 "Myocardial infarction (disorder)"
* $sct#23986001 "Glaucoma (disorder)"
* $sct#84757009 "Epilepsy (disorder)"
* $sct#91175000 "Seizure (finding)"
* $sct#34486009 "Hyperthyroidism (disorder)"
* $sct#38822007 "Cystitis (disorder)"
* $sct#73430006 "Sleep apnea (disorder)"
* $sct#77386006 "Pregnant (finding)"
* $sct#60001007 "Not pregnant (finding)"
* $sct#866041003 "Mother currently breastfeeding (situation)"
* $sct#26416006 "Drug abuse (disorder)"
* $sct#66214007 "Substance abuse (disorder)"
* $sct#191816009 "Drug dependence (disorder)"
* $sct#37344009 "Cannabis abuse (disorder)"
* $sct#15167005 "Alcohol abuse (disorder)"

ValueSet: KapRouteCodes
Id: kap-route
Title: "KAP route of administration"
Description: "Routes by which ketamine is given."
* insert Terminology
* $sct#26643006 "Oral route (qualifier value)"
* $sct#78421000 "Intramuscular route (qualifier value)"
* $sct#47625008 "Intravenous route (qualifier value)"
* $sct#46713006 "Nasal route (qualifier value)"
* $sct#37839007 "Sublingual route"

ValueSet: KapInstrumentCodes
Id: kap-instrument
Title: "KAP instruments"
Description: "Instruments by LOINC panel, or by local code where no panel is verified."
* insert Terminology
* $loinc#44249-1 "PHQ-9 quick depression assessment panel [Reported.PHQ]"
* $loinc#69737-5 "Generalized anxiety disorder 7 item (GAD-7)"
* $loinc#75626-2 "Total score [AUDIT-C]"
* $loinc#82667-7 "Total score [DAST-10]"
* $loinc#89206-7 "PHQ-9 Modified for Teens panel"
* $loinc#101697-1 "Post traumatic stress disorder checklist - civilian version DSM-5 [PCL-5] panel"
* $loinc#93245-9 "C-SSRS lifetime/recent panel"
* $loinc#93373-9 "C-SSRS screener - recent panel"
* include codes from system KapInstrument

ValueSet: KapDocumentTypeCodes
Id: kap-document-type
Title: "KAP document type"
Description: "Kinds of document that the service publishes (referral packet, clearance, session summaries, course summary)."
* insert Terminology
* $loinc#57143-0 "Mental health Referral note"
* $loinc#57157-0 "Psychiatry Referral note"
* $loinc#34788-0 "Psychiatry Consult note"
* $loinc#34785-6 "Mental health Consult note"
* $loinc#78472-8 "Mental Health Procedure Note"
* $loinc#28570-0 "Provider-unspecified Procedure note"
* $loinc#34904-3 "Mental health Progress note"
* $loinc#28627-8 "Psychiatry Progress note"
* $loinc#68646-9 "Child and adolescent psychiatry Progress note"
* $loinc#34133-9 "Summary of episode note"
* $loinc#78263-1 "Mental Health Discharge Summary Note"
* $loinc#57133-1 "Referral note"

ValueSet: KapVitalSignCodes
Id: kap-vital-sign
Title: "KAP vital sign"
Description: "Vital signs that are measured around dosing."
* insert Terminology
* $loinc#85354-9 "Blood pressure panel with all children optional"
* $loinc#8867-4 "Heart rate"
* $loinc#9279-1 "Respiratory rate"
* $loinc#59408-5 "Oxygen saturation in Arterial blood by Pulse oximetry"
* $loinc#2708-6 "Oxygen saturation in Arterial blood"
* $loinc#8310-5 "Body temperature"
* $loinc#29463-7 "Body weight"

ValueSet: KapEncounterClassCodes
Id: kap-encounter-class
Title: "KAP encounter class"
Description: "Ambulatory, virtual or home health."
* insert Terminology
* $v3-ActCode#AMB
* $v3-ActCode#VR
* $v3-ActCode#HH

ValueSet: KapReferralTaskStatusCodes
Id: kap-referral-task-status
Title: "KAP referral task status"
Description: "The Task statuses that the referral workflow uses; received and ready are not among them."
* insert Terminology
* $task-status#requested
* $task-status#accepted
* $task-status#rejected
* $task-status#in-progress
* $task-status#on-hold
* $task-status#completed
* $task-status#cancelled
* $task-status#failed
* $task-status#entered-in-error

ValueSet: KapDetectedIssueStatusCodes
Id: kap-detected-issue-status
Title: "KAP detected issue status"
Description: "preliminary: open; final: adjudicated. R4 has no code mitigated."
* insert Terminology
* $observation-status#preliminary
* $observation-status#final
* $observation-status#entered-in-error

ValueSet: KapAdministrationStatusCodes
Id: kap-administration-status
Title: "KAP administration status"
Description: "States of a dose."
* insert Terminology
* $med-admin-status#completed
* $med-admin-status#stopped
* $med-admin-status#not-done
* $med-admin-status#on-hold
* $med-admin-status#in-progress
* $med-admin-status#entered-in-error

ValueSet: KapFillTypeCodes
Id: kap-fill-type
Title: "KAP fill type"
Description: "First fill, refill and first fill in part."
* insert Terminology
* $v3-ActCode#FFC
* $v3-ActCode#RFC
* $v3-ActCode#FFP

ValueSet: KapCommunicationCategoryCodes
Id: kap-communication-category
Title: "KAP communication category"
Description: "Alert, notification or reminder."
* insert Terminology
* $communication-category#alert
* $communication-category#notification
* $communication-category#reminder

ValueSet: KapPrescriptionCategoryCodes
Id: kap-prescription-category
Title: "KAP prescription category"
Description: "Where the medicine is taken."
* insert Terminology
* $medicationrequest-category#community
* $medicationrequest-category#outpatient
