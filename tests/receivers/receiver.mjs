// A receiver of kap-fhir's notifications in JavaScript (Node 20): verifies Standard Webhooks signatures (v1a, Ed25519),
// refuses old ones, and knows again what it has had.
//
//   KAP_BASE=https://kap.example.org node receiver.mjs 8090
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';

const TOLERANCE = 300; // seconds
const base = process.env.KAP_BASE;
const port = Number(process.argv[2] ?? 8090);

let keys = [];
async function readKeys() {
  const set = await (await fetch(`${base}/.well-known/kap-webhook-jwks.json`)).json();
  keys = set.keys.map((jwk) => createPublicKey({ key: jwk, format: 'jwk' }));
}

/** Whether one of the keys signed this body under these headers, just now. */
export function isGenuine(headers, body, now = Date.now() / 1000) {
  const id = headers['webhook-id'] ?? '';
  const time = headers['webhook-timestamp'] ?? '';
  if (!/^\d+$/.test(time) || Math.abs(now - Number(time)) > TOLERANCE) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${time}.`), body]);
  const signatures = (headers['webhook-signature'] ?? '').split(' ').filter((one) => one.startsWith('v1a,'));
  return signatures.some((one) => keys.some((key) => verify(null, signed, key, Buffer.from(one.slice(4), 'base64'))));
}

const had = new Set(); // a real receiver keeps this with its data, in the same transaction

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  // A key may be new: the set is read once more before a call is refused.
  if (!isGenuine(request.headers, body)) await readKeys();
  if (!isGenuine(request.headers, body)) {
    console.log('refused');
    response.writeHead(401).end();
    return;
  }
  const id = request.headers['webhook-id'];
  if (!had.has(id)) {
    had.add(id);
    const event = JSON.parse(body);
    console.log(['took', event.type, event.data?.number ?? '-'].join(' '));
  }
  response.writeHead(204).end();
});

await readKeys();
server.listen(port, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
