"""Plays a whole episode through the client that openapi-python-client makes of openapi.yaml: a person comes to the practice, is
referred, cleared, supplied, prepared, dosed at home, integrated and followed up, by practice, partner and pharmacy, each with its
own token. The generated models are all that it knows of the API."""

import datetime
import sys
import uuid
from zoneinfo import ZoneInfo

from kap_client import models as m
from kap_client.types import UNSET

from party import Party, check, end, given, record

BASE, ACCOUNTS = sys.argv[1:3]
ZONE = ZoneInfo("America/Los_Angeles")
TODAY = datetime.datetime.now(ZONE).date()
RUN = uuid.uuid4().hex[:12]

practice = Party(BASE, ACCOUNTS, "demo-practice")
partner = Party(BASE, ACCOUNTS, "demo-partner")
pharmacy = Party(BASE, ACCOUNTS, "demo-pharmacy")
ehr = Party(BASE, ACCOUNTS, "demo-ehr")


def day(ago):
    return TODAY - datetime.timedelta(days=ago)


def at(ago, clock):
    """A time of the day `ago` days before today, where the practice is."""
    return datetime.datetime.combine(day(ago), datetime.time.fromisoformat(clock), ZONE)


def ucum(value, unit):
    return m.Quantity(value=value, unit=unit, system="http://unitsofmeasure.org", code=unit)


SNOMED = "http://snomed.info/sct"
SUBLINGUAL = m.Coding(system=SNOMED, code="37839007", display="Sublingual route")
PHQ9 = m.Coding(system="http://loinc.org", code="44261-6", display="Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]")


class Story:
    """The ids that the service gave, as the play learns them."""

    def open(self):
        listed = practice.read("list_organizations", expect=m.OrganizationList).items
        kinds = {o.type_: o.id for o in listed}
        self.partner_org = kinds[m.OrganizationType.REMOTE_PRESCRIBING_PARTNER]
        self.pharmacy_org = kinds[m.OrganizationType.COMPOUNDING_PHARMACY]
        practice_org = kinds[m.OrganizationType.PSYCHOTHERAPY_PRACTICE]
        alone = practice.read("list_organizations", type_=m.OrganizationType.COMPOUNDING_PHARMACY, expect=m.OrganizationList).items
        check("the filter by type", [o.id for o in alone] == [self.pharmacy_org], alone)
        body = m.OpenEpisode(
            at=at(40, "10:00"), by="patient", reason="self-referral via web form", synthetic=True, partner_id=self.partner_org,
            pharmacy_id=self.pharmacy_org,
            patient=m.Patient(
                identifiers=[m.Identifier(type_="MR", system="https://practice.example.org/mrn", value=f"SYN-{RUN}")],
                name=m.PersonName(family="Sampleperson", given=["Kim"]), birth_date=datetime.date(1979, 2, 28),
                administrative_gender=m.Gender.MALE, birth_sex="M", preferred_language="en",
                telecom=[m.Telecom(system=m.TelecomSystem.PHONE, value="+1-555-0177", use=m.TelecomUse.MOBILE)],
                address=m.Address(line=["7 Sample Way"], city="Exampleville", state="OR", postal_code="97000", country="US")),
            care_team=[
                m.Member(id="robin", name="Robin Sampleton, LCSW", role=m.MemberRole.LEAD_THERAPIST, organization_id=practice_org,
                         npi="9000000114"),
                m.Member(id="casey", name="Casey Exampleton, PMHNP", role=m.MemberRole.PRESCRIBER, organization_id=self.partner_org,
                         npi="9000000122")],
            related_persons=[m.RelatedPerson(
                id="ari", name=m.PersonName(family="Sampleperson", given=["Ari"]), is_adult=True,
                relationship=[m.Coding(system="http://terminology.hl7.org/CodeSystem/v3-RoleCode", code="SPS", display="spouse")],
                kap_roles=[m.RelatedRole.CHAPERONE, m.RelatedRole.EMERGENCY_CONTACT],
                telecom=[m.Telecom(system=m.TelecomSystem.PHONE, value="+1-555-0178")])])
        key = str(uuid.uuid4())
        opened = practice.does("open_episode", body=body, key=key)
        self.episode = opened.episode_id
        names = opened.names.additional_properties
        check("local names are told their ids", set(names) == {"robin", "casey", "ari"}, names)
        self.lead, self.prescriber, self.chaperone = names["robin"], names["casey"], names["ari"]
        check("an episode begins as referred", opened.phase == m.Phase.REFERRED and opened.version == 1, opened)
        again = practice.call("open_episode", body=body, idempotency_key=key, expect=m.Answer, status=201)
        check("a repeat does nothing twice", again.headers.get("idempotency-replayed") == "true" and again.parsed == opened, again)
        practice.refused("open_episode", body=m.OpenEpisode(by="patient", patient=body.patient, partner_id="other"), key=key, status=422,
                         code="idempotency-key-reused")
        seen = practice.read("read_episode", self.episode, expect=m.Episode)
        self.patient = seen.patient.id
        check("the patient as sent", seen.patient.name == body.patient.name and seen.patient.birth_date == body.patient.birth_date, seen.patient)
        check("the organizations of the directory", seen.organizations.partner.id == self.partner_org, seen.organizations)

    def consult(self):
        e = self.episode
        begun = practice.does("start_consultation", e, body=m.Step(at=at(38, "09:00"), by=self.lead), status=200)
        check("the consultation moves the phase", begun.phase == m.Phase.CONSULTATION, begun)
        problem = m.Problem(
            category=m.ProblemCategory.PROBLEM_LIST_ITEM, clinical_status=m.ClinicalStatus.ACTIVE, kap_indication=True, onset="2019-05",
            verification_status=m.VerificationStatus.CONFIRMED, recorded_by=self.lead,
            codings=[m.Coding(system="http://hl7.org/fhir/sid/icd-10-cm", code="F33.2",
                              display="Major depressive disorder, recurrent severe without psychotic features")],
            treatment_resistance=m.TreatmentResistance(is_treatment_resistant=True, adequate_trials_failed=3, trials=["sertraline 200 mg/d, 14 weeks"]))
        added = practice.does("add_problem", e, body=problem)
        self.problem = added.id
        check("the problem reads as sent", record(added, m.Problem).codings == problem.codings, added.record)
        practice.does("add_allergy", e, body=m.Allergy(text="No known drug allergies", no_known=True, asserted_at=day(38)))
        medicine = practice.does("add_medication", e, body=m.HomeMedicine(
            text="lorazepam 0.5 mg oral as needed", status="active", class_="benzodiazepine", kap_instruction="hold", hold_before_hours=24,
            coding=m.Coding(system="http://www.nlm.nih.gov/research/umls/rxnorm", code="6470", display="lorazepam")))
        flags = {f.rule_id: f for f in medicine.flags}
        check("a benzodiazepine is flagged", "KAP-RULE-BENZO" in flags and medicine.id in flags["KAP-RULE-BENZO"].implicated, medicine.flags)
        self.issue = flags["KAP-RULE-BENZO"].id
        form = practice.does("add_screening", e, body=m.Screening(
            instrument="KAP-SCREEN", questionnaire="https://kap-interop.example.org/fhir/Questionnaire/kap-screening|1.0.0",
            authored=at(38, "09:20"), author=self.patient, status="completed",
            items=[m.ScreeningItem(link_id="benzo", text="Currently taking benzodiazepines?", answer=True, detail="lorazepam, twice a week"),
                   m.ScreeningItem(link_id="pregnancy", text="Pregnant or planning pregnancy?", answer=False)]))
        items = {i.link_id: i.answer for i in record(form, m.Screening).items}
        check("answers keep their kind", items == {"benzo": True, "pregnancy": False}, items)
        score = practice.does("add_screening", e, body=m.Screening(
            instrument="PHQ-9", score_coding=PHQ9, at=at(38, "09:30"), score=21, range_=m.ScoreRange(min_=0, max_=27), timing="baseline",
            reported_by="patient", item9=0))
        asked = practice.does("add_screening", e, body=m.Screening(
            instrument="C-SSRS-SCREEN", questionnaire="https://kap-interop.example.org/fhir/Questionnaire/cssrs-screen|1.0.0",
            authored=at(38, "09:40"), author=self.lead, status="completed", risk_level="low",
            items=[m.ScreeningItem(link_id=code, answer=m.Coding(system="http://loinc.org", code="LA32-8", display="No"))
                   for code in ("/93246-7", "/93247-5", "/93267-3")]))
        triage = record(asked, m.Screening)
        check("the triage is kept", triage.risk_level == "low" and triage.items[0].answer.code == "LA32-8", triage)
        self.screenings = [form.id, score.id, asked.id]
        met = practice.does("plan_session", e, body=m.PlanSession(
            type_=m.SessionType.CONSULTATION, start=at(38, "09:00"), setting=m.Setting.REMOTE, encounter_class=m.EncounterClass.VR, lead_id=self.lead))
        practice.does("start_session", e, met.id, body=m.StartSession(at=at(38, "09:00"), by=self.lead), status=200)
        done = practice.does("complete_session", e, met.id, status=200, body=m.CompleteSession(
            at=at(38, "09:50"), by=self.lead, clinical_summary="Initial consultation; appropriate to proceed."))
        check("the session is completed", record(done, m.Session).status == m.SessionStatus.COMPLETED, done.record)

    def agree(self):
        e, signer = self.episode, [m.Signer(type_=m.SignerType.PATIENT, id=self.patient)]
        practice.does("add_consent", e, body=m.Consent(
            kind=m.ConsentKind.TELEHEALTH_CONSENT, status=m.ConsentStatus.ACTIVE, signed_at=at(38, "09:05"), signers=signer))
        rules = [m.PrivacyRule(type_=m.RuleType.PERMIT, recipients=[self.partner_org], purposes=["TREAT", "COC"], security_labels=["N", "PSY"]),
                 m.PrivacyRule(type_=m.RuleType.PERMIT, recipients=[self.pharmacy_org], purposes=["TREAT"], security_labels=["N", "PSY"],
                               data_classes=["prescription", "allergies", "shipping"])]
        privacy = practice.does("add_consent", e, body=m.Consent(
            kind=m.ConsentKind.PRIVACY_DISCLOSURE, status=m.ConsentStatus.ACTIVE, signed_at=at(37, "09:00"), signers=signer, root=m.RuleType.DENY,
            policy_uri="https://kap-interop.example.org/policy/practice-privacy/2026-01", period=m.DayPeriod(start=day(37)), exceptions=rules))
        check("the rules of the consent", record(privacy, m.Consent).exceptions[1].data_classes == ["prescription", "allergies", "shipping"], privacy)
        recording = practice.does("add_consent", e, body=m.Consent(
            kind=m.ConsentKind.RECORDING_CONSENT, status=m.ConsentStatus.ACTIVE, signed_at=at(37, "09:01"), signers=signer))
        back = practice.does("revoke_consent", e, recording.id, status=200, body=m.Step(at=at(36, "09:00"), by="patient", reason="changed my mind"))
        check("a consent is taken back", record(back, m.Consent).status == m.ConsentStatus.REVOKED, back.record)

    def refer(self):
        e = self.episode
        sent = practice.does("send_referral", e, body=m.SendReferral(
            at=at(37, "09:12"), requester_id=self.lead, reason_condition_ids=[self.problem], supporting_info_ids=self.screenings,
            service=m.Coding(system="https://kap-interop.example.org/fhir/CodeSystem/kap-service", code="medical-evaluation"),
            priority=m.Priority.ROUTINE, desired_setting=m.Setting.REMOTE_HOME, desired_route=m.Route.SUBLINGUAL))
        check("a referral asks for the evaluation", sent.phase == m.Phase.EVALUATION_REQUESTED, sent)
        mine = partner.read("list_episodes", patient=self.patient, expect=m.EpisodePage).items
        check("the partner's list has it", [i.episode_id for i in mine] == [e], mine)
        for clock, status, word in (("12:40", m.TaskStatus.ACCEPTED, "referral-accepted"), ("12:50", m.TaskStatus.IN_PROGRESS, "evaluation-scheduled")):
            event = partner.does("record_referral_event", e, sent.id, status=200, body=m.ReferralEvent(
                at=at(37, clock), status=status, business_status=word, by=self.prescriber))
            check(f"the referral is {status}", record(event, m.Referral).task_events[-1].status == status, event.record)
        eased = partner.does("mitigate_issue", e, self.issue, status=200, body=m.Mitigation(
            action=m.Coding(system="http://terminology.hl7.org/CodeSystem/v3-ActCode", code="12", display="Temporarily Suspended Concurrent Therapy"),
            at=at(35, "12:50"), by=self.prescriber, rationale="hold 24 h before dosing"))
        check("the flag is mitigated", record(eased, m.DetectedIssue).status == m.IssueStatus.MITIGATED, eased.record)

    def clear(self):
        e = self.episode
        seen = partner.does("plan_session", e, body=m.PlanSession(
            type_=m.SessionType.MEDICAL_EVALUATION, start=at(35, "12:00"), setting=m.Setting.REMOTE, encounter_class=m.EncounterClass.VR,
            lead_id=self.prescriber))
        partner.does("start_session", e, seen.id, body=m.StartSession(at=at(35, "12:00"), by=self.prescriber), status=200)
        partner.does("record_vitals", e, seen.id, body=self.vitals(35, "12:05", m.Timing.EVALUATION, 124, 78, 72))
        partner.does("complete_session", e, seen.id, status=200, body=m.CompleteSession(
            at=at(35, "12:45"), by=self.prescriber, body_weight=ucum(82.5, "kg")))
        decision = m.Decide(
            at=at(35, "13:05"), decision=m.ClearanceDecision.CLEARED_WITH_CONDITIONS, decided_by=self.prescriber, evaluation_session_id=seen.id,
            effective_from=day(35), valid_until=day(-85), settings_allowed=[m.Setting.REMOTE_HOME], routes_allowed=[m.Route.SUBLINGUAL],
            dose_ceiling_mg_per_session=300, max_sessions_per_7_days=1, min_days_between_sessions=7,
            vital_parameters=m.VitalParameters(
                source="individualised-by-prescriber", recheck_after_minutes=15, max_rechecks=2, max_age_minutes_pre_dose=30,
                pre_dose=m.VitalLimits(systolic_max=140, diastolic_max=90, heart_rate_min=50, heart_rate_max=100),
                end_of_session=m.VitalLimits(systolic_max=150, diastolic_max=95), required_timings=[m.Timing.PRE_DOSE, m.Timing.END_OF_SESSION]),
            conditions=[
                m.ClearanceCondition(code="home-bp-cuff", text="Validated home BP cuff available", scope=m.ConditionScope.ONCE,
                                     must_satisfy_before_dosing=True),
                m.ClearanceCondition(code="hold-medication", text="Hold lorazepam 24 h before each dosing session",
                                     scope=m.ConditionScope.EACH_SESSION, must_satisfy_before_dosing=True)],
            basis_ids=self.screenings, rationale_summary="Indication serious, other treatments insufficient.")
        practice.refused("decide_clearance", e, body=decision, status=403, code="not-permitted")
        decided = partner.does("decide_clearance", e, body=decision)
        check("the person is cleared", decided.phase == m.Phase.CLEARED_WITH_CONDITIONS, decided)
        cleared = record(decided, m.Clearance)
        self.clearance = cleared.id
        check("the limits are those decided", cleared.dose_ceiling_mg_per_session == 300 and cleared.valid_until == day(-85), cleared)
        self.cuff, self.hold = (c.id for c in cleared.conditions)
        met = practice.does("satisfy_condition", e, self.clearance, self.cuff, status=200,
                            body=m.Step(at=at(33, "10:20"), by=self.lead, reason="cuff seen"))
        first = record(met, m.Clearance).conditions[0]
        check("the condition is met", given(first.satisfied_at) and first.satisfied_by == self.lead, first)

    def supply(self):
        e = self.episode
        written = partner.does("add_prescription", e, body=m.Prescription(
            status=m.PrescriptionStatus.ACTIVE, intent="order", authored_on=at(35, "13:20"), prescriber_id=self.prescriber,
            reason_condition_id=self.problem, drug=m.Coding(system="http://www.nlm.nih.gov/research/umls/rxnorm", code="6130", display="ketamine"),
            drug_text="ketamine 100 mg sublingual lozenge (compounded)", compounded=True, controlled_substance_schedule="III",
            form=m.Coding(system="http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm", code="ORTROCHE", display="Lozenge/Oral Troche"),
            strength=m.Strength(numerator=ucum(100, "mg"), denominator=m.Quantity(value=1, unit="lozenge")), route=SUBLINGUAL,
            dosage_text="Dissolve under the tongue as directed during the supervised session only.", units_per_session=2,
            booster_units_allowed=0, max_mg_per_session=200, quantity=m.Quantity(value=4, unit="lozenge"), sessions_supplied=2,
            repeats_allowed=0, valid_until=day(-120), pharmacy_id=self.pharmacy_org, pdmp_checked_at=at(35, "12:58"), epcs_transmitted=True,
            record_only=True))
        self.prescription = written.id
        check("the strength as written", record(written, m.Prescription).strength.numerator.value == 100, written.record)
        packed = pharmacy.does("add_dispense", e, body=m.Dispense(
            prescription_id=written.id, status=m.DispenseStatus.IN_PROGRESS, pharmacy_id=self.pharmacy_org, mg_per_unit=100, sessions_supplied=2,
            quantity=m.Quantity(value=4, unit="lozenge"), prepared_at=at(34, "10:00"), lot="SYN-LOT-7", beyond_use_date=day(-150)))
        pharmacy.does("ship_dispense", e, packed.id, status=200, body=m.Ship(
            at=at(33, "09:00"), carrier="Example Carrier", tracking_number="SYNTRK7", signature_required=True, destination="patient-home"))
        pharmacy.does("deliver_dispense", e, packed.id, status=200, body=m.Deliver(at=at(31, "14:10")))
        got = practice.does("confirm_receipt", e, packed.id, status=200, body=m.Receipt(at=at(31, "18:00"), by="patient"))
        check("the supply arrived", record(got, m.Dispense).received_confirmed_by == self.patient
              or record(got, m.Dispense).received_confirmed_by == "patient", got.record)
        units = practice.read("read_episode", e, expect=m.Episode).derived.lozenges
        check("four units are on hand", units.remaining == 4 and units.mg_remaining == 400, units)

    def prepare(self):
        e = self.episode
        practice.does("add_consent", e, body=m.Consent(
            kind=m.ConsentKind.TREATMENT_INFORMED_CONSENT, status=m.ConsentStatus.ACTIVE, signed_at=at(30, "10:10"), expires=day(-330),
            signers=[m.Signer(type_=m.SignerType.PATIENT, id=self.patient)], topics=["off-label-use", "no-driving-until-next-day"]))
        begun = practice.does("start_preparation", e, body=m.Step(at=at(30, "10:00"), by=self.lead), status=200)
        check("preparation begins", begun.phase == m.Phase.PREPARATION, begun)
        goal = practice.does("add_intention", e, body=m.Intention(
            text="Understand why I feel so stuck", expressed_by=self.patient, at=at(30, "10:40"), category=m.IntentionCategory.INTENTION,
            sharing=m.Sharing.CARE_TEAM))
        plan = practice.does("set_plan", e, status=200, body=m.TreatmentPlan(
            status="active", planned_dosing_sessions=m.SessionRange(min_=2, max_=4), dosing_cadence=m.Cadence(every_days=14),
            integration_per_dosing=1, integration_target_hours=72, preparation_sessions=1, modality=["IFS"], setting=m.Setting.REMOTE_HOME,
            route=m.Route.SUBLINGUAL, goal_ids=[goal.id], maintenance="a session every three months"))
        check("the plan names the goal", record(plan, m.TreatmentPlan).goal_ids == [goal.id], plan.record)
        met = practice.does("plan_session", e, body=m.PlanSession(
            type_=m.SessionType.PREPARATION, start=at(30, "10:00"), setting=m.Setting.REMOTE, encounter_class=m.EncounterClass.VR, lead_id=self.lead))
        practice.does("start_session", e, met.id, body=m.StartSession(at=at(30, "10:00"), by=self.lead), status=200)
        practice.does("complete_session", e, met.id, status=200, body=m.CompleteSession(
            at=at(30, "11:15"), by=self.lead, clinical_summary="Preparation completed.", topics=["effects-education", "intentions"]))

    def vitals(self, ago, clock, timing, systolic, diastolic, rate, **more):
        return m.Vitals(at=at(ago, clock), timing=timing, source=m.VitalsSource.PATIENT_HOME_DEVICE, systolic=ucum(systolic, "mm[Hg]"),
                        diastolic=ucum(diastolic, "mm[Hg]"), heart_rate=ucum(rate, "/min"), **more)

    def dose(self):
        e = self.episode
        planned = practice.does("plan_session", e, body=m.PlanSession(
            type_=m.SessionType.DOSING, start=at(26, "09:45"), setting=m.Setting.REMOTE_HOME, encounter_class=m.EncounterClass.VR, lead_id=self.lead,
            dosing=m.PlannedDose(dose_level=m.DoseLevel.PSYCHOLYTIC, planned_dose_mg=100, prescription_id=self.prescription),
            emergency_plan=m.EmergencyPlan(contact_id=self.chaperone, address_ref="patient.address", local_emergency_number="911")))
        self.session = s = planned.id
        begin = m.StartSession(
            at=at(26, "10:00"), by=self.lead, began=at(26, "09:45"),
            patient_location=m.PatientLocation(confirmed_at=at(26, "09:47"), address_ref="patient.address"),
            therapist_presence=m.TherapistPresence(from_=at(26, "09:45"), mode=m.PresenceMode.VIDEO, continuous=True),
            environment=m.Environment(music=True, eye_shades=True, lighting="dim", position="reclined"))
        ready = practice.read("read_readiness", e, s, at=at(26, "10:00"), expect=m.Readiness)
        rules = {r.rule for r in ready.blocking_reasons}
        check("nothing is checked yet", not ready.can_dose_now and len(rules) >= 2, ready)
        no = practice.refused("start_session", e, s, status=409, code=ready.blocking_reasons[0].code, body=begin)
        check("the refusal names what readiness named", set(no.invariants) <= rules and len(no.issues) >= 2, f"{no} {ready}")
        check("each reason says who can resolve it", all(given(i.resolve_by) for i in no.issues), no)
        listed = practice.does("record_checklist", e, s, body=m.Checklist(
            completed_at=at(26, "09:55"), consent_reviewed=True, clearance_valid=True, medications_reviewed=True,
            holds_followed=[m.HoldFollowed(condition_id=self.hold, followed=True)], fasting_instructions_followed=True, substances_avoided=True,
            pregnancy_status_reviewed=True, suicidality_reviewed=True, intention_reviewed=True, emergency_plan_reviewed=True,
            patient_location_confirmed=True, lozenges_on_hand=4, transport=m.Transport(arranged=True, mode="not-required-home"),
            chaperone=m.ChaperoneCheck(related_person_id=self.chaperone, present_at=at(26, "09:55"), check_in_every_minutes=15, phone_verified=True)))
        held = record(listed, m.Session).dosing.pre_dose_checklist.holds_followed
        check("the checklist keeps the hold", [(h.condition_id, h.followed) for h in held] == [(self.hold, True)], held)
        practice.does("record_vitals", e, s, body=self.vitals(26, "09:57", m.Timing.PRE_DOSE, 126, 80, 74))
        practice.does("amend_session", e, s, status=200, body=m.AmendSession(
            patient_location=begin.patient_location, therapist_presence=begin.therapist_presence))
        ready = practice.read("read_readiness", e, s, at=at(26, "10:00"), expect=m.Readiness)
        check("now dosing may start", ready.can_dose_now and ready.blocking_reasons == [], ready)
        started = practice.does("start_session", e, s, status=200, body=begin)
        check("dosing is active", started.phase == m.Phase.DOSING_ACTIVE, started)
        dose = m.Dose(at=at(26, "10:05"), kind=m.DoseKind.INITIAL, status=m.DoseStatus.COMPLETED, dose_mg=100, units=1, route=SUBLINGUAL,
                      performer="patient", witness_id=self.lead, hold_minutes=11.5, expectorated=True)
        given_ = practice.does("record_dose", e, s, body=dose)
        kept = record(given_, m.Dose)
        check("the dose reads as sent", (kept.dose_mg, kept.hold_minutes, kept.at) == (100, 11.5, dose.at), kept)
        check("a good dose raises no flag", given_.flags == [], given_.flags)
        self.administration = given_.id
        practice.does("record_side_effect", e, s, body=m.SideEffect(
            code=m.Coding(system=SNOMED, code="404640003", display="Dizziness"), severity=m.Severity.MILD, onset_minute=20, resolved_minute=60))
        practice.does("record_effects", e, s, body=m.Effects(onset_minutes=12, peak_from_minutes=25, peak_to_minutes=55, resolved_minutes=80))
        practice.does("record_vitals", e, s, body=self.vitals(26, "12:15", m.Timing.END_OF_SESSION, 122, 78, 70, moaas=5))
        left = practice.does("discharge_patient", e, s, status=200, body=m.Discharge(
            assessed_at=at(26, "12:20"), oriented_x4=True, gait_steady=True, nausea_controlled=True, dissociation_resolved=True,
            suicidality_concern=False, vitals_within_parameters=True, hydrated_and_snack=True, responsible_adult_present=self.chaperone,
            no_driving_until=day(25), disposition=m.Disposition.HOME))
        check("the patient may go", record(left, m.Session).dosing.discharge.criteria_met is True, left.record)
        done = practice.does("complete_session", e, s, status=200, body=m.CompleteSession(at=at(26, "12:30"), by=self.lead))
        session = record(done, m.Session)
        check("the session tells its outcome", session.dosing.outcome == m.DosingOutcome.COMPLETED and session.dosing.sequence == 1, session)
        check("it has what happened", len(session.dosing.doses) == 1 and len(session.dosing.vitals) == 2 and len(session.dosing.side_effects) == 1, session)
        check("the clearance in force is noted", session.dosing.clearance_id == self.clearance, session)

    def integrate(self):
        e = self.episode
        met = practice.does("plan_session", e, body=m.PlanSession(
            type_=m.SessionType.INTEGRATION, start=at(24, "10:00"), setting=m.Setting.REMOTE, encounter_class=m.EncounterClass.VR, lead_id=self.lead,
            integrates_session_id=self.session))
        practice.does("start_session", e, met.id, body=m.StartSession(at=at(24, "10:00"), by=self.lead), status=200)
        left = practice.does("record_integration", e, met.id, body=m.Integration(
            summary=m.IntegrationSummary(symptoms="mood lighter", functional_status="daily walks"), practices=["journaling"],
            actions=[m.Action(text="Walk daily", due=day(10), status=m.ActionStatus.OPEN)]))
        check("the actions are kept", record(left, m.Session).integration.actions[0].due == day(10), left.record)
        practice.does("complete_session", e, met.id, status=200, body=m.CompleteSession(at=at(24, "10:50"), by=self.lead))
        derived = practice.read("read_episode", e, expect=m.Episode).derived
        check("integration came in time", [i.within_target_window for i in derived.integrations] == [True], derived.integrations)
        check("one unit was used", derived.lozenges.remaining == 3 and derived.lozenges.administered == 1, derived.lozenges)
        check("the interval of the clearance", derived.next_dosing_earliest == day(19) and derived.last_dosing_at == day(26), derived)

    def follow(self):
        e = self.episode
        practice.does("add_outcome", e, body=m.Outcome(
            instrument="PHQ-9", score_coding=PHQ9, at=at(10, "11:40"), score=9, range_=m.ScoreRange(min_=0, max_=27), timing="follow-up-30d",
            reported_by="patient", item9=0))
        trends = practice.read("read_trends", e, expect=m.Trends)
        trend = trends.outcomes.additional_properties["PHQ-9"]
        check("the score fell by more than half", (trend.baseline, trend.latest, trend.response) == (21, 9, True), trend)
        row = trends.sessions[0]
        score = row.scores.additional_properties["PHQ-9"]
        check("dose against score", (row.mg, row.session_id, score.before, score.after) == (100, self.session, 21, 9), row)
        due = practice.does("add_follow_up", e, body=m.FollowUp(
            kind=m.FollowUpKind.MEDICAL_30_DAY, anchor=day(26), due_by=day(-4), status=m.FollowUpStatus.SCHEDULED))
        work = practice.read("read_worklist", limit=200, expect=m.WorkPage).items
        own = [w for w in work if w.episode_id == e]
        check("the worklist has the follow-up", any(w.id == due.id and w.due_by == day(-4) for w in own), own)
        done = partner.does("complete_follow_up", e, due.id, status=200, body=m.CompleteFollowUp(at=at(9, "10:00"), note="by telephone"))
        check("it is done", record(done, m.FollowUp).status == m.FollowUpStatus.DONE, done.record)
        practice.does("add_communication", e, body=m.Communication(
            at=at(9, "15:00"), from_=self.lead, to=[self.prescriber], topic="progress-update", labels=["R", "PSY"]))
        practice.does("count_inventory", e, body=m.InventoryEntry(
            at=at(9, "16:00"), reason=m.InventoryReason.COUNTED, units=3, mg_per_unit=100, by=self.lead))

    def trouble(self):
        e = self.episode
        event = practice.does("report_adverse_event", e, body=m.AdverseEvent(
            session_id=self.session, occurred_at=at(26, "11:00"), detected_at=at(26, "11:02"), recorded_at=at(26, "11:10"),
            actuality=m.Actuality.ACTUAL, summary="Vomiting once", events=[m.Coding(system=SNOMED, code="422400008", display="Vomiting")],
            seriousness=m.Seriousness.NON_SERIOUS, severity=m.Severity.MILD, causality=m.Causality.POSSIBLE,
            suspect_administration_id=self.administration, outcome=m.EventOutcome.RECOVERING, reported_by=self.lead))
        partner.does("acknowledge_adverse_event", e, event.id, status=200, body=m.Step(at=at(26, "13:00"), by=self.prescriber))
        ended = practice.does("update_adverse_event", e, event.id, status=200, body=m.UpdateAdverseEvent(
            at=at(25, "09:00"), by=self.lead, outcome=m.EventOutcome.RESOLVED, resolved_at=at(26, "18:00")))
        check("the event is over", record(ended, m.AdverseEvent).outcome == m.EventOutcome.RESOLVED, ended.record)
        held = partner.does("hold_dosing", e, body=m.Step(at=at(8, "09:00"), by=self.prescriber, reason="blood pressure to be looked at"),
                            status=200)
        check("dosing is held", held.phase == m.Phase.DOSING_HOLD, held)
        stale = f'W/"{held.version - 1}"'
        partner.refused("release_hold", e, body=m.Step(at=at(7, "09:00"), by=self.prescriber, reason="fine"), if_match=stale, status=412,
                        code="version-conflict")
        freed = partner.does("release_hold", e, body=m.Step(at=at(7, "09:00"), by=self.prescriber, reason="fine"), status=200,
                             if_match=f'W/"{held.version}"')
        check("dosing goes on", freed.phase == m.Phase.DOSING_ACTIVE, freed)

    def look(self):
        e = self.episode
        heard = practice.call("read_episode", e, expect=m.Episode, status=200)
        practice.call("read_episode", e, if_none_match=heard.headers["etag"], expect=None, status=304)
        short = practice.read("read_episode", e, view=m.ReadEpisodeView.SUMMARY, expect=m.Episode)
        check("the summary has no lists", short.sessions is UNSET and short.version == heard.parsed.version, short)
        whole = practice.read("read_episode", e, expect=m.Episode)
        check("the episode has all of it", (len(whole.sessions), len(whole.clearances), len(whole.prescriptions)) == (5, 1, 1), whole)
        shown = partner.read("read_episode", e, expect=m.Episode)
        check("the partner sees the treatment", [c.id for c in shown.clearances] == [self.clearance], shown)
        pharmacy.refused("read_episode", e, status=403, code="not-permitted")
        orders = m.SearchResourcesParameters.from_dict({"patient": self.patient, "intent": "order"})
        supplied = pharmacy.read("search_resources", m.ResourceType.MEDICATIONREQUEST, parameters=orders, expect=m.FhirBundle)
        shown = [entry.additional_properties["resource"]["id"] for entry in supplied.entry]
        check("the pharmacy sees what it ships by", self.prescription in shown, shown)
        dose = practice.read("read_record", e, self.administration, expect=m.Record)
        check("a record by its id", dose.additional_properties["doseMg"] == 100, dose)
        line = practice.read("read_timeline", e, expect=m.Timeline)
        check("the timeline is in order", [i.at for i in line.items] == sorted(i.at for i in line.items) and len(line.items) > 20, line)
        check("the dose is in it", any(i.kind == "dose" and i.id == self.administration for i in line.items), line)
        document = practice.read("read_summary", e, doc=m.ReadSummaryDoc.C, session=self.session, expect=m.FhirBundle)
        check("a summary is a document", document.type_ == m.FhirBundleType.DOCUMENT and len(document.entry) > 3, document.type_)
        practice.refused("read_episode", str(uuid.uuid4()), status=404, code="not-found")
        ehr.refused("read_episode", e, status=404, code="not-found")
        went = practice.read("list_disclosures", self.patient, expect=m.DisclosurePage)
        check("the disclosures name the partner", any(d.organization_id == self.partner_org for d in went.items), went)
        first = practice.read("list_episodes", limit=1, expect=m.EpisodePage)
        second = practice.read("list_episodes", limit=1, cursor=first.next_, expect=m.EpisodePage)
        check("pages go on", first.items[0].episode_id != second.items[0].episode_id, f"{first} {second}")
        practice.call("export_episode", e, expect=m.FhirBundle, status=200)

    def keep(self):
        e = self.episode
        note = m.PsychotherapyNote(kind="psychotherapy-note", author_id=self.lead, session_id=self.session, at=at(26, "16:55"), text="SYNTHETIC.")
        kept = practice.call("add_private_note", e, body=note, idempotency_key=str(uuid.uuid4()), expect=m.PrivateNoteHead, status=201).parsed
        note.text = "SYNTHETIC, second thoughts."
        practice.call("amend_private_note", e, kept.id, body=note, idempotency_key=str(uuid.uuid4()), expect=m.PrivateNoteHead, status=200)
        found = practice.read("read_private_note", e, kept.id, author_id=self.lead, expect=m.PrivateNote)
        check("the note's newest version", (found.version, found.text) == (2, "SYNTHETIC, second thoughts."), found)
        old = practice.read("read_private_note", e, kept.id, author_id=self.lead, version=1, expect=m.PrivateNote)
        check("and the one before", old.text == "SYNTHETIC.", old)
        listed = practice.read("list_private_notes", e, author_id=self.lead, expect=m.PrivateNotePage)
        check("the list of notes", [n.id for n in listed.items] == [kept.id], listed)
        partner.refused("list_private_notes", e, author_id=self.lead, status=404, code="not-found")

    def fhir(self):
        """The same records at the other door, as far as a general client has use of it."""
        where = m.SearchResourcesParameters.from_dict({"episode": self.episode, "_sort": "effective-time"})
        found = partner.read("search_resources", m.ResourceType.MEDICATIONADMINISTRATION, parameters=where, expect=m.FhirBundle)
        resource = found.entry[0].additional_properties["resource"]
        check("the dose as FHIR", resource["id"] == self.administration and resource["dosage"]["dose"]["value"] == 100, resource)
        one = partner.call("read_resource", m.ResourceType.MEDICATIONADMINISTRATION, self.administration, expect=m.FhirResource, status=200)
        check("its type", one.parsed.resource_type == "MedicationAdministration" and one.headers["etag"].startswith("W/"), one.parsed)
        partner.call("read_resource", m.ResourceType.MEDICATIONADMINISTRATION, self.administration, if_none_match=one.headers["etag"], expect=None, status=304)
        partner.call("read_resource", m.ResourceType.GOAL, str(uuid.uuid4()), expect=m.OperationOutcome, status=404)
        goal = m.FhirResource.from_dict({
            "resourceType": "Goal", "lifecycleStatus": "proposed", "description": {"text": "Sleep through the night"},
            "subject": {"reference": f"Patient/{self.patient}"}})
        made = practice.call("create_resource", m.ResourceType.GOAL, body=goal, expect=m.FhirResource, status=201)
        # PATCH is played in TypeScript: openapi-python-client 0.29.1 asks `isinstance(body, list[…])` of a body that may be an array.
        newer = m.FhirResource.from_dict(made.parsed.to_dict() | {"lifecycleStatus": "active"})
        changed = practice.call("update_resource", m.ResourceType.GOAL, made.parsed.id, body=newer, if_match=made.headers["etag"],
                                expect=m.FhirResource, status=200).parsed
        check("the update holds", changed.additional_properties["lifecycleStatus"] == "active", changed)
        gone = practice.call("delete_resource", m.ResourceType.GOAL, made.parsed.id, expect=None, status=204)
        check("a deletion is a version", gone.headers["etag"] == 'W/"3"', gone.headers)
        practice.call("read_resource", m.ResourceType.GOAL, made.parsed.id, expect=m.OperationOutcome, status=410)
        bad = m.FhirResource.from_dict(goal.to_dict() | {"lifecycleStatus": "wished"})
        outcome = practice.call("create_resource", m.ResourceType.GOAL, body=bad, expect=m.OperationOutcome, status=422).parsed
        check("the fault has its place", outcome.issue[0].expression == ["Goal.lifecycleStatus"], outcome)
        everything = partner.read("get_episode_everything", self.episode, expect=m.FhirBundle)
        check("everything of the episode", len(everything.entry) > 20, len(everything.entry))
        about = ehr.read("read_capability_statement", expect=m.FhirResource)
        check("the CapabilityStatement", about.additional_properties["fhirVersion"] == "4.0.1", about.resource_type)
        how = ehr.read("read_smart_configuration", expect=m.AuthorizationServer)
        check("discovery", how.token_endpoint == BASE + "/auth/token", how)

    def close(self):
        e = self.episode
        practice.does("start_maintenance", e, body=m.Step(at=at(6, "16:00"), by=self.lead, reason="course finished"), status=200)
        last = m.CompleteEpisode(at=at(5, "16:00"), by=self.lead, reason="course and maintenance finished")
        no = practice.refused("complete_episode", e, body=last, status=409, code="state-conflict")
        check("the end is refused with every reason at once", len(no.issues) == 2 and no.invariants == ["KAP-INV-24"], no)
        practice.does("adjust_inventory", e, body=m.InventoryEntry(
            at=at(5, "15:00"), reason=m.InventoryReason.RETURNED, units=3, mg_per_unit=100, by=self.lead, witness_id=self.prescriber))
        talk = practice.does("add_follow_up", e, body=m.FollowUp(
            kind=m.FollowUpKind.DISCHARGE_SESSION, anchor=day(6), due_by=day(5), status=m.FollowUpStatus.SCHEDULED))
        practice.does("decline_follow_up", e, talk.id, status=200, body=m.Step(at=at(5, "15:30"), by="patient", reason="feels well"))
        ended = practice.does("complete_episode", e, status=200, body=last)
        check("the episode is over", ended.phase == m.Phase.COMPLETED, ended)
        practice.refused("hold_dosing", e, body=m.Step(at=at(4, "09:00"), by=self.lead, reason="late"), status=409, code="state-conflict")
        whole = practice.read("read_episode", e, expect=m.Episode)
        phases = [p.phase for p in whole.phase_history]
        check("every phase is remembered", phases[0] == m.Phase.REFERRED and phases[-2:] == [m.Phase.MAINTENANCE, m.Phase.COMPLETED], phases)


story = Story()
for act in (story.open, story.consult, story.agree, story.refer, story.clear, story.supply, story.prepare, story.dose, story.integrate,
            story.follow, story.trouble, story.look, story.keep, story.fhir, story.close):
    act()
end("the Python client")
