"""What a server answered, and how two answers differ."""

import concurrent.futures

from amounts import amount
from evaluate import Evaluator, covered, fold
from service import query

WORKERS = 4


class Answer:
    """The matches in their order, what came along, and the total; or the refusal."""

    def __init__(self, status, entries, total):
        self.status, self.total = status, total
        self.refusal = entries if status != 200 else None
        entries = entries if status == 200 else []
        known = [(one.get("search", {}).get("mode", "match"), one["resource"]) for one in entries if "resource" in one]
        self.matches = [(r["resourceType"], r["id"]) for mode, r in known if mode == "match"]
        self.along = {(r["resourceType"], r["id"]) for mode, r in known if mode == "include"}
        # Whether something is said beside the records, such as that more could come along.
        self.told = any(mode == "outcome" for mode, _ in known)
        self.twice = len(self.matches) != len(set(self.matches))


def asked(api, kind, pairs):
    """The answer to a query, over all its pages."""
    counted = pairs if any(name == "_count" for name, _ in pairs) else [*pairs, ("_count", "1000")]
    return Answer(*api.pages(query(kind, counted)))


def all_of(api, queries):
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda one: asked(api, *one), queries))


def few(keys):
    """Some of the keys, to show."""
    shown = sorted(f"{kind}/{one}" for kind, one in keys)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def difference(pairs, ours, theirs, order):
    """How they differ, in a word and in a sentence; `None` where they are equal."""
    if theirs.status != 200:
        return "refused", f"theirs answers {theirs.status}: {str(theirs.refusal)[:200]}"
    mine, other = set(ours.matches), set(theirs.matches)
    if mine != other:
        return "matches", f"ours alone [{few(mine - other)}], theirs alone [{few(other - mine)}]"
    if theirs.twice:
        return "twice", "theirs gives a match twice"
    if ours.along != theirs.along:
        return "along", f"ours alone [{few(ours.along - theirs.along)}], theirs alone [{few(theirs.along - ours.along)}]"
    sorts = [value for name, value in pairs if name == "_sort"]
    # R4 does not say where those stand that have no value to sort by.
    if sorts and order.present(sorts[0], ours.matches) != order.present(sorts[0], theirs.matches):
        return "order", "the order differs"
    if ("_total", "accurate") in pairs and ours.total != theirs.total:
        return "total", f"total {ours.total}, theirs {theirs.total}"
    return None


class Order:
    """The values by which matches are ordered, so that equal ones may come in any order. Amounts that cannot be compared, as kilograms
    and pascals, have no order that R4 tells: a parameter that finds such ones has no values here."""

    def __init__(self, evaluator):
        self.evaluator, self.of = evaluator, {}

    def __call__(self, sort, matches):
        name = sort.lstrip("-")
        if name == "_id":
            return [one for _, one in matches]
        return [self.key(kind, one, name, sort.startswith("-")) for kind, one in matches]

    def present(self, sort, matches):
        return [key for key in self(sort, matches) if key is not None]

    def key(self, kind, one, name, down):
        record = self.evaluator.records[kind][one]
        parameter = self.evaluator.parameter(kind, name)
        if parameter.sort == "quantity" and len(self.units(kind, parameter)) > 1:
            return None
        found = [self.value(parameter, node) for node, _ in self.evaluator.values(record, parameter)]
        found = [value for many in found for value in many]
        if not found:
            return None
        return max(found) if down else min(found)

    def units(self, kind, parameter):
        """The base units of all amounts that the parameter finds."""
        if parameter not in self.of:
            found = [amount(node) for record in self.evaluator.records[kind].values() for node, _ in self.evaluator.values(record, parameter)]
            self.of[parameter] = {one.based()[1] for one in found if one}
        return self.of[parameter]

    @staticmethod
    def value(parameter, node):
        if parameter.sort == "date":
            own = covered(node)
            return [own[0]] if own else []
        if parameter.sort == "string":
            return [fold(text) for text in Evaluator.texts(node) if text]
        if parameter.sort == "quantity":
            own = amount(node)
            return [own.based()[0].low] if own else []
        return [code for _, code in Evaluator.codes(node) if code]
