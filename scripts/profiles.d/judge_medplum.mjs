// Judges cases with @medplum/core: judge_medplum.mjs CACHE CASES VERDICTS DEFINITIONS...
// CASES is a JSON list of {name, resource}; VERDICTS becomes {name: [error, ...]}.
// DEFINITIONS are folders of StructureDefinition files, in the order in which they depend on each other.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [cache, casesFile, verdictsFile, ...folders] = process.argv.slice(2);
const modules = resolve(cache, 'node_modules/@medplum');
const core = await import(pathToFileURL(join(modules, 'core/dist/esm/index.mjs')));
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

for (const name of ['profiles-types', 'profiles-resources', 'extension-definitions']) {
  core.indexStructureDefinitionBundle(json(join(modules, `definitions/dist/fhir/r4/${name}.json`)));
}
const profiles = new Map();
for (const folder of folders) {
  const files = readdirSync(folder).filter((file) => /^StructureDefinition-.*\.json$/.test(file));
  const definitions = files.sort().map((file) => json(join(folder, file)));
  // Extensions first: a profile is read with the definitions that are known by then.
  const extensions = definitions.filter((d) => d.type === 'Extension');
  for (const definition of [...extensions, ...definitions.filter((d) => d.type !== 'Extension')]) {
    if (!definition.snapshot || definition.kind === 'logical') continue;
    const adapted = readable(definition);
    try {
      core.loadDataType(adapted);
    } catch (error) {
      console.error(`medplum cannot read ${definition.url}: ${error.message}`);
      process.exit(1);
    }
    profiles.set(adapted.url, adapted);
  }
}

// A definition in the form that the library reads right:
// - it takes the last slice of an element for the element when another one refers to it (Provenance.entity.agent to
//   Provenance.agent), so such an element is left loose;
// - it does not look up the url of an extension slice in the extension, so the slice repeats it;
// - its FHIRPath has no date arithmetic (start + 6 months), so that constraint is left to the other judge.
function readable(definition) {
  const elements = definition.snapshot.element;
  const sliced = new Set(elements.filter((e) => e.sliceName).map((e) => e.path));
  const element = elements.flatMap((source) => {
    const e = { ...source, constraint: source.constraint?.filter((c) => c.key !== 'kap-rx-validity') };
    if (sliced.has(e.contentReference?.split('#')[1])) {
      const { contentReference, ...rest } = e;
      return { ...rest, type: [{ code: 'BackboneElement' }] };
    }
    const extension = e.sliceName && e.path.endsWith('.extension') && e.type?.[0].profile?.[0];
    if (!extension) return e;
    const url = { id: `${e.id}.url`, path: `${e.path}.url`, min: 1, max: '1', type: [{ code: 'uri' }], fixedUri: extension };
    return [e, url];
  });
  return { ...definition, snapshot: { element } };
}

function judge(resource) {
  const urls = resource.meta?.profile ?? [];
  const known = urls.map((url) => profiles.get(url.split('|')[0]));
  const errors = urls.filter((_, i) => !known[i]).map((url) => `unknown profile ${url}`);
  for (const profile of [undefined, ...known.filter(Boolean)]) {
    errors.push(...found(() => core.validateResource(resource, profile ? { profile } : {})));
  }
  // The library leaves an extension's content to its caller.
  for (const extension of extensionsOf(resource)) {
    const profile = profiles.get(extension.url);
    if (profile?.type !== 'Extension') continue;
    const typed = { type: 'Extension', value: extension };
    errors.push(...found(() => core.validateTypedValue(typed, { profile })).map((e) => `${profile.id}: ${e}`));
  }
  return [...new Set(errors)];
}

// The errors of one validation. A reference to a wrong type is only a warning to the library, but none to FHIR.
function found(validate) {
  const isError = (i) => i.severity !== 'warning' || i.code === 'structure';
  try {
    return validate().filter(isError).map(text);
  } catch (refusal) {
    return (refusal.outcome?.issue ?? [{ details: { text: refusal.message } }]).filter(isError).map(text);
  }
}

function* extensionsOf(value) {
  if (!value || typeof value !== 'object') return;
  for (const [name, child] of Object.entries(value)) {
    if (name === 'extension' && Array.isArray(child)) yield* child;
    yield* extensionsOf(child);
  }
}

function text(issue) {
  return [issue.expression?.join(', '), issue.details?.text ?? issue.diagnostics].filter(Boolean).join(': ');
}

const verdicts = Object.fromEntries(json(casesFile).map(({ name, resource }) => [name, judge(resource)]));
writeFileSync(verdictsFile, JSON.stringify(verdicts, null, 1));
