// Documents: summaries that leave the practice, and where each change came from.

Profile: KapComposition
Parent: Composition
Id: kap-composition
Title: "KAP document"
Description: "A referral packet, clearance letter, dosing summary, integration summary, follow-up or course summary. Every section can be read alone."
* insert KapDefinition
* insert EpisodeLink
* identifier MS
* status MS
* type from KapDocumentTypeCodes (extensible)
* type MS
* category MS
* subject 1..1 MS
* subject only Reference(Patient)
* encounter MS
* date MS
* author MS
* title MS
* confidentiality 1..1 MS
* attester MS
* custodian 1..1 MS
* relatesTo MS
* event MS
* section 1..* MS
* section.title 1..1 MS
* section.code 1..1 MS
* section.text 1..1 MS
* section.entry MS
* section.emptyReason MS

Profile: KapDocumentReference
Parent: DocumentReference
Id: kap-document-reference
Title: "KAP document reference"
Description: "Where a document is found: its kind, date, author and content. Psychotherapy notes have none."
* insert KapDefinition
* insert EpisodeLink
* status MS
* docStatus MS
* type 1..1 MS
* category 1..* MS
* subject 1..1 MS
* subject only Reference(Patient)
* date 1..1 MS
* author 1..* MS
* custodian MS
* relatesTo MS
* securityLabel MS
* content MS
* content.attachment MS
* content.attachment.contentType 1..1 MS
* content.attachment.hash MS
* context MS
* context.encounter MS
* context.period MS
* obeys kap-document-content

Invariant: kap-document-content
Description: "Each content is there or can be fetched."
Severity: #error
Expression: "content.attachment.all(url.exists() or data.exists())"

Profile: KapProvenance
Parent: Provenance
Id: kap-provenance
Title: "KAP provenance"
Description: "Who made and who transmitted a record that crossed the boundary."
* insert KapDefinition
* target MS
* recorded MS
* reason MS
* agent MS
* agent ^slicing.discriminator.type = #pattern
* agent ^slicing.discriminator.path = "type"
* agent ^slicing.rules = #open
* agent contains author 1..* MS and transmitter 0..1 MS
* agent[author].type 1..1
* agent[author].type = $provenance-participant#author
* agent[author].who MS
* agent[author].onBehalfOf MS
* agent[transmitter].type 1..1
* agent[transmitter].type = $us-provenance-participant#transmitter
* agent[transmitter].who MS
* entity MS
