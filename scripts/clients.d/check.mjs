// What the JavaScript clients share: where the demo is, a token of one of its clients, and a list of checks.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [cache, base, accounts] = process.argv.slice(2);

/** Loads a package from the cache, where it is installed. */
export const { load } = await import(pathToFileURL(`${cache}/load.mjs`).href);

export const fhir = `${base}/fhir`;

/** A token by SMART Backend Services, as the client's own key signs for it. */
export async function token(id) {
  const { SignJWT, importJWK } = await load('jose');
  const account = JSON.parse(readFileSync(accounts, 'utf8')).find((a) => a.client_id === id);
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: account.jwk.alg, kid: account.jwk.kid, typ: 'JWT' })
    .setIssuer(id).setSubject(id).setAudience(account.token_url)
    .setJti(crypto.randomUUID()).setIssuedAt().setExpirationTime('4m')
    .sign(await importJWK(account.jwk, account.jwk.alg));
  const answer = await fetch(account.token_url, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials', scope: account.scope, client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }),
  });
  if (!answer.ok) throw new Error(`token: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).access_token;
}

/** A synthetic patient. */
export const patient = (n) => ({
  resourceType: 'Patient', active: true, gender: 'female', birthDate: '1981-04-05',
  identifier: [{ system: 'https://ehr.example.org/mrn', value: `SYN-${n}` }],
  name: [{ family: 'Synthetic', given: ['Client'] }],
});

/** A heart rate of a patient. */
export const pulse = (reference, value = 72) => ({
  resourceType: 'Observation', status: 'final', subject: { reference },
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
  effectiveDateTime: '2026-11-01T10:00:00Z',
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});

let failures = 0;

/** Runs one check; `holds` says whether what came back is right. */
export async function check(name, act, holds = () => true) {
  try {
    const found = await act();
    if (!holds(found)) throw new Error(`unexpected: ${JSON.stringify(found)?.slice(0, 300)}`);
    console.log(`ok      ${name}`);
    return found;
  } catch (error) {
    failures += 1;
    const said = error.response?.data ?? error.outcome ?? '';
    console.log(`FAILED  ${name}: ${error.message} ${JSON.stringify(said).slice(0, 300)}`);
    return undefined;
  }
}

export const end = () => process.exit(failures === 0 ? 0 : 1);
