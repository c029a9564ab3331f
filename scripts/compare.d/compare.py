"""Asks our service and the second server the same, and has every difference explained."""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import definitions
import examples
import keys
import peer
import records
from along import came, ordered
from answers import Order, all_of, difference
from differences import Known, criteria
from evaluate import Evaluator
from queries import Writer
from service import Api, Server, Token
from values import SEED

REPO = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
LEAST = 500
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Kept apart: the trail grows with every question (and its search demands a date or a patient).
SKIP = {"AuditEvent"}


class Ours:
    """Our service: a demo, with the records of `records.py` and of HL7 beside it."""

    def __init__(self, program, work, port):
        self.program, self.folder = program, work / "ours"
        self.base = f"http://127.0.0.1:{port}"
        self.work, self.database = work, f"sqlite:{self.folder}/kap.db"
        log = work / "ours.log"
        self.server = Server([program, "demo", "--listen", f"127.0.0.1:{port}", "--data-dir", str(self.folder)], log)
        self.server.wait(lambda: b"Serving on" in log.read_bytes())
        self.api = self.client("demo-practice")

    def client(self, name):
        return Api(self.base + "/fhir", Token(self.program, self.base, str(self.folder / "clients.json"), name))

    def load(self):
        """Moves the records in, and gives everything that there is as the practice reads it."""
        status, entries, _ = self.api.pages("EpisodeOfCare")
        practice = entries[0]["resource"]["managingOrganization"]["reference"].split("/")[1]
        moved = self.work / "moved"
        moved.mkdir()
        for name, all_of_them in (("synthetic", records.synthetic()), ("hl7", examples.examples(REPO))):
            (moved / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in all_of_them))
        words = [self.program, "import", str(moved), "--database-url", self.database, "--organization", practice, "--source", "compare",
                 "--report", str(self.work / "refused.ndjson")]
        done = subprocess.run(words, capture_output=True, text=True)
        # 3: some of HL7's examples are refused, each with its reason in the report.
        if done.returncode not in (0, 3):
            raise SystemExit(f"import ends with {done.returncode}: {done.stderr}")
        print(done.stdout)
        keys.register(self.program, self.database, self.folder, "compare-admin", "practice-admin", practice, "system/*.cruds")
        self.endpoints(practice)
        return self.everything()

    def endpoints(self, practice):
        """What only the practice's administration may make."""
        admin = self.client("compare-admin")
        for one in records.endpoints(practice):
            status, text = admin.ask("POST", "Endpoint", one)
            if status != 201:
                raise SystemExit(f"Endpoint: {status} {text}")

    def everything(self):
        out = {}
        for kind in definitions.offered(REPO):
            if kind == "*" or kind in SKIP:
                continue
            status, entries, _ = self.api.pages(f"{kind}?_count=1000")
            if status != 200:
                raise SystemExit(f"{kind}: {status} {entries}")
            out[kind] = {one["resource"]["id"]: one["resource"] for one in entries}
        return out


def ready(api):
    return lambda: api.ask("GET", "metadata")[0] == 200


def second(program, work, port, database):
    base = f"http://127.0.0.1:{port}/fhir/r4"
    folder = work / "theirs"
    folder.mkdir()
    server = Server([program], work / "theirs.log", peer.environment(base, database.url, port), folder)
    api = Api(base)
    server.wait(ready(api))
    peer.tell(api, REPO)
    return server, api


def shown(kind, pairs):
    """A query as people read it, and without the ids that a run makes up."""
    text = kind + "?" + "&".join(f"{name}={value}" for name, value in pairs)
    return UUID.sub("ID", text)


class Tally:
    def __init__(self, known):
        self.known, self.counts, self.failures, self.third = known, collections.Counter(), [], 0

    def fail(self, text):
        self.failures.append(text)

    def judge(self, text, criteria, found, third):
        """One query: equal, explained, or a failure. `third` is what the third opinion says of ours."""
        if found is None:
            self.counts["equal"] += 1
            return
        name = self.known.explains(criteria, found[0]) if third == "agrees" else None
        if name:
            self.counts[name] += 1
        else:
            self.fail(f"{found[0]} {text}\n    {found[1]}\n    the third opinion: {third}")


CONTROLS = ("_sort", "_count", "_total", "_include", "_revinclude")


def judged(ours, evaluator, order, kind, pairs):
    """Whether ours is what the third opinion says, in words: the matches, what came along, the order and the total."""
    wanted = evaluator.find(kind, [(n, v) for n, v in pairs if n.split(":")[0] not in CONTROLS])
    if wanted is None:
        return "none"
    mine = {one for _, one in ours.matches}
    if mine != wanted:
        return f"differs: ours lacks {sorted(wanted - mine)[:3]}, has {sorted(mine - wanted)[:3]}"
    if ("_total", "accurate") in pairs and ours.total != len(wanted):
        return f"differs: ours counts {ours.total}, there are {len(wanted)}"
    along, more = came(evaluator, pairs, set(ours.matches))
    if more and not ours.told:
        return "differs: ours does not tell that more could come along"
    if ours.along != along:
        return f"differs: with ours does not come {sorted(along - ours.along)[:3]}, does come {sorted(ours.along - along)[:3]}"
    sorts = [value for name, value in pairs if name == "_sort"]
    if sorts and not ordered(order(sorts[0], ours.matches), sorts[0].startswith("-")):
        return "differs: ours is not in order"
    return "agrees"


def run(work, program, other, postgres):
    port = 20000 + os.getpid() % 20000
    ours = Ours(program, work, port)
    ends = [ours.server.stop]
    try:
        there = ours.load()
        count = sum(len(all_of_kind) for all_of_kind in there.values())
        print(f"{count} records of {sum(1 for kind in there.values() if kind)} types")
        evaluator = Evaluator(there, definitions.load(REPO))
        queries = Writer(REPO, there, evaluator, SKIP).every()
        mine = all_of(ours.api, queries)
        if not other:
            return report(queries, mine, None, evaluator)
        database = peer.Database(postgres, f"kap_compare_{os.getpid()}")
        ends.append(database.drop)
        server, api = second(other, work, port + 1, database)
        ends.append(server.stop)
        refused = peer.store(api, [one for of_kind in there.values() for one in of_kind.values()])
        if refused:
            raise SystemExit("the second server does not take the same records:\n" + "\n".join(refused[:20]))
        return report(queries, mine, all_of(api, queries), evaluator)
    finally:
        for end in reversed(ends):
            end()


def report(queries, mine, theirs, evaluator):
    tally, order = Tally(Known(HERE / "differences.json")), Order(evaluator)
    for n, (kind, pairs) in enumerate(queries):
        text, ours = shown(kind, pairs), mine[n]
        if ours.status != 200 or ours.twice:
            tally.fail(f"ours answers {ours.status} (a match twice: {ours.twice}) to {text}: {str(ours.refusal)[:300]}")
            continue
        right = judged(ours, evaluator, order, kind, pairs)
        tally.third += right == "agrees"
        if right.startswith("differs"):
            tally.fail(f"the third opinion {right}: {text}")
        elif theirs is not None:
            tally.judge(text, list(criteria(evaluator, kind, pairs)), difference(pairs, ours, theirs[n], order), right)
    # Other dice may miss a difference.
    if theirs is not None and not SEED:
        for name in tally.known.stale():
            tally.fail(f"nothing differs any more as {name} explains")
    if len(queries) < LEAST:
        tally.fail(f"only {len(queries)} queries")
    tell(queries, tally)
    return 1 if tally.failures else 0


def tell(queries, tally):
    for failure in tally.failures:
        print("FAILED", failure)
    for name, count in tally.counts.most_common():
        print(f"{count:6} {name}{tally.known.sentence(name)}")
    print(f"{tally.third:6} of {len(queries)} are as a third opinion has it")
    print(f"{len(queries) - len(tally.failures)} passed, {len(tally.failures)} failed")


if __name__ == "__main__":
    work, program, other, postgres = sys.argv[1:5]
    sys.exit(run(pathlib.Path(work), program, other, postgres))
