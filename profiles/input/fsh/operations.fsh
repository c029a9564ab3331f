// Operations beyond the base specification.

Instance: EpisodeOfCare-everything
InstanceOf: OperationDefinition
Usage: #definition
* url = "https://kap-interop.example.org/fhir/OperationDefinition/EpisodeOfCare-everything"
* version = "0.1.0"
* name = "EpisodeOfCareEverything"
* title = "Everything about an episode"
* status = #draft
* experimental = true
* publisher = "KAP interoperability project"
* kind = #operation
* affectsState = false
* description = "The resources of an episode, those of its patient that hang off no episode, and the directory entries that they name, as far as the caller sees them; page by page."
* code = #everything
* resource[0] = #EpisodeOfCare
* system = false
* type = false
* instance = true
* insert Parameter(0, start, 0, date, "What happened on that date or later; what tells no date stays.")
* insert Parameter(1, end, 0, date, "What happened on that date or earlier.")
* insert Parameter(2, _since, 0, instant, "What was written\, or opened to the caller\, since then.")
* insert Parameter(3, _count, 0, integer, "Resources per page.")
* parameter[4].name = #_type
* parameter[4].use = #in
* parameter[4].min = 0
* parameter[4].max = "*"
* parameter[4].documentation = "These types alone."
* parameter[4].type = #code
* parameter[5].name = #return
* parameter[5].use = #out
* parameter[5].min = 1
* parameter[5].max = "1"
* parameter[5].documentation = "A searchset: the episode's records as matches, the directory entries as included ones."
* parameter[5].type = #Bundle

RuleSet: Parameter(n, name, min, type, documentation)
* parameter[{n}].name = #{name}
* parameter[{n}].use = #in
* parameter[{n}].min = {min}
* parameter[{n}].max = "1"
* parameter[{n}].documentation = {documentation}
* parameter[{n}].type = #{type}
