"""Queries for every parameter of every type, with values drawn from the records that there are."""

import json
import random
import re

from definitions import offered, select
from evaluate import Evaluator, covered, fold
from values import SEED

PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
# `ap` of a date depends on the clock: the two servers may draw the line elsewhere (R4: 'exact definition is left to the server').
CHAINED = {"Patient": ("family", "gender"), "Practitioner": ("family", "identifier"), "Organization": ("name", "active"), "PractitionerRole": ("role", "active"),
           "Encounter": ("class", "status"), "Condition": ("code", "onset-date"), "Medication": ("code", "form"), "Observation": ("code", "date"),
           "ServiceRequest": ("code", "authored"), "Procedure": ("code", "status"), "CarePlan": ("category", "date"), "CareTeam": ("role", "status"),
           "Goal": ("category", "description"), "QuestionnaireResponse": ("authored", "status"), "MedicationRequest": ("authoredon", "intent"),
           "EpisodeOfCare": ("status", "date"), "DocumentReference": ("type", "date"), "ClinicalImpression": ("date", "status"), "Task": ("code", "status"),
           "RelatedPerson": ("name", "gender"), "Communication": ("sent", "status"), "Appointment": ("date", "status"), "Composition": ("type", "date"),
           "Consent": ("status", "date"), "AdverseEvent": ("event", "date"), "Flag": ("date", "encounter"), "DetectedIssue": ("identified", "code")}
# Queries of one parameter of one type.
EACH = 6
# Parameters of the service that no definition describes alike for two servers.
APART = {"phonetic"}
ALL = ["_id", "_profile", "_source", "_tag", "_security"]


# Asked whatever the dice say: what the servers once answered differently, so that each explanation is needed.
ALWAYS = [
    "AdverseEvent?resultingcondition:Condition.code=gamma", "Condition?stage=urn:example:codes|&abatement-string=when&_total=accurate",
    "DetectedIssue?identified=le2020-02", "DetectedIssue?identified=ge2025&identified=lt2027", "Encounter?identifier=urn:example:encounter|Encounter-61",
    "Encounter?length=ne2||h&_revinclude=CareTeam:encounter&_total=accurate", "Encounter?length=gt2|http://unitsofmeasure.org|h",
    "Encounter?length=sa90|http://unitsofmeasure.org|min", "Encounter?_sort=length", "EpisodeOfCare?_include=EpisodeOfCare:*",
    "MedicationAdministration?code=http://snomed.info/sct|", "Observation?value-string:exact=Said Alpha", "Observation?value-string:contains=aid",
    "Observation?combo-value-quantity=sa20", "Observation?value-quantity=ge10", "Patient?address-city=koln", "Patient?address=EXAMPL&_revinclude=DetectedIssue:patient",
    "Patient?deceased:not=false", "ServiceRequest?status=completed,active&occurrence=ge2016-09-27&_total=accurate",
    "Questionnaire?url:above=https://kap-interop.example.org/fhir/Questionnaire/phq-9-teen/deeper",
]

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Writer:
    def __init__(self, repo, records, evaluator, skip):
        self.records, self.evaluator, self.skip = records, evaluator, skip
        self.names = offered(repo)
        self.throw()
        self.out, self.sorted = [], {}

    def every(self):
        for kind in sorted(self.names):
            if kind == "*" or kind in self.skip or kind not in self.records:
                continue
            for name in self.names[kind] + ALL:
                if name not in APART:
                    self.parameter(kind, name)
            self.together(kind)
            self.include(kind)
        always = [text.split("?") for text in ALWAYS]
        always = [(kind, [tuple(pair.split("=", 1)) for pair in rest.split("&")]) for kind, rest in always]
        return self.unique(always + self.drawn(self.unique(self.out)))

    @staticmethod
    def unique(every):
        return list({repr(one): one for one in every}.values())

    def drawn(self, every):
        """Some of the queries of each parameter of each type, and of each way to shape an answer."""
        groups = {}
        for kind, pairs in every:
            base = re.split(r"[:.]", pairs[0][0])[0] if not pairs[0][0].startswith("_has") else "_has"
            groups.setdefault((kind, base, len(pairs)), []).append((kind, pairs))
        out = []
        for (kind, *of), group in groups.items():
            self.throw(kind, *of)
            out += self.dice.sample(group, min(EACH, len(group)))
        return out

    def throw(self, *of):
        """Dice of their own: what is new in one place does not change all that is asked."""
        self.dice = random.Random(f"{SEED} {of}")

    def add(self, kind, *pairs):
        self.out.append((kind, list(pairs)))

    def ordered(self, kind):
        """The records in an order that is the same in every run, whatever ids were made up."""
        if kind not in self.sorted:
            plain = lambda one: UUID.sub("", json.dumps({n: v for n, v in one.items() if n not in ("id", "meta", "text")}, sort_keys=True))
            self.sorted[kind] = sorted(self.records[kind].values(), key=plain)
        return self.sorted[kind]

    def values(self, kind, name):
        """Up to some of the values that records have, each different."""
        parameter = self.evaluator.parameter(kind, name)
        found = []
        for record in self.ordered(kind):
            found += [node for node, _ in self.evaluator.values(record, parameter)]
        unique = list({repr(node): node for node in found}.values())
        self.dice.shuffle(unique)
        return parameter, unique

    def parameter(self, kind, name):
        self.throw(kind, name)
        if name == "_id":
            self.add(kind, ("_id", ",".join(one["id"] for one in self.ordered(kind)[:2])))
            return
        parameter = self.evaluator.parameter(kind, name)
        if parameter.sort == "composite":
            self.composite(kind, parameter)
            return
        parameter, found = self.values(kind, name)
        if not name.startswith("_"):
            self.add(kind, (f"{name}:missing", "true"))
            self.add(kind, (f"{name}:missing", "false"))
        if found:
            getattr(self, parameter.sort)(kind, name, found)

    # Each type of parameter

    def token(self, kind, name, found):
        codes = [pair for node in found for pair in Evaluator.codes(node)]
        codes = list(dict.fromkeys((s if isinstance(s, str) else None, c) for s, c in codes if c))
        forms = []
        for system, code in codes[:3]:
            code = escape(code)
            forms.append(code if not system else f"{escape(system)}|{code}")
        if not forms:
            return
        self.add(kind, (name, forms[0]))
        self.add(kind, (f"{name}:not", forms[0]))
        if len(forms) > 1:
            self.add(kind, (name, ",".join(forms[:3])))
        with_system = [(s, c) for s, c in codes if s]
        if with_system:
            system, code = with_system[0]
            self.add(kind, (name, escape(code)))
            self.add(kind, (name, f"{escape(system)}|"))
        without = [c for s, c in codes if s == ""]
        if without:
            self.add(kind, (name, f"|{escape(without[0])}"))
        self.words(kind, name, found)

    def words(self, kind, name, found):
        words = [w for node in found for w in Evaluator.words(node)]
        if words and not name.startswith("_"):
            start = fold(words[0])[: self.dice.randrange(3, 9)]
            self.add(kind, (f"{name}:text", escape(start)))
        typed = [n for n in found if isinstance(n, dict) and isinstance(n.get("type"), dict) and n["type"].get("coding")]
        if typed and name == "identifier":
            coding = typed[0]["type"]["coding"][0]
            self.add(kind, (f"{name}:of-type", f"{escape(coding['system'])}|{coding['code']}|{escape(typed[0]['value'])}"))

    def string(self, kind, name, found):
        texts = [text for node in found for text in Evaluator.texts(node) if text]
        if not texts:
            return
        for text in texts[:2]:
            self.add(kind, (name, escape(shouted(text[: max(2, len(text) // 2)]))))
        text = texts[-1]
        self.add(kind, (name, escape(fold(text)[:4])))
        self.add(kind, (f"{name}:exact", escape(text)))
        if len(text) > 2:
            self.add(kind, (f"{name}:contains", escape(text[1:4])))
        if len(texts) > 2:
            self.add(kind, (name, ",".join(escape(t) for t in texts[:2])))

    def date(self, kind, name, found):
        dates = []
        for node in found:
            if isinstance(node, str) and covered(node):
                dates.append(node)
            elif isinstance(node, dict):
                period = node.get("repeat", {}).get("boundsPeriod", node)
                dates += [period[end] for end in ("start", "end") if end in period] + node.get("event", [])
        if not dates:
            return
        for n, prefix in enumerate(self.dice.sample(PREFIXES, 5)):
            text = dates[n % len(dates)]
            size = self.dice.choice([4, 7, 10, len(text)])
            self.add(kind, (name, prefix + cut(text, size)))
        first, second = dates[0][:4], dates[-1][:7]
        self.add(kind, (name, f"ge{first}"), (name, f"lt{int(first) + 2}"))
        self.add(kind, (name, f"{first},{second}"))

    def reference(self, kind, name, found):
        texts = [node if isinstance(node, str) else node.get("reference") for node in found]
        texts = [text for text in texts if text and not text.startswith("#")]
        if texts and isinstance(found[0], str):
            self.add(kind, (name, escape(texts[0])))
            self.add(kind, (name, escape(texts[-1].split("|")[0])))
            self.add(kind, (f"{name}:below", "http://example.org/fhir"))
            return
        here = [text for text in texts if re.fullmatch(r"[A-Z]\w+/[\w.-]+", text)]
        away = [text for text in texts if text.startswith("http")]
        if here:
            target, one = here[0].split("/")
            self.add(kind, (name, here[0]))
            self.add(kind, (f"{name}:{target}", one))
            self.add(kind, (name, one))
            if len(here) > 1:
                self.add(kind, (name, ",".join(here[:3])))
            self.chain(kind, name, here)
        if away:
            self.add(kind, (name, away[0]))
        known = [node["identifier"] for node in found if isinstance(node, dict) and "identifier" in node]
        if known:
            self.add(kind, (f"{name}:identifier", f"{known[0].get('system', '')}|{known[0]['value']}"))

    def chain(self, kind, name, here):
        """Criteria on what is referred to, and on what refers to it."""
        for target in sorted({text.split("/")[0] for text in here}):
            for asked in CHAINED.get(target, ()):
                value = self.simple(target, asked)
                if value:
                    self.add(kind, (f"{name}:{target}.{asked}", value))
            asked = CHAINED.get(kind, ("identifier",))[0]
            value = self.simple(kind, asked)
            if value and target in self.names and target not in self.skip:
                self.add(target, (f"_has:{kind}:{name}:{asked}", value))

    def simple(self, kind, name):
        """A plain value of a parameter."""
        if kind not in self.records or name not in self.names.get(kind, []):
            return None
        parameter, found = self.values(kind, name)
        for node in found:
            if parameter.sort == "token" and Evaluator.codes(node):
                return escape(Evaluator.codes(node)[0][1])
            if parameter.sort == "string" and Evaluator.texts(node):
                return escape(Evaluator.texts(node)[0][:3])
            if parameter.sort == "date" and isinstance(node, str):
                return "ge" + node[:4]
            if parameter.sort == "reference" and isinstance(node, dict) and re.fullmatch(r"[A-Z]\w+/[\w.-]+", node.get("reference", "")):
                return node["reference"]
        return None

    def uri(self, kind, name, found):
        texts = [text for text in found if text]
        if not texts:
            return
        self.add(kind, (name, escape(texts[0])))
        self.add(kind, (f"{name}:below", escape(texts[0].rsplit("/", 1)[0])))
        self.add(kind, (f"{name}:above", escape(texts[-1] + "/deeper/still")))
        self.add(kind, (name, ",".join(escape(t) for t in texts[:2])))

    def quantity(self, kind, name, found):
        amounts = [node for node in found if isinstance(node, dict) and "value" in node]
        for n, node in enumerate(amounts[:6]):
            prefix = self.dice.choice(PREFIXES)
            number, system, code = node["value"], node.get("system", ""), node.get("code", "")
            self.add(kind, (name, f"{prefix}{number}"))
            if code:
                self.add(kind, (name, f"{prefix}{number}|{escape(system)}|{escape(code)}"))
                self.add(kind, (name, f"{self.dice.choice(PREFIXES)}{number}||{escape(code)}"))
        for text in ("70.2|http://unitsofmeasure.org|kg", "70200|http://unitsofmeasure.org|g", "gt0.07|http://unitsofmeasure.org|t", "16|http://unitsofmeasure.org|kPa"):
            self.add(kind, (name, text))

    def composite(self, kind, parameter):
        first, second = parameter.parts
        bases = [base for record in self.ordered(kind) for base, _ in bases_of(record, parameter.expression)]
        self.dice.shuffle(bases)
        count = 0
        for base in bases:
            codes = [c for node, _ in select(base, "X." + first) for c in Evaluator.codes(node)]
            others = [node for part in second.split(" | ") for node, _ in select(base, "X." + part.replace("(DateTime)", "(dateTime)"))]
            value = next((text for text in (said(node, parameter.name) for node in others) if text), None)
            if codes and value and codes[0][1]:
                system, code = codes[0]
                form = escape(code) if not isinstance(system, str) or not system else f"{escape(system)}|{escape(code)}"
                self.add(kind, (parameter.name, f"{form}${value}"))
                count += 1
                if count == 5:
                    break

    # Several things at once

    def together(self, kind):
        """Criteria of two parameters, and orders."""
        self.throw(kind)
        single = [pairs[0] for k, pairs in self.out if k == kind and len(pairs) == 1 and ":" not in pairs[0][0] and "." not in pairs[0][0]]
        for _ in range(6):
            if len(single) > 3:
                one, two = self.dice.sample(single, 2)
                if one[0] != two[0]:
                    self.add(kind, one, two, ("_total", "accurate"))
        self.add(kind, ("_total", "accurate"))
        sorts = [n for n in self.names[kind] if self.evaluator.parameter(kind, n).sort in ("token", "date", "string", "quantity") and n not in APART]
        for name in self.dice.sample(sorts, min(5, len(sorts))):
            self.add(kind, ("_sort", self.dice.choice(["", "-"]) + name))
        dates = [n for n in sorts if self.evaluator.parameter(kind, n).sort == "date"]
        for name in dates[:2]:
            self.add(kind, ("_sort", name))
            self.add(kind, ("_sort", "-" + name), ("_count", "7"))
        self.add(kind, ("_sort", "_id"))

    def include(self, kind):
        links = [n for n in self.names[kind] if self.evaluator.parameter(kind, n).sort == "reference" and self.reaches(kind, n)]
        for name in links[:6]:
            self.add(kind, ("_include", f"{kind}:{name}"))
            target = self.reaches(kind, name)[0]
            self.add(target, ("_revinclude", f"{kind}:{name}"))
        if len(links) > 1:
            self.add(kind, ("_include", f"{kind}:{links[0]}"), ("_include", f"{kind}:{links[1]}"))
            self.add(kind, ("_include", f"{kind}:{links[1]}"), ("_include:iterate", "PractitionerRole:organization"), ("_include:iterate", "Patient:general-practitioner"))
        if links:
            self.add(kind, ("_include", f"{kind}:*"))
            target = self.reaches(kind, links[0])[0]
            self.add(kind, ("_include", f"{kind}:{links[0]}:{target}"))

    def reaches(self, kind, name):
        """The types that references of a parameter reach."""
        parameter, found = self.values(kind, name)
        texts = [node.get("reference", "") for node in found if isinstance(node, dict)]
        kinds = sorted({text.split("/")[0] for text in texts if re.fullmatch(r"[A-Z]\w+/[\w.-]+", text)})
        return [k for k in kinds if k in self.records and k not in self.skip]


def bases_of(record, expression):
    out = []
    for part in expression.split(" | "):
        out += select(record, part) if "." in part else [(record, "")]
    return out


def said(node, name):
    """A value of the second part of a composite."""
    if isinstance(node, str):
        return escape(node[:6]) if name.endswith("string") else node
    if not isinstance(node, dict):
        return None
    if "concept" in name:
        codes = Evaluator.codes(node)
        return escape(codes[0][1]) if codes else None
    if "value" in node:
        return f"{node['value']}|{escape(node.get('system', ''))}|{escape(node['code'])}" if node.get("code") else str(node["value"])
    return node.get("start") or node.get("reference")


def escape(text):
    return re.sub(r"([\\$,|])", r"\\\1", text)


def shouted(text):
    """In capitals, letter by letter: what has no capital of one letter stays."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def cut(text, size):
    return text if size >= len(text) else text[:size]
