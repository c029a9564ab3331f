// Rules that several stages share.

RuleSet: KapDefinition
* ^experimental = true
* ^publisher = "KAP interoperability project"

// Every clinical resource without a native link says to which episode it belongs.
RuleSet: EpisodeLink
* extension contains $workflow-episodeOfCare named episodeOfCare 0..1 MS
* extension[episodeOfCare] ^short = "Episode to which the record belongs"

// One coding of a concept comes from a system of the project; codings of other systems stand beside it.
RuleSet: CodingSlice(element, slice, card, system, valueSet)
* {element}.coding ^slicing.discriminator.type = #value
* {element}.coding ^slicing.discriminator.path = "system"
* {element}.coding ^slicing.rules = #open
* {element}.coding contains {slice} {card} MS
* {element}.coding[{slice}].system 1..1
* {element}.coding[{slice}].system = {system}
* {element}.coding[{slice}].code 1..1
* {element}.coding[{slice}] from {valueSet} (required)

RuleSet: TwoIdentifiers
* identifier MS
* identifier ^slicing.discriminator.type = #pattern
* identifier ^slicing.discriminator.path = "type"
* identifier ^slicing.rules = #open
* identifier contains placer 0..1 MS and filler 0..1 MS
* identifier[placer] ^short = "The practice's number"
* identifier[placer].type 1..1
* identifier[placer].type = $v2-0203#PLAC
* identifier[placer].system 1..1
* identifier[placer].value 1..1
* identifier[filler] ^short = "The partner's number"
* identifier[filler].type 1..1
* identifier[filler].type = $v2-0203#FILL
* identifier[filler].system 1..1
* identifier[filler].value 1..1
