// Opens an episode, has it cleared by the partner and a session refused with reasons, through the client that openapi-generator makes
// of openapi.yaml for TypeScript. That it compiles in strict mode is half of the proof. The whole episode is played in Python.
import * as kap from './client';

declare const process: { argv: string[]; exit(code: number): never };

const [base, practiceToken, partnerToken] = process.argv.slice(2);
// This generator writes what it is given for OAuth 2 into the header as it is, so the word belongs to it.
const practice = new kap.Configuration({ basePath: base, accessToken: `Bearer ${practiceToken}` });
const partner = new kap.Configuration({ basePath: base, accessToken: `Bearer ${partnerToken}` });
let passed = 0;
let failed = 0;

function check(name: string, holds: boolean, found?: unknown): void {
  if (holds) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`FAILED  ${name}: ${JSON.stringify(found)?.slice(0, 600)}`);
  }
}

const key = (): string => globalThis.crypto.randomUUID();
const day = (ago: number): Date => new Date(Date.now() - ago * 86_400_000);

/** The problem of a call that must be refused with `status`. */
async function refused(call: Promise<unknown>, status: number): Promise<kap.ProblemDetails> {
  try {
    await call;
  } catch (error) {
    if (error instanceof kap.ResponseError) {
      check(`refused with ${status}`, error.response.status === status, error.response.status);
      return kap.ProblemDetailsFromJSON(await error.response.json());
    }
    throw error;
  }
  throw new Error(`not refused with ${status}`);
}

async function play(): Promise<void> {
  const { items } = await new kap.ReadingApi(practice).listOrganizations({});
  const of = (type: kap.OrganizationType): string => items.find((o) => o.type === type)?.id ?? 'none';
  const opened = await new kap.EpisodesApi(practice).openEpisode({
    idempotencyKey: key(),
    openEpisode: {
      by: 'patient',
      at: day(20),
      synthetic: true,
      partnerId: of(kap.OrganizationType.RemotePrescribingPartner),
      patient: {
        identifiers: [{ type: 'MR', system: 'https://practice.example.org/mrn', value: `SYN-${key()}` }],
        name: { family: 'Typeperson', given: ['Lee'] },
        birthDate: new Date('1988-05-04'),
        administrativeGender: kap.Gender.Other,
      },
      careTeam: [
        { id: 'lead', name: 'Robin Sampleton, LCSW', role: kap.MemberRole.LeadTherapist, organizationId: of(kap.OrganizationType.PsychotherapyPractice), npi: '9000000114' },
        { id: 'prescriber', name: 'Casey Exampleton, PMHNP', role: kap.MemberRole.Prescriber, organizationId: of(kap.OrganizationType.RemotePrescribingPartner), npi: '9000000122' },
      ],
    },
  });
  const episode = opened.episodeId;
  const [lead, prescriber] = [opened.names?.['lead'] ?? '', opened.names?.['prescriber'] ?? ''];
  check('the episode is open', opened.phase === kap.Phase.Referred && opened.version === 1, opened);
  check('local names have ids', lead !== '' && prescriber !== '', opened.names);

  const begun = await new kap.ConsultationApi(practice).startConsultation({ episode, idempotencyKey: key(), step: { by: lead, at: day(19) } });
  check('the consultation', begun.phase === kap.Phase.Consultation, begun);
  const problem = await new kap.ConsultationApi(practice).addProblem({
    episode,
    idempotencyKey: key(),
    problem: {
      category: kap.ProblemCategory.ProblemListItem,
      codings: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F33.2' }],
      clinicalStatus: kap.ClinicalStatus.Active,
      verificationStatus: kap.VerificationStatus.Confirmed,
      kapIndication: true,
    },
  });
  const read = kap.ProblemFromJSON(problem.record);
  check('a record reads as its model', read.codings[0]?.code === 'F33.2' && read.kapIndication, read);
  const score = await new kap.ConsultationApi(practice).addScreening({
    episode,
    idempotencyKey: key(),
    screening: { instrument: 'KAP-SCREEN', authored: day(19), items: [{ linkId: 'benzo', answer: false }, { linkId: 'pregnancy', answer: false }] },
  });
  const sendReferral: kap.SendReferral = {
    at: day(18), requesterId: lead, reasonConditionIds: [problem.id], supportingInfoIds: [score.id],
    service: { system: 'https://kap-interop.example.org/fhir/CodeSystem/kap-service', code: 'medical-evaluation' },
  };
  const early = await refused(new kap.ReferralApi(practice).sendReferral({ episode, idempotencyKey: key(), sendReferral }), 409);
  check('no referral without a consent', early.code === 'consent-missing', early);
  const { patient } = await new kap.EpisodesApi(practice).readEpisode({ episode });
  await new kap.ConsentApi(practice).addConsent({
    episode,
    idempotencyKey: key(),
    consent: {
      kind: kap.ConsentKind.PrivacyDisclosure, status: kap.ConsentStatus.Active, signedAt: day(19), root: kap.RuleType.Deny,
      policyUri: 'https://kap-interop.example.org/policy/practice-privacy/2026-01', signers: [{ type: kap.SignerType.Patient, id: patient.id ?? '' }],
      exceptions: [{ type: kap.RuleType.Permit, recipients: [of(kap.OrganizationType.RemotePrescribingPartner)], purposes: ['TREAT'], securityLabels: ['N', 'PSY'] }],
    },
  });
  await new kap.ReferralApi(practice).sendReferral({ episode, idempotencyKey: key(), sendReferral });
  const decide: kap.Decide = {
    at: day(15), decision: kap.ClearanceDecision.Cleared, decidedBy: prescriber, effectiveFrom: day(15), validUntil: day(-60),
    settingsAllowed: [kap.Setting.InPerson], routesAllowed: [kap.Route.Intramuscular], doseCeilingMgPerSession: 60, basisIds: [score.id],
  };
  const no = await refused(new kap.ClearanceApi(practice).decideClearance({ episode, idempotencyKey: key(), decide }), 403);
  check('only the partner clears', no.code === 'not-permitted' && no.issues.length > 0, no);
  const decided = await new kap.ClearanceApi(partner).decideClearance({ episode, idempotencyKey: key(), decide });
  const clearance = kap.ClearanceFromJSON(decided.record);
  check('the clearance', decided.phase === kap.Phase.Cleared && clearance.doseCeilingMgPerSession === 60, clearance);
  check('a day stays the day', clearance.validUntil?.toISOString().slice(0, 10) === day(-60).toISOString().slice(0, 10), clearance.validUntil);

  const planned = await new kap.SessionsApi(practice).planSession({
    episode,
    idempotencyKey: key(),
    planSession: {
      type: kap.SessionType.Dosing, start: day(1), setting: kap.Setting.InPerson, encounterClass: kap.EncounterClass.Amb, leadId: lead,
      dosing: { doseLevel: kap.DoseLevel.Moderate, plannedDoseMg: 50 },
    },
  });
  const ready = await new kap.DosingApi(practice).readReadiness({ episode, session: planned.id });
  check('dosing is not ready', !ready.canDoseNow && ready.blockingReasons.length > 1, ready);
  const blocked = await refused(new kap.SessionsApi(practice).startSession({ episode, id: planned.id, idempotencyKey: key(), startSession: { by: lead } }), 409);
  check('the start is refused with reasons', blocked.issues.length > 1 && blocked.issues.every((i) => i.resolveBy), blocked);
  const whole = await new kap.EpisodesApi(partner).readEpisode({ episode });
  check('the partner reads it', whole.clearances?.[0]?.id === clearance.id && whole.derived?.dosingAllowed === false, whole);
  const work = await new kap.ReadingApi(practice).readWorklist({ limit: 200 });
  check('the worklist has days', work.items.every((w) => w.dueBy instanceof Date), work.items[0]);
  const found = await new kap.FHIRApi(partner).searchResources({ type: kap.ResourceType.ClinicalImpression, parameters: { _id: clearance.id } });
  const goal = await new kap.FHIRApi(practice).createResource({
    type: kap.ResourceType.Goal,
    fhirResource: { resourceType: 'Goal', lifecycleStatus: 'proposed', description: { text: 'Sleep' }, subject: { reference: `Patient/${whole.patient.id}` } },
  });
  const patched = await new kap.FHIRApi(practice).patchResource({
    type: kap.ResourceType.Goal, id: goal.id ?? '', patchOperation: [{ op: kap.PatchOperationOpEnum.Replace, path: '/lifecycleStatus', value: 'active' }],
  });
  check('a JSON Patch holds', patched['lifecycleStatus'] === 'active', patched);
  check('the same record as FHIR', found.type === kap.FhirBundleTypeEnum.Searchset && found.entry?.length === 1, found);
}

play()
  .catch(async (error: unknown) => {
    const told = error instanceof kap.ResponseError ? `${error.response.url} ${error.response.status} ${await error.response.text()}` : `${error}`;
    check('the play goes through', false, told);
  })
  .then(() => {
    console.log(`the TypeScript client: ${passed} passed, ${failed} failed`);
    process.exit(failed === 0 ? 0 : 1);
  });
