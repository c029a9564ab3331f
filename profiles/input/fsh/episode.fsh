// The episode: one person's journey through the stages.

Profile: KapEpisodeOfCare
Parent: EpisodeOfCare
Id: kap-episode-of-care
Title: "KAP episode"
Description: "A ketamine-assisted psychotherapy episode. The exact phase is an extension; the status is its coarse image."
* insert KapDefinition
* extension contains
    KapEpisodePhaseExtension named phase 1..1 MS and
    KapPhaseHistoryExtension named phaseHistory 0..* MS
* identifier 1..* MS
* identifier.system 1..1
* identifier.value 1..1
* status MS
* statusHistory MS
* type 1..* MS
* insert CodingSlice(type, kap, 0..1, "https://kap-interop.example.org/fhir/CodeSystem/kap-episode-type", KapEpisodeTypeCodes)
* diagnosis MS
* diagnosis.condition MS
* diagnosis.condition only Reference(Condition)
* patient MS
* managingOrganization 1..1 MS
* period 1..1 MS
* period.start 1..1
* referralRequest MS
* careManager 1..1 MS
* team 0..1 MS
* obeys kap-episode-type and kap-episode-end and kap-episode-status

Invariant: kap-episode-type
Description: "A type says that this is a KAP episode."
Severity: #error
Expression: "type.coding.where(system = 'https://kap-interop.example.org/fhir/CodeSystem/kap-episode-type').exists()"

Invariant: kap-episode-end
Description: "A finished or cancelled episode has an end."
Severity: #error
Expression: "(status = 'finished' or status = 'cancelled') implies period.end.exists()"

Invariant: kap-episode-status
Description: "The status is the image of the phase: planned, waitlist, active, onhold, finished or cancelled as the domain reference maps them."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-episode-phase').value.coding.where(system = 'https://kap-interop.example.org/fhir/CodeSystem/kap-episode-phase').code.all((($this = 'referred' or $this = 'consultation' or $this = 'evaluation-requested') and %resource.status = 'planned') or ($this = 'deferred' and %resource.status = 'waitlist') or (($this = 'cleared' or $this = 'cleared-with-conditions' or $this = 'preparation' or $this = 'dosing-active' or $this = 'maintenance') and %resource.status = 'active') or ($this = 'dosing-hold' and %resource.status = 'onhold') or ($this = 'completed' and %resource.status = 'finished') or (($this = 'discontinued' or $this = 'withdrawn') and (%resource.status = 'finished' or %resource.status = 'cancelled')) or ($this = 'not-cleared' and %resource.status = 'cancelled') or ($this = 'entered-in-error' and %resource.status = 'entered-in-error'))"
