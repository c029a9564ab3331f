"""Judges cases with pyrofile-validator: judge_pyrofile.py CASES VERDICTS CORE DEFINITIONS...

CASES is a JSON list of {name, resource}; VERDICTS becomes {name: [error, ...]}.
CORE is the folder of the R4 definitions; DEFINITIONS are folders of profiles that build on it.
Known faults of version 0.3.0 are worked around below, each with its reason; alarms.json has those that a look at the
error tells.
"""

import contextlib
import functools
import json
import multiprocessing
import os
import re
import sys
import tempfile
from pathlib import Path

import pyrofile_validator.core.engine as engine
import pyrofile_validator.core.fhirpath as fhirpath
from pyrofile_validator.config import ValidatorConfig


def matches_pattern(value, pattern):
    """Whether `value` holds `pattern`. FHIR wants each item of an array pattern anywhere; 0.3.0 compares by position."""
    if isinstance(pattern, dict) and isinstance(value, dict):
        return all(matches_pattern(value.get(key), part) for key, part in pattern.items())
    if isinstance(pattern, list) and isinstance(value, list):
        return all(any(matches_pattern(item, part) for item in value) for part in pattern)
    return value == pattern


engine._matches_pattern = matches_pattern
# The types of choices; 0.3.0 leaves out one, which `$meta` answers with.
CHOICES = (*fhirpath._CHOICE_SUFFIXES, "Meta")


@functools.cache
def choice(name):
    """`value` of `valueQuantity`; None of what is no choice."""
    fits = (name[: -len(kind)] for kind in CHOICES if name.endswith(kind) and name[:1].islower())
    return next(fits, None) or None


def with_choices(data):
    """Elements also under the name that FHIRPath finds a choice by. As 0.3.0 does it for each expression anew, but looking at
    each name once: that took most of its time."""
    if isinstance(data, list):
        return [with_choices(item) for item in data]
    if not isinstance(data, dict):
        return data
    found = {name: with_choices(value) for name, value in data.items()}
    for name in data:
        if choice(name):
            found.setdefault(choice(name), found[name])
    return found


fhirpath._augment_choice_types = with_choices

BASE = "https://kap-interop.example.org"
# Terminology that no judge has: a filter over LOINC, and codes of US Core, which may be absent.
TERMINOLOGY = {
    "mode": "local",
    "ignoredCodeSystems": ["http://hl7.org/fhir/us/core/CodeSystem/condition-category"],
    "ignoredValueSets": ["http://hl7.org/fhir/us/core/ValueSet/us-core-documentreference-type"],
}


def false_alarm(issue, resource):
    """Whether the judge misses an element that is there: nested choice elements are looked for under the name with [x];
    in a Bundle the path is that of the entry."""
    choice = re.fullmatch(r"(.+)\.(\w+)\[x\] is required", issue.message)
    if not choice:
        return False
    kind, *path = choice[1].split(".")
    inside = [entry.get("resource", {}) for entry in resource.get("entry", [])]
    return any(
        name.startswith(choice[2]) and name[len(choice[2]) :][:1].isupper()
        for holder in (resource, *inside)
        if holder.get("resourceType") == kind
        for name in at(holder, path)
    )


def at(value, path):
    for part in path:
        name, _, index = part.rstrip("]").partition("[")
        value = value.get(name, {}) if isinstance(value, dict) else {}
        if index:
            value = value[int(index)] if isinstance(value, list) else {}
    return value if isinstance(value, dict) else {}


def readable(folder, target):
    """Copies definitions in the form that 0.3.0 reads right: from the differential, where each extension slice
    repeats the fixed url of its extension (from a snapshot it mixes up the slicings of nested extensions)."""
    for file in sorted(Path(folder).glob("*.json")):
        definition = json.loads(file.read_text(encoding="utf-8"))
        if definition.get("resourceType") == "StructureDefinition" and "differential" in definition:
            definition.pop("snapshot", None)
            definition["differential"]["element"] = [
                element for source in definition["differential"]["element"] for element in with_url(source)
            ]
        (target / file.name).write_text(json.dumps(definition), encoding="utf-8")


def with_url(element):
    yield element
    profile = next(iter(next(iter(element.get("type", [])), {}).get("profile", [])), None)
    if profile and element.get("sliceName") and element["path"].endswith(".extension"):
        yield {"id": f"{element['id']}.url", "path": f"{element['path']}.url", "fixedUri": profile}


def questionnaires(folders):
    files = (file for folder in folders for file in Path(folder).glob("Questionnaire-*.json"))
    forms = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {name: form for form in forms for name in (form["url"], f"{form['url']}|{form['version']}")}


def bindings(folders):
    """Required value sets of the extensions: {url: {name of the part or "": value set}}."""
    found = {}
    for file in sorted(file for folder in folders for file in Path(folder).glob("StructureDefinition-*.json")):
        definition = json.loads(file.read_text(encoding="utf-8"))
        if definition["type"] != "Extension":
            continue
        for element in definition.get("differential", {}).get("element", []):
            binding = element.get("binding", {})
            part = re.fullmatch(r"Extension\.(?:extension:(\w+)\.)?value\[x\].*", element["id"])
            if part and binding.get("strength") == "required":
                found.setdefault(definition["url"], {})[part[1] or ""] = binding["valueSet"]
    return found


def extension_errors(value, sets, terminology):
    """Codes of extensions outside their required value sets: 0.3.0 checks the bindings of elements only."""
    if isinstance(value, list):
        for item in value:
            yield from extension_errors(item, sets, terminology)
    if not isinstance(value, dict):
        return
    parts = sets.get(value.get("url"), {})
    for name, item in [("", value), *((part.get("url"), part) for part in value.get("extension", []))]:
        for code in codes(item) if name in parts else ():
            if terminology.contains(parts[name], code) is False:
                yield f"{value['url']}: code {code!r} of {name or 'value'} is not in {parts[name]}"
    for child in value.values():
        yield from extension_errors(child, sets, terminology)


def codes(extension):
    value = next((v for k, v in extension.items() if k.startswith("value")), None)
    return [value] if isinstance(value, str) else engine._coded_value_codes(value)


def text(issue):
    by = f" by {issue.profile}" if issue.profile else ""
    return f"{issue.path}: {issue.message} [{issue.code}{by}]"


def main(cases, verdicts, core, *folders):
    with tempfile.TemporaryDirectory() as scratch:
        targets = [Path(scratch) / str(number) for number in range(len(folders))]
        for folder, target in zip(folders, targets, strict=True):
            target.mkdir()
            readable(folder, target)
        settings = {"fhirVersion": "4.0.1", "localPackagePaths": [core, *map(str, targets)], "terminology": TERMINOLOGY}
        forms = questionnaires(folders)
        sets = bindings(folders)
        validator = engine.Validator(
            ValidatorConfig.load_dict(settings),
            external_reference_resolver=forms.get,
            reference_origin=BASE,
            # Counted for each case; a document answers more forms than the 20 that are the default.
            max_external_references=1000,
        )

    def judged(case):
        with contextlib.redirect_stdout(None):  # FHIRPath's `trace()` prints
            issues = validator.validate_resource(case["resource"]).issues
        errors = (i for i in issues if i.severity.value == "error" and not false_alarm(i, case["resource"]))
        texts = {text(issue) for issue in errors}
        return case["name"], sorted(texts.union(extension_errors(case["resource"], sets, validator.terminology)))

    judge_all(judged, json.loads(Path(cases).read_text(encoding="utf-8")), Path(verdicts))


_judged = None


def one(case):
    return _judged(case)


def judge_all(judged, cases, verdicts):
    """Judges in as many processes as there are processors. Each has the definitions from its parent, which read them once."""
    global _judged  # noqa: PLW0603 - what is inherited by a fork need not be sent to it
    _judged = judged
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        found = dict(pool.imap(one, cases, chunksize=4))
    verdicts.write_text(json.dumps(found, indent=1), encoding="utf-8")


main(*sys.argv[1:])
