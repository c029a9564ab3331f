"""The parts of which synthetic records are made: dates of every precision, quantities in several units, tokens with and
without a system, texts with marks, references of every form. Everything is drawn from one seed."""

import os
import random

# Other dice: other records and other queries.
SEED = int(os.environ.get("KAP_COMPARE_SEED", "0"))
DICE = random.Random(20261126 + SEED)

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
LOCAL = "urn:example:codes"
OTHER = "urn:example:other|codes"
ELSEWHERE = "https://elsewhere.example.org/fhir"

DAYS = ["2019", "2020-02", "2020-02-29", "2021", "2021-07", "2021-07-04", "2022-12-31", "2023-01-01", "2024-02-29", "2024-11"]
MOMENTS = [
    "2020-02-29T23:30:00-05:00", "2021-07-04T00:00:00Z", "2021-07-04T12:15:30.250Z", "2022-12-31T23:59:59Z",
    "2023-01-01T00:00:00+14:00", "2023-01-01T00:00:00.001Z", "2024-02-29T08:00:00+05:30", "2024-02-29T08:00:00Z",
    "2025-03-30T02:30:00+01:00",
]
NAMES = [
    ("Núñez", ["José", "María"]), ("Müller", ["Jörg"]), ("Mueller", ["Joerg"]), ("O'Brien", ["Siobhán"]), ("Van der Berg", ["Anneke"]),
    ("Łukasz", ["Żaneta"]), ("Ångström", ["Åsa"]), ("Smith", ["Ann", "Marie"]), ("Smythe", ["anne"]), ("Ñandú", ["Zoë"]),
    ("Øster", ["Bjørn"]), ("Straße", ["Weiß"]), ("İnci", ["Işıl"]), ("Δημος", ["Ελένη"]), ("Ćosić", ["Đorđe"]), ("smithson", ["ANN"]),
]
CITIES = ["Zürich", "San José", "Portland", "portland", "Malmö", "New York", "Köln", "St. John's"]
WORDS = [
    "Morning walk, 20 minutes", "Breathing exercise", "café visit", "Café Noir", "Übung macht den Meister", "a, b and c", "price 5$",
    "one|two", "naïve plan", "back\\slash",
]


def pick(*items):
    return DICE.choice(items)


def of(items):
    return DICE.choice(items)


def chance(share):
    return DICE.random() < share


def clean(value):
    """The value without what was left out."""
    if isinstance(value, dict):
        kept = {name: clean(part) for name, part in value.items() if part is not None}
        return {name: part for name, part in kept.items() if part not in ({}, [])}
    if isinstance(value, list):
        return [clean(part) for part in value if part is not None]
    return value


def maybe(share, make):
    return make() if chance(share) else None


def day():
    return of(DAYS)


def whole_day():
    return of([d for d in DAYS if len(d) == 10])


def moment():
    """A dateTime of any precision."""
    return of(DAYS + MOMENTS)


def instant():
    return of(MOMENTS)


def period():
    start, end = sorted([of(MOMENTS), of(MOMENTS)], key=lambda text: text[:10])
    if start[:10] == end[:10]:
        end = None
    way = DICE.randrange(4)
    if way == 0:
        return {"start": start}
    if way == 1 and end:
        return {"end": end}
    if way == 2:
        return clean({"start": start[:10], "end": end and end[:7]})
    return clean({"start": start, "end": end})


def coding(codes, system=LOCAL, display=None):
    """A coding, most often with its system."""
    code = of(codes)
    way = DICE.randrange(8)
    if way == 0:
        return {"code": code}
    if way == 1:
        return {"system": OTHER, "code": code}
    return clean({"system": system, "code": code, "display": display or f"Shown {code}"})


def concept(codes, system=LOCAL):
    way = DICE.randrange(10)
    if way == 0:
        return {"text": f"only words of {of(codes)}"}
    if way == 1:
        return {"coding": [coding(codes, system), coding([c + "-alt" for c in codes], LOCAL)], "text": "Two Codings é"}
    return clean({"coding": [coding(codes, system)], "text": maybe(0.3, lambda: f"Said {of(codes)}")})


def known(system, *codes):
    """A concept whose binding is required or that rules of the standard look at."""
    return {"coding": [{"system": system, "code": of(codes)}]}


def identifier(of_what, number):
    way = DICE.randrange(5)
    if way == 0:
        return {"value": f"{of_what}-{number}"}
    kind = maybe(0.4, lambda: {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": pick("MR", "PLAC", "FILL")}],
                               "text": "Kind of number"})
    return clean({"type": kind, "system": f"urn:example:{of_what.lower()}", "value": f"{of_what}-{number}"})


def weight():
    value, unit, code = pick((70.2, "kg", "kg"), (70200, "g", "g"), (154.8, "lb", "[lb_av]"), (71.05, "kg", "kg"), (0.0702, "t", "t"))
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def pressure():
    value, unit, code = pick((120, "mmHg", "mm[Hg]"), (16, "kPa", "kPa"), (121.5, "mmHg", "mm[Hg]"), (80, "mmHg", "mm[Hg]"))
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def odd_amount():
    return pick(
        {"value": 5.4, "unit": "mmol/L", "system": UCUM, "code": "mmol/L"}, {"value": 5.40, "unit": "mmol/L", "system": UCUM, "code": "mmol/L"},
        {"value": 36.6, "unit": "°C", "system": UCUM, "code": "Cel"}, {"value": 3, "unit": "tablets"}, {"value": 3},
        {"value": 10, "comparator": "<", "unit": "mg", "system": UCUM, "code": "mg"}, {"value": 10, "unit": "mg", "system": UCUM, "code": "mg"},
        {"value": 0.01, "unit": "g", "system": UCUM, "code": "g"}, {"value": -2.5, "unit": "points", "system": LOCAL, "code": "pts"},
        {"value": 100, "comparator": ">=", "unit": "mg", "system": UCUM, "code": "mg"}, {"value": 1000, "unit": "ug", "system": UCUM, "code": "ug"},
    )


def address():
    return clean({"use": pick("home", "work", "old"), "line": [f"{DICE.randrange(1, 99)} {pick('Rue Élysée', 'Main St', 'Große Gasse')}"],
                  "city": of(CITIES), "state": pick("OR", "or", "BW", None), "postalCode": pick("97201", "97209-1234", "8001"),
                  "country": pick("US", "CH", "Schweiz"), "period": maybe(0.2, period)})


def telecom(number):
    return [clean({"system": pick("phone", "email", "fax"), "value": pick(f"+1 503 555 01{number:02}", f"p{number}@example.org", "5035550100"),
                   "use": pick("home", "work", None)}) for _ in range(DICE.randrange(1, 3))]


def names(number):
    family, given = NAMES[number % len(NAMES)]
    out = [{"use": "official", "family": family, "given": given}]
    if chance(0.3):
        out.append({"use": "nickname", "text": f"{given[0]} the {family}", "prefix": ["Dr."]})
    return out


class Pool:
    """What records may refer to: by type, and within a patient's record by type."""

    def __init__(self):
        self.all = {}

    def add(self, record, patient=None):
        self.all.setdefault((patient, record["resourceType"]), []).append(record["id"])

    def to(self, kinds, patient=None):
        """A reference to one of these types, of this patient or of the directory; now and then of another form."""
        found = [f"{kind}/{one}" for kind in kinds for who in (patient, None) for one in self.all.get((who, kind), [])]
        way = DICE.randrange(12)
        if way == 0:
            return {"reference": f"{ELSEWHERE}/{of(kinds)}/x{DICE.randrange(3)}"}
        if way == 1:
            return {"identifier": {"system": "urn:example:known", "value": f"by-number-{DICE.randrange(3)}"}, "display": "Known by number"}
        if not found:
            return {"display": "Somebody"}
        return clean({"reference": of(found), "display": maybe(0.2, lambda: "Shown elsewhere")})
