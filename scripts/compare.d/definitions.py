"""The search parameters as their definitions say, and the values that they find in a record. This reads HL7's expressions
(`src/fhir/definitions/search_parameters.txt`) and those of our own SearchParameters, and knows nothing of the service."""

import json
import re
from pathlib import Path

# Of US Core 6.1.0 (https://hl7.org/fhir/us/core/STU6.1/search-parameters.html), whose package is not in the repository.
US_CORE = [
    ("CareTeam", "role", "token", "CareTeam.participant.role"),
    ("Condition", "asserted-date", "date", "Condition.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate').value"),
    ("Encounter", "discharge-disposition", "token", "Encounter.hospitalization.dischargeDisposition"),
    ("Goal", "description", "token", "Goal.description"),
    ("Patient", "race", "token", "Patient.extension.where(url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race').extension.value"),
    ("Patient", "ethnicity", "token", "Patient.extension.where(url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity').extension.value"),
    ("Patient", "gender-identity", "token", "Patient.extension.where(url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity').value"),
]
# What R4 does not define and the service is searched by all the same.
PLAIN = {"DetectedIssue": ["status"], "AdverseEvent": ["identifier"], "Flag": ["status", "category", "code"]}
STEP = re.compile(r"\.?(\w+)(\((?:[^()]|\([^()]*\))*\))?")
# The types that a choice can have (<https://hl7.org/fhir/R4/datatypes.html#open>, and those of single choices), as names end with them.
TYPES = set("""Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid PositiveInt String Time UnsignedInt Uri Url Uuid
    Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance Duration HumanName Identifier Money Period Quantity Range Ratio
    Reference SampledData Signature Timing ContactDetail Contributor DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition
    UsageContext Dosage Meta""".split())
TYPED = re.compile(r"^\((.+?) as (\w+)\)(.*)$")


class Parameter:
    def __init__(self, kind, name, sort, expression, parts=()):
        self.kind, self.name, self.sort, self.expression, self.parts = kind, name, sort, expression, parts


def load(repo):
    """Every parameter by type and name."""
    out = {}
    for line in (repo / "src/fhir/definitions/search_parameters.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        kind, name, sort, _, expression, *parts = [part.strip() for part in line.split(";")]
        out.setdefault(kind, {})[name] = Parameter(kind, name, sort, expression, parts)
    for path in sorted((repo / "profiles/generated").glob("SearchParameter-*.json")):
        one = json.loads(path.read_text())
        for kind in one["base"]:
            ours = [e for e in one["expression"].split(" | ") if e.startswith(kind + ".")]
            out.setdefault(kind, {})[one["code"]] = Parameter(kind, one["code"], one["type"], " | ".join(ours))
    own = [(kind, name, "token", f"{kind}.{name}") for kind, names in PLAIN.items() for name in names]
    for kind, name, sort, expression in US_CORE + own:
        out.setdefault(kind, {})[name] = Parameter(kind, name, sort, expression)
    return out


def offered(repo):
    """The names that the service offers, by type (`src/fhir/parameters.txt`)."""
    out, kind = {}, None
    for line in (repo / "src/fhir/parameters.txt").read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            out.setdefault(kind, []).append(line.split()[0])
    return out


def split(expression):
    """The alternatives of a union."""
    return [part.strip() for part in re.split(r" \| (?![^()]*\))", expression)]


def under(nodes, name, wanted=None):
    """The elements `name`, also where it is a choice, each with the type that its name says."""
    out = []
    for node, _ in nodes:
        if not isinstance(node, dict):
            continue
        for key, value in node.items():
            typed = key[len(name):] if key.startswith(name) and key[len(name):] in TYPES else None
            # `effective` is a choice, `end` beside `endDate` is not, nor is `performer` of `performerType`.
            if key != name and (typed is None or name in node):
                continue
            kind = typed or ""
            if wanted and kind.lower() != wanted.lower():
                continue
            out.extend((one, kind) for one in (value if isinstance(value, list) else [value]))
    return out


def select(record, expression):
    """The elements that an expression finds, each with its type where the expression or the element's name tells."""
    out = []
    for part in split(expression):
        out.extend(path([(record, "")], part))
    return out


def path(nodes, text):
    typed = TYPED.match(text)
    if typed:
        way, kind, rest = typed.groups()
        head, _, last = way.rpartition(".")
        return path(under(path(nodes, head), last, kind), "." + rest.lstrip(".") if rest else "")
    if "exists() and" in text:
        return [(flagged(nodes, text), "boolean")]
    if text[:1].isupper():
        text = text.partition(".")[2]
    while text:
        step = STEP.match(text)
        name, call = step.groups()
        text = text[step.end():]
        if name == "where":
            nodes = [node for node in nodes if holds(node[0], call[1:-1])]
        elif name == "as":
            raise ValueError(text)
        else:
            after = re.match(r"\.as\((\w+)\)", text)
            nodes = under(nodes, name, after and after.group(1))
            text = text[after.end():] if after else text
    return nodes


def flagged(nodes, text):
    """`X.y.exists() and X.y != false`."""
    name = re.match(r"\w+\.(\w+)\.exists", text).group(1)
    found = under(nodes, name)
    return any(value is not False for value, _ in found)


def holds(node, condition):
    resolved = re.match(r"resolve\(\) is (\w+)", condition)
    if resolved:
        reference = node.get("reference", "") if isinstance(node, dict) else ""
        parts = reference.split("/_history/")[0].split("/")
        # What stands on another server cannot be resolved: nobody knows what it is.
        return len(parts) == 2 and parts[0] == resolved.group(1)
    name, value = re.match(r"(\w+) ?= ?'(.*)'", condition).groups()
    return isinstance(node, dict) and node.get(name) == value
