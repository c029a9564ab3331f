"""Cases for the judges, and the table of their verdicts.

cases.py collect CASES ROOT DEFINITIONS... -- FILE...   resources of files (Bundles and their entries) -> CASES
cases.py mutate CASES SPEC EXAMPLES DEFINITIONS...       mutations of examples are added to CASES
cases.py report CASES ALARMS JUDGE=VERDICTS...           the table; exit code 1 on a defect

DEFINITIONS are folders of StructureDefinitions: claims of other profiles, and extensions of other guides, are taken off,
because no judge has them.
A case is {name, resource, mutant}. An error is a defect of what must conform; of a mutant it is one where a judge of
ours, or all the others, find nothing. A file that ends in `.list.json` was captured: of its resources those that differ
in more than ids and times from one that is there already are cases.
"""

import copy
import json
import re
import sys
from collections import Counter
from pathlib import Path

# The judge that is the service itself; all others were written by somebody else.
OWN = "kap-fhir"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?")
# What is defined by a guide and by no base specification.
GUIDE = re.compile(r"http://hl7\.org/fhir/[a-z]+/[a-z-]+/|https://profiles\.ihe\.net/")


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(path, value):
    Path(path).write_text(json.dumps(value), encoding="utf-8")


def profiles(folders):
    files = (file for folder in folders for file in Path(folder).glob("StructureDefinition-*.json"))
    return {read(file)["url"] for file in files}


def known(resource, urls):
    """A copy of `resource` that claims only profiles of `urls`, and has no extension of a guide that is not among them."""
    resource = without(resource, urls)
    meta = resource.get("meta", {})
    claims = [url for url in meta.get("profile", []) if url.split("|")[0] in urls]
    meta.pop("profile", None)
    if claims:
        meta["profile"] = claims
    if not meta:
        resource.pop("meta", None)
    for entry in resource.get("entry", []) if resource["resourceType"] == "Bundle" else []:
        if "resource" in entry:
            entry["resource"] = known(entry["resource"], urls)
    return resource


def without(value, urls):
    """`value` without the extensions of guides that are not among `urls`."""
    if isinstance(value, list):
        return [without(one, urls) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, whole in value.items():
        one = whole
        if name in ("extension", "modifierExtension"):
            one = [each for each in one if each["url"] in urls or not GUIDE.match(each["url"])]
        one = without(one, urls)
        # What is emptied by this goes; what was empty before is a defect, and stays one.
        if one or not whole:
            kept[name] = one
    return kept


def alike(resource):
    """What a captured resource says but for ids and times: many records of a course say the same."""
    return TIME.sub("time", UUID.sub("id", json.dumps(resource, sort_keys=True)))


def inside(resource):
    """The resources in a Bundle, at any depth; one judge looks there, the others do not."""
    for entry in resource.get("entry", []) if resource["resourceType"] == "Bundle" else []:
        if "resource" in entry:
            yield entry["resource"]
            yield from inside(entry["resource"])


def is_part(resource):
    """Whether it is a subset that was asked for, or holds one: the standard lets such a copy break its rules."""
    tags = resource.get("meta", {}).get("tag", [])
    return any(tag.get("code") == "SUBSETTED" for tag in tags) or any(map(is_part, inside(resource)))


def named(name, taken):
    """The name, which no other case has: a history has a resource several times."""
    taken[name] += 1
    return name if taken[name] == 1 else f"{name} ({taken[name]})"


def collect(target, root, *arguments):
    split = arguments.index("--")
    urls, files = profiles(arguments[:split]), arguments[split + 1 :]
    cases, seen, taken, parts = [], set(), Counter(), 0
    for file in files:
        path = Path(file).resolve()
        name = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
        content = read(path)
        for number, original in enumerate(content if isinstance(content, list) else [content]):
            label = f"{name}#{number}" if isinstance(content, list) else name
            whole = known(original, urls)
            for resource in (whole, *inside(whole)):
                key = alike(resource) if "captured" in path.parts else json.dumps(resource, sort_keys=True)
                if key in seen or is_part(resource):
                    parts += is_part(resource)
                    continue
                seen.add(key)
                own = label if resource is whole else f"{label}: {resource['resourceType']}/{resource.get('id')}"
                cases.append({"name": named(own, taken), "resource": resource, "mutant": None})
    write(target, cases)
    print(f"{len(files)} files, {len(cases)} different resources and Bundles; {parts} subsets are left out")


def mutate(target, spec, examples, *folders):
    cases, urls = read(target), profiles(folders)
    count, taken = Counter(), Counter()
    for group in read(spec):
        original = known(read(Path(examples) / group["example"]), urls)
        for mutation in group["mutations"]:
            resource = copy.deepcopy(original)
            apply(resource, mutation)
            claims = original["meta"]["profile"]
            count.update(url for url in claims if "/us/core/" not in url)
            name = named(f"{group['example']}: {mutation['why']}", taken)
            cases.append({"name": name, "resource": resource, "mutant": claims[0]})
    write(target, cases)
    print(f"{sum(1 for case in cases if case['mutant'])} mutations of {len(count)} profiles, {min(count.values())} or more of each")


def apply(resource, mutation):
    """remove, set or append at a path; a segment @name finds the extension with that name. What is set may be new."""
    kind = next(k for k in ("remove", "set", "append") if k in mutation)
    *way, last = mutation[kind].split("/")
    place = resource
    for segment in way:
        if kind == "set" and isinstance(place, dict):
            place.setdefault(segment, {})
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


class Alarms:
    """Errors that are known to be none, each with its reason."""

    def __init__(self, path):
        self.known = [{**alarm, "text": re.compile(alarm["text"])} for alarm in read(path)]
        self.rung = Counter()

    def left(self, judge, kind, errors):
        """The errors but for known alarms."""
        return [error for error in errors if not self.is_one(judge, kind, error)]

    def is_one(self, judge, kind, error):
        for number, alarm in enumerate(self.known):
            if alarm["judge"] == judge and kind in alarm.get("of", [kind]) and alarm["text"].search(error):
                self.rung[number] += 1
                return True
        return False

    def silent(self):
        return [alarm["text"].pattern for number, alarm in enumerate(self.known) if not self.rung[number]]


def report(cases, alarms, *judges):
    cases, alarms = read(cases), Alarms(alarms)
    verdicts = {name: read(path) for name, _, path in (judge.partition("=") for judge in judges)}
    failed, counts = 0, {judge: Counter() for judge in verdicts}
    for case in cases:
        found = {}
        for judge, said in verdicts.items():
            errors = said.get(case["name"], ["no verdict"])
            # A judge says null of what it cannot judge: the service of types that it does not store.
            if errors is not None:
                found[judge] = alarms.left(judge, case["resource"]["resourceType"], errors)
                counts[judge]["mutants" if case["mutant"] else "judged"] += 1
                counts[judge]["refused" if case["mutant"] else "errors"] += bool(found[judge])
        wrong = list(missed(found)) if case["mutant"] else [f"{j}: {e}" for j, errors in found.items() for e in errors]
        failed += bool(wrong)
        if wrong:
            print(case["name"], *wrong, sep="\n    ")
    print(f"\n{'judge':<12}{'judged':>8}{'with errors':>13}{'mutations':>11}{'refused':>9}")
    for judge, count in counts.items():
        print(f"{judge:<12}{count['judged']:>8}{count['errors']:>13}{count['mutants']:>11}{count['refused']:>9}")
    print(f"known false alarms: {sum(alarms.rung.values())} of {len(alarms.rung)} kinds")
    for text in alarms.silent():
        print(f"a known alarm that did not sound: {text}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not cases else 0)


def missed(found):
    """What is wrong where a mutant is let through."""
    others = [errors for judge, errors in found.items() if judge != OWN]
    if not any(others):
        yield "no judge refuses it"
    if OWN in found and not found[OWN]:
        yield f"{OWN} does not refuse it"


{"collect": collect, "mutate": mutate, "report": report}[sys.argv[1]](*sys.argv[2:])
