"""The reviewed differences (`differences.json`): which criteria, in what they differ, who is right and by which sentence, and where the
second server's source does otherwise. A rule explains a difference only where the third opinion has the answer and ours is it."""

import json
import re

PARTS = ("name", "criterion", "differs", "right", "says", "spec", "peer")
WORDS = {"matches", "refused", "twice", "along", "order", "total"}


class Known:
    def __init__(self, path):
        self.rules = json.loads(path.read_text())
        self.met = set()
        for rule in self.rules:
            if not all(rule.get(part) for part in PARTS) or not set(rule["differs"]) <= WORDS or not rule["criterion"].startswith("^"):
                raise SystemExit(f"not a whole explanation: {rule}")

    def explains(self, criteria, word):
        """The explanation of a difference: the first that is of one of the query's criteria."""
        for rule in self.rules:
            if word in rule["differs"] and any(self.fits(rule, *one) for one in criteria):
                self.met.add(rule["name"])
                return rule["name"]
        return None

    @staticmethod
    def fits(rule, text, sort):
        return rule.get("of", sort) == sort and re.search(rule["criterion"], text)

    def stale(self):
        return [rule["name"] for rule in self.rules if rule["name"] not in self.met]

    def sentence(self, name):
        found = next((rule for rule in self.rules if rule["name"] == name), None)
        return f": {found['says']} ({found['right']}; {found['spec']}; {found['peer']})" if found else ""


def criteria(evaluator, kind, pairs):
    """What a query asks, one by one: `Type?parameter:modifier=value` of the type whose parameter it is, also at the end of a chain, and
    the type of the parameter. An order asks for its parameter's values: `Type?parameter`."""
    for name, value in pairs:
        yield from criterion(evaluator, kind, name, value)


def criterion(evaluator, kind, name, value):
    if name.startswith("_has:"):
        _, other, link, rest = name.split(":", 3)
        yield f"{other}?{link}", "reference"
        yield from criterion(evaluator, other, rest, value)
    elif "." in name:
        link, rest = name.split(".", 1)
        link, _, wanted = link.partition(":")
        yield f"{kind}?{link}", "reference"
        yield from criterion(evaluator, wanted, rest, value)
    elif name == "_sort":
        yield f"{kind}?_sort={value}", sort_of(evaluator, kind, value.lstrip("-"))
        yield f"{kind}?{value.lstrip('-')}", sort_of(evaluator, kind, value.lstrip("-"))
    else:
        yield f"{kind}?{name}={value}", sort_of(evaluator, kind, name.partition(":")[0])


def sort_of(evaluator, kind, name):
    found = evaluator.parameters.get(kind, {}).get(name) or evaluator.parameters["Resource"].get(name)
    return found.sort if found else "control"
