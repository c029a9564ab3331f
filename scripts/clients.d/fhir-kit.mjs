// fhir-kit-client: https://github.com/Vermonster/fhir-kit-client
import { check, end, fhir, load, patient, pulse, token } from './check.mjs';

const { Client } = await load('fhir-kit-client');
const client = new Client({ baseUrl: fhir, bearerToken: await token('demo-practice') });

await check('capabilityStatement', () => client.capabilityStatement(), (c) => c.fhirVersion === '4.0.1');
await check('smartAuthMetadata', () => client.smartAuthMetadata(), (m) => String(m.tokenUrl).endsWith('/auth/token'));
const made = await check('create', () => client.create({ resourceType: 'Patient', body: patient(710001) }), (p) => p.id);
const id = made.id;
await check('read', () => client.read({ resourceType: 'Patient', id }), (p) => p.name[0].family === 'Synthetic');
await check('vread', () => client.vread({ resourceType: 'Patient', id, version: '1' }), (p) => p.meta.versionId === '1');
await check('update', () => client.update({ resourceType: 'Patient', id, body: { ...made, active: false } }),
  (p) => p.meta.versionId === '2' && p.active === false);
await check('patch', () => client.patch({ resourceType: 'Patient', id, jsonPatch: [{ op: 'replace', path: '/active', value: true }] }),
  (p) => p.active === true);
await check('history', () => client.history({ resourceType: 'Patient', id }), (b) => b.type === 'history' && b.entry.length === 3);
await check('typeHistory', () => client.typeHistory({ resourceType: 'Patient' }), (b) => b.type === 'history');
await check('systemHistory', () => client.systemHistory(), (b) => b.type === 'history');
const seen = await check('create an Observation', () => client.create({ resourceType: 'Observation', body: pulse(`Patient/${id}`) }));
await check('search', () => client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: id, code: '8867-4' } }),
  (b) => b.entry.length === 1);
await check('search by POST', () => client.search({ resourceType: 'Observation', searchParams: { patient: id }, options: { postSearch: true } }),
  (b) => b.entry.length === 1);
await check('compartmentSearch', () => client.compartmentSearch({ resourceType: 'Observation', compartment: { resourceType: 'Patient', id } }),
  (b) => b.entry.length === 1);
await check('systemSearch', () => client.systemSearch({ searchParams: { _type: 'Patient', _id: id } }), (b) => b.entry.length === 1);
const page = await check('a page', () => client.search({ resourceType: 'MedicationAdministration', searchParams: { _count: 1 } }),
  (b) => b.entry.length === 1);
await check('nextPage', () => client.nextPage({ bundle: page }), (b) => b.entry.length === 1 && b.entry[0].resource.id !== page.entry[0].resource.id);
await check('operation $everything', () => client.operation({ name: '$everything', resourceType: 'Patient', id, method: 'GET' }),
  (b) => b.entry.length >= 2);
const entry = (method, url, resource) => ({ resource, request: { method, url } });
await check('batch', () => client.batch({ body: { resourceType: 'Bundle', type: 'batch',
  entry: [entry('GET', `Patient/${id}`), entry('GET', 'Patient/nobody')] } }),
  (b) => b.entry[0].response.status.startsWith('200') && b.entry[1].response.status.startsWith('404'));
await check('transaction', () => client.transaction({ body: { resourceType: 'Bundle', type: 'transaction',
  entry: [entry('POST', 'Observation', pulse(`Patient/${id}`, 80)), entry('POST', 'Observation', pulse(`Patient/${id}`, 81))] } }),
  (b) => b.entry.every((e) => e.response.status.startsWith('201')));
await check('delete', () => client.delete({ resourceType: 'Observation', id: seen.id }));
await check('read what was deleted', async () => {
  try { return await client.read({ resourceType: 'Observation', id: seen.id }); } catch (error) { return error.response.status; }
}, (status) => status === 410);
end();
