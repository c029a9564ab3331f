// Integration: psychotherapy as a fact, shared goals, the plan. Never the content of the talk.

Profile: KapProcedure
Parent: Procedure
Id: kap-procedure
Title: "KAP psychotherapy"
Description: "That psychotherapy took place: when, with whom. Notes have no place here."
* insert KapDefinition
* insert EpisodeLink
* status MS
* code 1..1 MS
* code = $sct#75516001
* subject only Reference(Patient)
* subject MS
* encounter 1..1 MS
* performed[x] MS
* performer MS
* reasonReference MS
* note 0..0
* obeys kap-procedure-performed

Invariant: kap-procedure-performed
Description: "A completed or running procedure says when it was performed."
Severity: #error
Expression: "(status = 'completed' or status = 'in-progress') implies performed.exists()"

Profile: KapGoal
Parent: Goal
Id: kap-goal
Title: "KAP shared goal"
Description: "A goal or intention that the patient shares. Raw intentions stay in the practice."
* insert KapDefinition
* insert EpisodeLink
* lifecycleStatus MS
* achievementStatus MS
* category MS
* description MS
* description.text 1..1 MS
* subject only Reference(Patient)
* subject MS
* statusDate MS
* target MS
* target.measure MS
* target.detail[x] MS
* target.due[x] MS
* expressedBy MS

Profile: KapCarePlan
Parent: CarePlan
Id: kap-careplan
Title: "KAP treatment plan"
Description: "The plan of the course. Its numbers are targets, never gates."
* insert KapDefinition
* insert EpisodeLink
* text 1..1 MS
* status MS
* intent MS
* category 1..* MS
* category ^slicing.discriminator.type = #pattern
* category ^slicing.discriminator.path = "$this"
* category ^slicing.rules = #open
* category contains assessPlan 1..1 MS
* category[assessPlan] = $us-careplan-category#assess-plan
* subject only Reference(Patient)
* subject MS
* period MS
* careTeam MS
* addresses MS
* goal MS
* activity MS
* activity.reference MS
