// Safety: adverse events, holds and warnings.

Profile: KapAdverseEvent
Parent: AdverseEvent
Id: kap-adverse-event
Title: "KAP adverse event"
Description: "An event that harmed, or could have harmed, the patient. An expected mild effect is an Observation. An event between two sessions has no encounter."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapAeAssociatedEventExtension named associatedEvent 0..* MS and
    KapAeInterventionExtension named intervention 0..* MS and
    KapAeExpectednessExtension named expectedness 0..1 MS and
    KapAeAlertExtension named alert 0..1 MS and
    KapRecordStatusExtension named recordStatus 0..1 MS
* identifier MS
* actuality MS
* event 1..1 MS
* event from KapAdverseEffectCodes (extensible)
* subject only Reference(Patient)
* subject MS
* encounter MS
* date 1..1 MS
* detected MS
* recordedDate MS
* resultingCondition MS
* seriousness 1..1 MS
* severity 1..1 MS
* outcome 1..1 MS
* recorder 1..1 MS
* suspectEntity MS
* suspectEntity.instance MS
* suspectEntity.causality MS
* suspectEntity.causality.assessment MS

Profile: KapFlag
Parent: Flag
Id: kap-flag
Title: "KAP hold or warning"
Description: "A hold or a warning, active until it is released."
* insert KapDefinition
* insert EpisodeLink
* status MS
* category 1..* MS
* code MS
* code.text 1..1 MS
* subject only Reference(Patient)
* subject MS
* period MS
* encounter MS
* author MS
* obeys kap-flag-released

Invariant: kap-flag-released
Description: "A flag that is inactive says when it was released."
Severity: #error
Expression: "status = 'inactive' implies period.end.exists()"
