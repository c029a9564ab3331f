"""Cases for the judges, and the table of their verdicts.

cases.py collect CASES PROFILES ROOT FILE...      resources of files (Bundles and their entries) -> CASES
cases.py mutate SPEC EXAMPLES CASES PROFILES      mutations of examples -> CASES
cases.py report MODE CASES JUDGE=VERDICTS...      the table; exit code 1 on a defect

PROFILES is kap or kap+us-core: profiles of others are taken off the claims, because no judge has them.
In MODE conform an error is a defect; in MODE mutations a case that no judge refuses is one.
"""

import copy
import json
import sys
from pathlib import Path

BASES = {
    "kap": ("https://kap-interop.example.org/fhir/",),
    "kap+us-core": ("https://kap-interop.example.org/fhir/", "http://hl7.org/fhir/us/core/"),
}


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path, value):
    Path(path).write_text(json.dumps(value), encoding="utf-8")


def known(resource, bases):
    """A copy of `resource` that claims only profiles that the judges have."""
    resource = copy.deepcopy(resource)
    meta = resource.get("meta", {})
    claims = [url for url in meta.pop("profile", []) if url.startswith(bases)]
    if claims:
        meta["profile"] = claims
    if not meta:
        resource.pop("meta", None)
    for entry in resource.get("entry", []) if resource["resourceType"] == "Bundle" else []:
        if "resource" in entry:
            entry["resource"] = known(entry["resource"], bases)
    return resource


def collect(target, profiles, root, *files):
    cases = []
    for file in files:
        path = Path(file).resolve()
        name = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
        content = read(path)
        for number, resource in enumerate(content if isinstance(content, list) else [content]):
            label = f"{name}#{number}" if isinstance(content, list) else name
            resource = known(resource, BASES[profiles])
            cases.append({"name": label, "resource": resource})
            # One judge looks into a Bundle, the other does not: each entry is a case of its own as well.
            entries = resource.get("entry", []) if resource["resourceType"] == "Bundle" else []
            inside = [entry["resource"] for entry in entries if "resource" in entry]
            cases.extend({"name": f"{label}: {r['resourceType']}/{r.get('id')}", "resource": r} for r in inside)
    # Documents repeat resources: what is the same is judged once.
    once = {json.dumps(case["resource"], sort_keys=True): case for case in reversed(cases)}
    write(target, list(reversed(once.values())))


def mutate(spec, examples, target, profiles):
    cases = []
    for group in read(spec):
        original = known(read(Path(examples) / group["example"]), BASES[profiles])
        for mutation in group["mutations"]:
            resource = copy.deepcopy(original)
            apply(resource, mutation)
            cases.append({"name": f"{group['example']}: {mutation['why']}", "resource": resource})
    write(target, cases)


def apply(resource, mutation):
    """remove, set or append at a path; a segment @name finds the extension with that name."""
    kind = next(k for k in ("remove", "set", "append") if k in mutation)
    *way, last = mutation[kind].split("/")
    place = resource
    for segment in way:
        place = place[key(place, segment)]
    if kind == "append":
        place[last].append(mutation["value"])
    elif kind == "set":
        place[key(place, last)] = mutation["value"]
    else:
        del place[key(place, last)]


def key(place, segment):
    if segment.startswith("@"):
        urls = [item["url"] for item in place]
        return next(i for i, url in enumerate(urls) if url.rsplit("/", 1)[-1] == segment[1:])
    return int(segment) if isinstance(place, list) else segment


def report(mode, cases, *judges):
    verdicts = {name: read(path) for name, _, path in (judge.partition("=") for judge in judges)}
    names = [case["name"] for case in read(cases)]
    width = max(map(len, names), default=0)
    print("  ".join([" " * width, *(f"{judge:>9}" for judge in verdicts)]))
    defects = 0
    for name in names:
        errors = {judge: found.get(name, ["no verdict"]) for judge, found in verdicts.items()}
        print("  ".join([name.ljust(width), *(f"{len(e) or 'ok':>9}" for e in errors.values())]))
        refused = any(errors.values())
        defect = refused if mode == "conform" else not refused
        defects += defect
        if mode == "conform":
            for judge, found in errors.items():
                for error in found:
                    print(f"    {judge}: {error}")
        elif defect:
            print("    no judge refuses it")
    print(f"{len(names)} cases, {defects} defects")
    sys.exit(1 if defects or not names else 0)


{"collect": collect, "mutate": mutate, "report": report}[sys.argv[1]](*sys.argv[2:])
