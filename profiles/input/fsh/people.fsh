// People beside the patient. Patient, Practitioner, PractitionerRole and Organization follow US Core alone.

Profile: KapCareTeam
Parent: CareTeam
Id: kap-careteam
Title: "KAP care team"
Description: "Who takes part in the episode, and as what."
* insert KapDefinition
* insert EpisodeLink
* status MS
* subject 1..1 MS
* subject only Reference(Patient)
* participant 1..* MS
* participant.role 1..* MS
* participant.member 1..1 MS
* managingOrganization MS

Profile: KapRelatedPerson
Parent: RelatedPerson
Id: kap-related-person
Title: "KAP related person"
Description: "A guardian, chaperone, escort or other person beside the patient."
* insert KapDefinition
* extension contains
    KapRelatedPersonRoleExtension named role 0..* MS and
    KapLegalAuthorityExtension named legalAuthority 0..1 MS
* active 1..1 MS
* patient MS
* relationship 1..* MS
* name 1..* MS
* telecom MS
* obeys kap-guardian-authority

Invariant: kap-guardian-authority
Description: "A guardian's authority has a basis."
Severity: #error
Expression: "extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-related-person-role' and value = 'guardian').exists() implies extension.where(url = 'https://kap-interop.example.org/fhir/StructureDefinition/kap-legal-authority').exists()"
