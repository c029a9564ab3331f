"""A third opinion: which records a query finds, computed from the definitions and the text of FHIR R4's search page alone
(<https://hl7.org/fhir/R4/search.html>), by lists and strings. Where it has none (`None`), the spec leaves room."""

import re
import unicodedata
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

from definitions import select
from amounts import amount
from units import Undecided, canonical

EVER = (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc))
PREFIX = re.compile(r"^(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[-\d.])")


def fold(text):
    plain = unicodedata.normalize("NFD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()


def pieces(text, mark):
    """Splits where the mark is not escaped, and takes the escapes out."""
    out = re.split(r"(?<!\\)" + re.escape(mark), text)
    return out


def plain(text):
    return re.sub(r"\\(.)", r"\1", text)


def span(text):
    """What a date of any precision covers, from and up to (3.1.1.5.6 'the implicit range')."""
    if "T" not in text:
        parts = [int(part) for part in text.split("-")]
        start = datetime(*(parts + [1, 1])[:3], tzinfo=timezone.utc)
        if len(parts) == 1:
            return start, start.replace(year=start.year + 1)
        if len(parts) == 2:
            return start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        return start, start + timedelta(days=1)
    start = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if start.tzinfo is None:
        start = start.replace(tzinfo=timezone.utc)
    if re.search(r"T\d\d:\d\d(Z|[+-]|$)", text):
        return start, start + timedelta(minutes=1)
    return start, start + (timedelta(milliseconds=1) if "." in text else timedelta(seconds=1))


def covered(value):
    """The range of a date, Period or Timing."""
    if isinstance(value, str):
        # What stands there may be words: `performedString` is no date.
        return span(value) if re.match(r"\d{4}(-|$)", value) else None
    if not isinstance(value, dict):
        return None
    if "event" in value:
        all_of = [span(one) for one in value["event"]]
        return min(a for a, _ in all_of), max(b for _, b in all_of)
    value = value.get("repeat", {}).get("boundsPeriod", value)
    if "start" not in value and "end" not in value:
        return None
    low = span(value["start"])[0] if "start" in value else EVER[0]
    return low, span(value["end"])[1] if "end" in value else EVER[1]


def compare(prefix, own, asked, exact=None):
    """The prefixes of 3.1.1.5.6 on ranges; `exact` is the number itself where numbers are compared."""
    (low, high), (first, last) = own, asked
    inside = low >= first and high <= last
    bottom, top = exact if exact else asked
    return {
        "eq": lambda: inside, "ne": lambda: not inside,
        "gt": lambda: high > top, "lt": lambda: low < bottom,
        "ge": lambda: high > top or inside, "le": lambda: low < bottom or inside,
        "sa": lambda: low >= top if not exact else low > top, "eb": lambda: high <= bottom if not exact else high < bottom,
    }[prefix]()


class Evaluator:
    def __init__(self, records, parameters):
        self.parameters = parameters
        self.records = records  # by type and id

    def parameter(self, kind, name):
        found = self.parameters.get(kind, {}).get(name) or self.parameters["Resource"].get(name)
        if found is None:
            raise Undecided(name)
        return found

    def values(self, record, parameter):
        expression = parameter.expression
        if expression.startswith("Resource."):
            expression = record["resourceType"] + expression[len("Resource"):]
        return select(record, expression)

    def find(self, kind, pairs):
        """The ids of the matches; `None` where the spec leaves it open."""
        try:
            return {one for one, record in self.records.get(kind, {}).items() if all(self.meets(record, n, v) for n, v in pairs)}
        except Undecided:
            return None

    def meets(self, record, name, value):
        kind = record["resourceType"]
        if name.startswith("_has:"):
            _, other, link, rest = name.split(":", 3)
            parameter = self.parameter(other, link)
            return any(self.refers(one, parameter, record) and self.meets(one, rest, value) for one in self.records.get(other, {}).values())
        if "." in name:
            link, rest = name.split(".", 1)
            link, _, wanted = link.partition(":")
            targets = [self.target(node) for node, _ in self.values(record, self.parameter(kind, link))]
            found = [t for t in targets if t and (not wanted or t["resourceType"] == wanted)]
            return any(self.knows(t, rest) and self.meets(t, rest, value) for t in found)
        base, _, modifier = name.partition(":")
        parameter = self.parameter(kind, base)
        if parameter.sort == "composite":
            return self.composite(record, parameter, value)
        nodes = self.values(record, parameter)
        if modifier == "missing":
            there = any(self.stands(node, parameter) for node, _ in nodes)
            return there != (value == "true")
        found = any(self.one(parameter, modifier, nodes, v) for v in pieces(value, ","))
        return not found if modifier == "not" else found

    @staticmethod
    def stands(node, parameter):
        """Whether an element is a value of the parameter: of `:missing` R4 says that it "usually equates to not having the relevant
        element in the resource", so words alone and a reference by identifier are there. A text is no value of a date."""
        if parameter.sort != "date":
            return node is not None
        if isinstance(node, str):
            return covered(node) is not None
        return isinstance(node, dict) and not {"value", "low", "high"} & node.keys()

    def knows(self, record, name):
        base = name.split(".")[0].split(":")[0]
        kind = record["resourceType"]
        return name.startswith("_has:") or base in self.parameters.get(kind, {}) or base in self.parameters["Resource"]

    def target(self, node):
        reference = node.get("reference", "") if isinstance(node, dict) else ""
        kind, _, one = reference.split("/_history/")[0].partition("/")
        return self.records.get(kind, {}).get(one)

    def refers(self, record, parameter, to):
        wanted = f"{to['resourceType']}/{to['id']}"
        return any(isinstance(node, dict) and node.get("reference", "").split("/_history/")[0] == wanted for node, _ in self.values(record, parameter))

    def one(self, parameter, modifier, nodes, value):
        do = {"token": self.token, "string": self.string, "date": self.date, "reference": self.reference, "uri": self.uri,
              "quantity": self.quantity}[parameter.sort]
        if parameter.name == "phonetic":
            raise Undecided("phonetic")
        return any(do(parameter, modifier, node, value) for node, _ in nodes)

    def token(self, parameter, modifier, node, value):
        if modifier == "text":
            return any(fold(words).startswith(fold(plain(value))) for words in self.words(node))
        if modifier == "of-type":
            system, code, number = pieces(value, "|")
            codings = node.get("type", {}).get("coding", [])
            return node.get("value") == number and any(c.get("system") == plain(system) and c.get("code") == plain(code) for c in codings)
        if modifier in ("in", "not-in"):
            raise Undecided("value sets")
        system, bar, code = "", "", value
        parts = pieces(value, "|")
        if len(parts) == 2:
            (system, code), bar = parts, "|"
        system, code = plain(system), plain(code)
        return any(self.same(bar, system, code, own, number) for own, number in self.codes(node))

    @staticmethod
    def same(bar, system, code, own, number):
        if own is IMPLICIT:
            if bar and system:
                raise Undecided("the implied system of a code")
            if bar:
                raise Undecided("no system asked for where it is implied")
            return number == code
        return (not bar or own == system) and (not code or number == code)

    @staticmethod
    def codes(node):
        if isinstance(node, bool):
            return [(IMPLICIT, "true" if node else "false")]
        if isinstance(node, str):
            return [(IMPLICIT, node)]
        if "coding" in node:
            return [(c.get("system", ""), c.get("code", "")) for c in node["coding"]]
        if "code" in node:
            return [(node.get("system", ""), node["code"])]
        if node.get("system") in ("phone", "fax", "email", "pager", "url", "sms", "other"):
            return [(IMPLICIT, node.get("value", ""))]
        if "value" in node:
            return [(node.get("system", ""), node["value"])]
        return []

    @staticmethod
    def words(node):
        if not isinstance(node, dict):
            return []
        out = [node.get("text"), node.get("display"), node.get("type", {}).get("text") if isinstance(node.get("type"), dict) else None]
        out += [c.get("display") for c in node.get("coding", [])]
        return [one for one in out if one]

    def string(self, parameter, modifier, node, value):
        texts, value = self.texts(node), plain(value)
        if modifier == "exact":
            return value in texts
        wanted = fold(value)
        if modifier == "contains":
            return any(wanted in fold(text) for text in texts)
        return any(fold(text).startswith(wanted) for text in texts)

    @staticmethod
    def texts(node):
        if isinstance(node, str):
            return [node]
        out = []
        for name in ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country"):
            part = node.get(name, [])
            out += part if isinstance(part, list) else [part]
        return out

    def date(self, parameter, modifier, node, value):
        own = covered(node)
        if own is None:
            return False
        prefix = PREFIX.match(value)
        prefix, value = (prefix.group(1), value[2:]) if prefix else ("eq", value)
        if prefix == "ap":
            raise Undecided("about")
        return compare(prefix, own, span(value))

    def reference(self, parameter, modifier, node, value):
        value = plain(value)
        if isinstance(node, str):
            if modifier == "below":
                return node.split("|")[0] == value or node.split("|")[0].startswith(value.rstrip("/") + "/")
            return node == value or node.split("|")[0] == value
        if modifier == "identifier":
            return self.token(parameter, "", node.get("identifier", {}), value)
        own = node.get("reference", "").split("/_history/")[0]
        if "/" in value:
            return own == value
        if modifier:
            return own == f"{modifier}/{value}"
        return own.partition("/")[2] == value and own.count("/") == 1

    def uri(self, parameter, modifier, node, value):
        value = plain(value)
        if modifier == "below":
            return node == value or node.startswith(value.rstrip("/") + "/")
        if modifier == "above":
            return node == value or value.startswith(node.rstrip("/") + "/")
        return node == value

    def quantity(self, parameter, modifier, node, value):
        number, *unit = pieces(value, "|")
        prefix = PREFIX.match(number)
        prefix, number = (prefix.group(1), number[2:]) if prefix else ("eq", number)
        if prefix == "ap":
            raise Undecided("about")
        system, code = [plain(one) for one in unit] if unit else ("", "")
        try:
            asked = Decimal(number)
        except InvalidOperation as error:
            raise Undecided(number) from error
        half = Decimal(5).scaleb(asked.as_tuple().exponent - 1)
        own, scale = amount(node), Decimal(1)
        if own is None:
            return False
        if system:
            there = canonical(system, code, asked)
            own, base = own.based()
            if base is None or there is None or base != there[0]:
                return False
            asked, scale = there[1], there[2]
        elif code and code not in (own.unit.get("code"), own.unit.get("unit")):
            return False
        return own.meets(prefix, asked, half * scale)

    def composite(self, record, parameter, value):
        first, second = parameter.parts
        sort = {"code-value-concept": "token", "combo-code-value-concept": "token", "component-code-value-concept": "token", "code-value-date": "date",
                "code-value-string": "string", "relationship": "reference"}.get(parameter.name, "quantity")
        again = lambda text: re.sub(r"\bvalue\.as\(DateTime\)", "value.as(dateTime)", text)
        for base, _ in select(record, parameter.expression) if "." in parameter.expression else [(record, "")]:
            yes = self.pairs(base, first, again(second), sort, value)
            if yes:
                return True
        if " | " in parameter.expression:
            return self.pairs(record, first, again(second), sort, value)
        return False

    def pairs(self, base, first, second, sort, value):
        class Part:
            name, kind = "part", ""
        for one in pieces(value, ","):
            left, right = pieces(one, "$")
            Part.sort = "token"
            if not self.one(Part, "", select({"": 0, **base}, "X." + first), left):
                continue
            Part.sort = sort
            if self.one(Part, "", [n for part in second.split(" | ") for n in select(base, "X." + part)], right):
                return True
        return False


IMPLICIT = object()
