// Consent: one resource per agreement.

Profile: KapTreatmentConsent
Parent: Consent
Id: kap-treatment-consent
Title: "KAP treatment consent"
Description: "An agreement to treatment, telehealth, recording or touch, or a minor's assent and the guardian's consent. Draft is draft; active is active; revoked and expired are inactive; not obtained is proposed or rejected."
* insert KapDefinition
* insert EpisodeLink
* extension contains
    KapConsentKindExtension named kind 1..1 MS and
    KapConsentTopicExtension named topic 0..* MS
* status MS
* scope = $consentscope#treatment
* scope MS
* category MS
* patient 1..1 MS
* dateTime MS
* performer MS
* organization MS
* source[x] MS
* policyRule MS
* provision MS
* provision.provision 0..0
* obeys kap-consent-signed

Invariant: kap-consent-signed
Description: "An active agreement says when it was given and by whom."
Severity: #error
Expression: "status = 'active' implies (dateTime.exists() and performer.exists())"

Profile: KapPrivacyConsent
Parent: Consent
Id: kap-privacy-consent
Title: "KAP privacy consent"
Description: "Who may see what. The shape is that of IHE PCF Consent Advanced: a root rule, one level of nested provisions that permit or deny by recipient, purpose and label, no verification, and no action, class or code in a provision. Never list the label R in a permit: list N and the specific sensitivities."
* insert KapDefinition
* insert EpisodeLink
* extension contains KapConsentKindExtension named kind 0..1 MS
* status MS
* scope = $consentscope#patient-privacy
* scope MS
* category MS
* patient 1..1 MS
* dateTime 1..1 MS
* performer 1..* MS
* organization 1..* MS
* source[x] MS
* policy 1..* MS
* policy.uri 1..1 MS
* verification 0..0
* provision 1..1 MS
* provision.type 1..1 MS
* provision.period MS
* provision.action 0..0
* provision.class 0..0
* provision.code 0..0
* provision.provision MS
* provision.provision.type 1..1 MS
* provision.provision.actor MS
* provision.provision.action 0..0
* provision.provision.class 0..0
* provision.provision.code 0..0
* provision.provision.securityLabel MS
* provision.provision.purpose MS
* provision.provision.provision 0..0
* obeys kap-consent-permit-r and kap-consent-deny

Invariant: kap-consent-permit-r
Description: "A permit never lists the label R: where labels are alternatives it would release everything."
Severity: #error
Expression: "provision.provision.where(type = 'permit').securityLabel.where(system = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality' and code = 'R').empty()"

Invariant: kap-consent-deny
Description: "A nested provision says whom or what it is about."
Severity: #error
Expression: "provision.provision.all(actor.exists() or purpose.exists() or securityLabel.exists() or data.exists() or period.exists() or dataPeriod.exists())"
