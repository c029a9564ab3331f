"""The second server: WSO2's fhir-server (<https://github.com/wso2/fhir-server>, Apache-2.0), a program in Go over PostgreSQL that
was written without this one. It brings HL7's search parameters of R4; the others are told to it as SearchParameters."""

import json
import os
import subprocess

from definitions import US_CORE

# What the service is searched by and R4 does not define: the same expression for both.
OWN = [("DetectedIssue", "status", "token", "DetectedIssue.status"), ("AdverseEvent", "identifier", "token", "AdverseEvent.identifier"),
       ("Flag", "status", "token", "Flag.status"), ("Flag", "category", "token", "Flag.category"), ("Flag", "code", "token", "Flag.code")]


class Database:
    """A database of its own on a PostgreSQL, gone at the end."""

    def __init__(self, url, name):
        self.server, self.name = url, name
        # It asks within its own requests: with few connections they would wait for each other.
        self.url = url.rpartition("/")[0] + f"/{name}?pool_max_conns=32"
        self.say(f"CREATE DATABASE {name}")

    def say(self, sql):
        subprocess.run(["psql", self.server, "-qc", sql], check=True)

    def drop(self):
        self.say(f"DROP DATABASE {self.name} WITH (FORCE)")


def environment(base, database, port):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "DATABASE_URL": database, "FHIR_CREATE_TABLES": "true", "SERVER_PORT": str(port), "BASE_URL": base, "LOG_LEVEL": "warn",
            "FHIR_BASE_VALIDATION": "false"}


def tell(api, repo):
    """Tells the server the parameters of US Core and of the project: one of each name, with all its types, as it forgets the types of a
    name that an older one had (its `internal/store/store.go`, `SyncSearchParameter`)."""
    own = [json.loads(path.read_text()) for path in sorted((repo / "profiles/generated").glob("SearchParameter-*.json"))]
    for kind, name, sort, expression in US_CORE + OWN:
        own.append({"resourceType": "SearchParameter", "url": f"http://example.org/fhir/SearchParameter/{kind}-{name}", "name": name, "status": "active",
                    "description": name, "code": name, "base": [kind], "type": sort, "expression": expression})
    named = {}
    for one in own:
        first = named.setdefault(one["code"], one)
        if first is not one:
            if first["type"] != one["type"]:
                raise SystemExit(f"two types of parameters are named {one['code']}")
            first["base"], first["expression"] = first["base"] + one["base"], f"{first['expression']} | {one['expression']}"
    for one in named.values():
        one.pop("id", None)
        status, text = api.ask("POST", "SearchParameter", one)
        if status != 201:
            raise SystemExit(f"the second server does not take {one['code']}: {status} {text[:300]}")


def store(api, records):
    """Stores all under their ids, a hundred at a time."""
    refused = []
    for start in range(0, len(records), 100):
        entries = [{"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in records[start:start + 100]]
        status, text = api.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
        answers = json.loads(text).get("entry", []) if status == 200 else []
        told = [entry["response"].get("status", "") for entry in answers]
        refused += [f"{one['resource']['resourceType']}/{one['resource']['id']}: {said}" for one, said in zip(entries, told) if not said.startswith("20")]
        if len(told) != len(entries):
            raise SystemExit(f"the second server does not take a batch: {status} {text[:300]}")
    return refused
