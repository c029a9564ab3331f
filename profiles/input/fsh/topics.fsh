// Subscription topics: R5 SubscriptionTopic written as R4 Basic, with the cross-version extensions of the
// Subscriptions R5 Backport guide. The canonical that a Subscription names is the value of its url extension.

RuleSet: Topic(name, title)
* code = http://hl7.org/fhir/fhir-types#SubscriptionTopic
* extension[0].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.url"
* extension[0].valueUri = "https://kap-interop.example.org/fhir/SubscriptionTopic/{name}"
* extension[1].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.version"
* extension[1].valueString = "0.1.0"
* extension[2].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.title"
* extension[2].valueString = {title}
* extension[3].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.status"
* extension[3].valueCode = #draft

Instance: kap-referral-task-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP referral task"
* insert Topic(kap-referral-task, "KAP referral task")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A referral task was created or its status changed. Priority: normal."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A referral task was created or its status changed."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "owner"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "requester"
* extension[8].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[8].extension[0].url = "resource"
* extension[8].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[8].extension[1].url = "filterParameter"
* extension[8].extension[1].valueString = "status"
* extension[9].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[9].extension[0].url = "resource"
* extension[9].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[9].extension[1].url = "filterParameter"
* extension[9].extension[1].valueString = "patient"

Instance: kap-clearance-decision-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP clearance decision"
* insert Topic(kap-clearance-decision, "KAP clearance decision")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A clearance was issued, superseded or revoked, or has expired. Priority: high."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A clearance was issued, superseded or revoked, or has expired."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/ClinicalImpression"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/ClinicalImpression"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/ClinicalImpression"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "decision"

Instance: kap-prescription-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP prescription"
* insert Topic(kap-prescription, "KAP prescription")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A prescription was created, changed or stopped. Priority: normal."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A prescription was created, changed or stopped."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/MedicationRequest"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/MedicationRequest"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/MedicationRequest"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "intended-performer"

Instance: kap-dispense-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP dispense"
* insert Topic(kap-dispense, "KAP dispense")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A supply was shipped, delivered or cancelled. Priority: normal."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A supply was shipped, delivered or cancelled."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/MedicationDispense"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/MedicationDispense"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"

Instance: kap-dosing-session-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP dosing session"
* insert Topic(kap-dosing-session, "KAP dosing session")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A dosing session was planned, started, held or completed. Priority: normal."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A dosing session was planned, started, held or completed."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/Encounter"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Encounter"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Encounter"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "status"
* extension[8].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[8].extension[0].url = "resource"
* extension[8].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Encounter"
* extension[8].extension[1].url = "filterParameter"
* extension[8].extension[1].valueString = "practitioner"

Instance: kap-safety-alert-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP safety alert"
* insert Topic(kap-safety-alert, "KAP safety alert")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "An adverse event of moderate severity or more, positive suicidality, a dose given at a blood pressure over the limit, a dose over the maximum, an emergency. Priority: alert."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "An adverse event of moderate severity or more was recorded."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/AdverseEvent"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[6].extension[0].url = "description"
* extension[6].extension[0].valueMarkdown = "A safety rule found something that must be seen at once."
* extension[6].extension[1].url = "resource"
* extension[6].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/DetectedIssue"
* extension[6].extension[2].url = "supportedInteraction"
* extension[6].extension[2].valueCode = #create
* extension[6].extension[3].url = "supportedInteraction"
* extension[6].extension[3].valueCode = #update
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/AdverseEvent"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "subject"
* extension[8].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[8].extension[0].url = "resource"
* extension[8].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/AdverseEvent"
* extension[8].extension[1].url = "filterParameter"
* extension[8].extension[1].valueString = "severity"
* extension[9].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[9].extension[0].url = "resource"
* extension[9].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/DetectedIssue"
* extension[9].extension[1].url = "filterParameter"
* extension[9].extension[1].valueString = "patient"
* extension[10].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[10].extension[0].url = "resource"
* extension[10].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/DetectedIssue"
* extension[10].extension[1].url = "filterParameter"
* extension[10].extension[1].valueString = "severity"
* extension[11].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[11].extension[0].url = "resource"
* extension[11].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/DetectedIssue"
* extension[11].extension[1].url = "filterParameter"
* extension[11].extension[1].valueString = "rule"

Instance: kap-followup-due-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP follow-up due"
* insert Topic(kap-followup-due, "KAP follow-up due")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A follow-up is due soon or overdue. Priority: normal."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A follow-up is due soon or overdue."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Task"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "code"

Instance: kap-consent-changed-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP consent changed"
* insert Topic(kap-consent-changed, "KAP consent changed")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "An agreement was activated or revoked, or has expired. Priority: high."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "An agreement was activated or revoked, or has expired."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/Consent"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Consent"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/Consent"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "consent-kind"

Instance: kap-document-available-topic
InstanceOf: Basic
Usage: #definition
Title: "KAP document available"
* insert Topic(kap-document-available, "KAP document available")
* extension[4].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.description"
* extension[4].valueMarkdown = "A document was published or replaced. Priority: normal."
* extension[5].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
* extension[5].extension[0].url = "description"
* extension[5].extension[0].valueMarkdown = "A document was published or replaced."
* extension[5].extension[1].url = "resource"
* extension[5].extension[1].valueUri = "http://hl7.org/fhir/StructureDefinition/DocumentReference"
* extension[5].extension[2].url = "supportedInteraction"
* extension[5].extension[2].valueCode = #create
* extension[5].extension[3].url = "supportedInteraction"
* extension[5].extension[3].valueCode = #update
* extension[6].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[6].extension[0].url = "resource"
* extension[6].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/DocumentReference"
* extension[6].extension[1].url = "filterParameter"
* extension[6].extension[1].valueString = "patient"
* extension[7].url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.canFilterBy"
* extension[7].extension[0].url = "resource"
* extension[7].extension[0].valueUri = "http://hl7.org/fhir/StructureDefinition/DocumentReference"
* extension[7].extension[1].url = "filterParameter"
* extension[7].extension[1].valueString = "type"
