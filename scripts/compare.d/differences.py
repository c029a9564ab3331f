"""The reviewed differences (`differences.json`): which queries, in what they differ, who is right and by which sentence."""

import json
import re


class Known:
    def __init__(self, path):
        self.rules = json.loads(path.read_text())
        self.met = set()
        for rule in self.rules:
            if not all(rule.get(part) for part in ("name", "query", "differs", "right", "says", "spec")):
                raise SystemExit(f"not a whole explanation: {rule}")

    def explains(self, text, word, third):
        """The explanation of a difference: the first whose pattern the query has. Who is said to be right must not be contradicted by
        the third opinion, and where it has one, ours must be its."""
        for rule in self.rules:
            if word in rule["differs"] and re.search(rule["query"], text):
                if third == "agrees" or (third == "none" and rule.get("third") != "needed"):
                    self.met.add(rule["name"])
                    return rule["name"]
        return None

    def stale(self):
        return [rule["name"] for rule in self.rules if rule["name"] not in self.met]

    def sentence(self, name):
        found = next((rule for rule in self.rules if rule["name"] == name), None)
        return f": {found['says']} ({found['right']}; {found['spec']})" if found else ""
