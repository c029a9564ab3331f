"""What schemathesis is told of this service: who calls which operation, with a token that is still good, and what no generator can
know of it."""

import itertools
import os
import re

import schemathesis

from login import account, form, token

ACCOUNTS = os.environ["KAP_ACCOUNTS"]
PARTNER = {
    "decideClearance", "renewClearance", "revokeClearance", "addPrescription", "stopPrescription", "mitigateIssue", "acknowledgeAdverseEvent",
    "overrideInterval", "recordReferralEvent", "holdDosing", "releaseHold"}
PHARMACY = {"addDispense", "shipDispense", "deliverDispense"}
SIGNED = {"requestToken", "revokeToken"}
ETAG = re.compile(r'(\*|W/"[1-9][0-9]{0,17}")')
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_turn = itertools.count()


def named(case):
    return case.operation.definition.raw.get("operationId")


def caller(case):
    """The client whose right the operation is."""
    name = named(case)
    return "demo-partner" if name in PARTNER else "demo-pharmacy" if name in PHARMACY else "demo-practice"


@schemathesis.auth(refresh_interval=60, cache_by_key=lambda case, _: caller(case))
class Login:
    """A bearer token of the client, by SMART Backend Services; schemathesis cannot sign assertions itself."""

    def get(self, case, _context):
        return token(ACCOUNTS, caller(case))

    def set(self, case, data, _context):
        # What needs no token gets none: the token endpoints refuse a second way of proving oneself.
        if case.operation.definition.raw.get("security") != []:
            case.headers["Authorization"] = f"Bearer {data}"


def sign(case):
    """Half of the good requests to the token endpoints are signed: nobody guesses a signature."""
    own = account(ACCOUNTS, "demo-ehr")
    signed = form(own, aud=own["token_url"].replace("/auth/token", "/auth/revoke")) if named(case) == "revokeToken" else form(own)
    case.body |= {member: signed[member] for member in signed if member in case.body}


def readable(value):
    """`value` as the contract says in words under "Data": text without the control characters that FHIR's strings do not have, numbers
    of no more digits than are kept, whole numbers without a fraction."""
    if isinstance(value, str):
        return CONTROL.sub(" ", value)
    if isinstance(value, float):
        short = round(value, 6) if abs(value) < 1e15 else 1e15
        return int(short) if short.is_integer() else short
    if isinstance(value, list):
        return [readable(one) for one in value]
    if isinstance(value, dict):
        return {readable(name): readable(one) for name, one in value.items()}
    return value


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Good requests, made so that they can be good. What is broken on purpose stays as it is."""
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    if named(case) in SIGNED and isinstance(case.body, dict) and next(_turn) % 2:
        sign(case)
    if isinstance(case.body, dict | list):
        case.body = readable(case.body)
    # schemathesis 4.32 draws nothing from a header's pattern that has quotation marks, and writes `0` instead.
    if "If-Match" in case.headers and not ETAG.fullmatch(str(case.headers["If-Match"])):
        case.headers["If-Match"] = "*"
    # A cursor is sealed: one that is made up is a 400, as it should be, which would hide what is thought of the other parameters.
    for name in ("cursor", "_cursor"):
        case.query.pop(name, None)
