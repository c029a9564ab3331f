"""Amounts of `Quantity`, `Range` and `SampledData` as spans of numbers, and what the prefixes ask of them."""

from decimal import Decimal

from units import Undecided, canonical

LEAST, MOST = Decimal("-Infinity"), Decimal("Infinity")


class Amount:
    """From `low` to `high`; `without` names the end that a comparator (`<`, `>`) leaves out."""

    def __init__(self, low, high, unit, without=None):
        self.low, self.high, self.unit, self.without = low, high, unit, without

    def based(self):
        """The same in base units, and their name; none where it has no code."""
        ends = [canonical(self.unit.get("system", ""), self.unit.get("code", ""), end) for end in (self.low, self.high)]
        if None in ends:
            return self, None
        return Amount(ends[0][1], ends[1][1], self.unit, self.without), ends[0][0]

    def meets(self, prefix, asked, half):
        """3.1.1.4.5: `eq` and `ne` are as precise as the number is written; of the others "the implicit precision of the number is
        ignored" (3.1.1.4.6)."""
        if prefix in ("eq", "ne"):
            inside = self.low >= asked - half and (self.high < asked + half or (self.high == asked + half and self.without == "high"))
            return inside == (prefix == "eq")
        less, more = self.without == "high" and self.high == asked, self.without == "low" and self.low == asked
        return {
            "gt": self.high > asked, "lt": self.low < asked, "ge": self.high >= asked and not less, "le": self.low <= asked and not more,
            "sa": self.low > asked or more, "eb": self.high < asked or less,
        }[prefix]


def decimal(value):
    return Decimal(str(value))


def amount(node):
    """The span of an element; none where it has no number."""
    if not isinstance(node, dict):
        return None
    if "origin" in node:
        return samples(node)
    if "low" in node or "high" in node:
        low, high = node.get("low", {}), node.get("high", {})
        if "value" not in low and "value" not in high:
            return None
        return Amount(decimal(low.get("value", LEAST)), decimal(high.get("value", MOST)), low or high)
    if "value" not in node:
        return None
    number, comparator = decimal(node["value"]), node.get("comparator", "")
    low, high = (number if not comparator.startswith("<") else LEAST), (number if not comparator.startswith(">") else MOST)
    return Amount(low, high, node, {"<": "high", ">": "low"}.get(comparator))


def samples(node):
    """From the least to the greatest sample (datatypes.html#SampledData: the value is the sample times the factor, plus the origin)."""
    texts = [text for text in node.get("data", "").split() if text != "E"]
    if "L" in texts or "U" in texts:
        raise Undecided("a sample beyond what the device can measure")
    found = [decimal(text) * decimal(node.get("factor", 1)) + decimal(node["origin"].get("value", 0)) for text in texts]
    return Amount(min(found), max(found), node["origin"]) if found else None
