// MedplumClient: https://www.medplum.com/docs/sdk/core.medplumclient
import { check, end, fhir, load, patient, pulse, token } from './check.mjs';

const { MedplumClient } = await load('@medplum/core');
const client = new MedplumClient({ baseUrl: fhir.replace(/fhir$/, ''), fhirUrlPath: 'fhir/', fetch });
client.setAccessToken(await token('demo-practice'));

const made = await check('createResource', () => client.createResource(patient(720001)), (p) => p.id);
await check('readResource', () => client.readResource('Patient', made.id), (p) => p.id === made.id);
await check('createResourceIfNoneExist', () => client.createResourceIfNoneExist(patient(720001), 'identifier=https://ehr.example.org/mrn|SYN-720001'),
  (p) => p.id === made.id);
await check('updateResource', () => client.updateResource({ ...made, active: false }), (p) => p.active === false);
await check('patchResource', () => client.patchResource('Patient', made.id, [{ op: 'add', path: '/active', value: true }]), (p) => p.active === true);
await check('upsertResource', () => client.upsertResource({ ...patient(720001), gender: 'other' }, 'identifier=https://ehr.example.org/mrn|SYN-720001'),
  (p) => p.id === made.id && p.gender === 'other');
await check('createResource (Observation)', () => client.createResource(pulse(`Patient/${made.id}`)), (o) => o.id);
await check('searchResources', () => client.searchResources('Observation', { subject: `Patient/${made.id}` }), (all) => all.length === 1);
await check('searchOne', () => client.searchOne('Patient', { identifier: 'https://ehr.example.org/mrn|SYN-720001' }), (p) => p.id === made.id);
await check('readHistory', () => client.readHistory('Patient', made.id), (b) => b.entry.length === 4);
await check('readVersion', () => client.readVersion('Patient', made.id, '1'), (p) => p.meta.versionId === '1');
await check('readPatientEverything', () => client.readPatientEverything(made.id), (b) => b.entry.length >= 2);
await check('executeBatch (transaction)', () => client.executeBatch({ resourceType: 'Bundle', type: 'transaction', entry: [
  { fullUrl: 'urn:uuid:5b6d8f4e-6c0d-4b8e-9c4a-0b7f9d1f2a11', resource: patient(720002), request: { method: 'POST', url: 'Patient' } },
  { resource: pulse('urn:uuid:5b6d8f4e-6c0d-4b8e-9c4a-0b7f9d1f2a11'), request: { method: 'POST', url: 'Observation' } },
] }), (b) => b.entry.every((e) => e.response.status.startsWith('201')));
await check('validateResource', () => client.validateResource(patient(720003)), (o) => o.resourceType === 'OperationOutcome');
const pages = await check('searchResourcePages', async () => {
  let n = 0;
  for await (const page of client.searchResourcePages('MedicationAdministration', { _count: 1 })) n += page.length;
  return n;
}, (n) => n > 1);
await check('deleteResource', async () => client.deleteResource('Observation', (await client.searchOne('Observation', { subject: `Patient/${made.id}` })).id));
end();
