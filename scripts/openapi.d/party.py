"""A party of the play: calls the API through the generated client alone, and counts what holds."""

import datetime
import importlib
import json
import pkgutil
import uuid

import kap_client.api
from kap_client import AuthenticatedClient
from kap_client.models import Answer, ProblemDetails
from kap_client.types import UNSET

from login import token

_passed = 0
_failed = 0
_called = set()


def check(name, holds, found=""):
    """Counts one check; what was found is told where it does not hold."""
    global _passed, _failed
    if holds:
        _passed += 1
    else:
        _failed += 1
        print(f"FAILED  {name}: {str(found)[:600]}")
    return holds


def end(title):
    print(f"{title}: {len(_called)} operations called, {_passed} passed, {_failed} failed")
    raise SystemExit(1 if _failed else 0)


def _operations():
    """Every operation of the generated client by its name; the names are the `operationId`s in Python's spelling."""
    found = {}
    for tag in pkgutil.iter_modules(kap_client.api.__path__):
        package = importlib.import_module(f"kap_client.api.{tag.name}")
        for module in pkgutil.iter_modules(package.__path__):
            found[module.name] = f"kap_client.api.{tag.name}.{module.name}"
    return found


OPERATIONS = _operations()


def _same(sent, read):
    """Whether the model says what the answer said: all members, all values; times may be spelled otherwise."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return sent.keys() == read.keys() and all(_same(sent[k], read[k]) for k in sent)
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(_same, sent, read))
    if sent == read and isinstance(sent, bool) == isinstance(read, bool):
        return True
    try:
        return datetime.datetime.fromisoformat(sent) == datetime.datetime.fromisoformat(read)
    except (TypeError, ValueError):
        return False


class Party:
    """Calls operations by name with the token of one client."""

    def __init__(self, base, accounts, name):
        self.name = name
        self.client = AuthenticatedClient(base_url=base, token=token(accounts, name), raise_on_unexpected_status=True, timeout=30)

    def call(self, operation, *path, expect, status, **arguments):
        """Calls `operation`; the answer must have `status` and parse into `expect`, with nothing lost. Gives the response."""
        _called.add(operation)
        module = importlib.import_module(OPERATIONS[operation])
        what = f"{self.name} {operation}"
        try:
            heard = module.sync_detailed(*path, client=self.client, **arguments)
        except Exception as error:  # noqa: BLE001 - whatever a generated client raises is its finding
            check(what, False, f"{type(error).__name__} {error}")
            end("the play broke off")
        good = check(f"{what} is {status}", heard.status_code == status, f"{heard.status_code} {heard.content[:600]!r}")
        good &= check(f"{what} parses", isinstance(heard.parsed, expect) if expect else heard.parsed is None, type(heard.parsed))
        if hasattr(heard.parsed, "to_dict"):
            sent = json.loads(heard.content)
            check(f"{what} keeps everything", _same(sent, heard.parsed.to_dict()), f"{sent} {heard.parsed.to_dict()}")
        if not good:
            end("the play broke off")
        return heard

    def read(self, operation, *path, expect, **arguments):
        """A successful read: the model."""
        return self.call(operation, *path, expect=expect, status=200, **arguments).parsed

    def does(self, operation, *path, body, status=201, key=None, **arguments):
        """A command that is done: its `Answer`."""
        key = key or str(uuid.uuid4())
        answer = self.call(operation, *path, expect=Answer, status=status, body=body, idempotency_key=key, **arguments)
        check(f"{self.name} {operation} tells version as ETag", answer.headers["etag"] == f'W/"{answer.parsed.version}"', answer.headers)
        check(f"{self.name} {operation} wrote FHIR", len(answer.parsed.resources) > 0, answer.parsed)
        return answer.parsed

    def refused(self, operation, *path, status, code, expect=ProblemDetails, key=None, **arguments):
        """A refusal: the problem, whose code must be `code`."""
        if "body" in arguments:
            arguments["idempotency_key"] = key or str(uuid.uuid4())
        found = self.call(operation, *path, expect=expect, status=status, **arguments).parsed
        check(f"{self.name} {operation} is refused as {code}", found.code == code, found)
        return found


def record(answer, model=None):
    """The record of an answer, read as `model` (a part of a session tells its session beside it)."""
    members = dict(answer.record.additional_properties)
    return model.from_dict(members) if model else members


def given(value):
    """Whether an optional member is there."""
    return value is not UNSET and value is not None
