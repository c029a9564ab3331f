"""A third opinion on what comes along with the matches, and on their order (<https://hl7.org/fhir/R4/search.html#include>, `#sort`)."""


def steps(pairs):
    """What `_include` and `_revinclude` ask for: whether back, whether again of what came along, source, parameter and target."""
    for name, value in pairs:
        way, _, modifier = name.partition(":")
        if way in ("_include", "_revinclude"):
            source, parameter, *target = value.split(":")
            yield way == "_revinclude", modifier == "iterate", source, parameter, target[0] if target else None


# The steps from the matches that the service follows at most; it tells when there may be more.
DEPTH = 2


def came(evaluator, pairs, matches):
    """The keys of what comes along with these matches, and whether there is more beyond the steps that are followed."""
    asked = list(steps(pairs))
    found, fresh = set(), set(matches)
    for step in range(DEPTH):
        fresh = beyond(evaluator, [one for one in asked if step == 0 or one[1]], fresh) - found - set(matches)
        found |= fresh
    return found, bool(beyond(evaluator, [one for one in asked if one[1]], fresh) - found - set(matches))


def beyond(evaluator, asked, fresh):
    return {key for step in asked for key in followed(evaluator, step, fresh)}


def followed(evaluator, step, keys):
    back, _, source, name, target = step
    names = [name] if name != "*" else [n for n, p in evaluator.parameters[source].items() if p.sort == "reference"]
    records = evaluator.records.get(source, {})
    for parameter in [evaluator.parameter(source, one) for one in names]:
        for one in records if back else [one for kind, one in keys if kind == source]:
            for node, _ in evaluator.values(records[one], parameter):
                to = evaluator.target(node)
                key = to and (to["resourceType"], to["id"])
                if to is None or (target and key[0] != target):
                    continue
                if not back:
                    yield key
                elif key in keys:
                    yield source, one


def ordered(keys, down):
    """Whether keys are in order. What has none stands after all others, and before them where the order is reversed: R4 leaves that open, but
    one place it must be."""
    if down:
        keys = keys[::-1]
    there = [key for key in keys if key is not None]
    return keys[: len(there)] == there and all(a <= b for a, b in zip(there, there[1:]))
