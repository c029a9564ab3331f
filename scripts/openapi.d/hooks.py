"""What schemathesis is told of this service: who calls which operation, with a token that is still good."""

import os
import random

import schemathesis

from login import account, form, token

ACCOUNTS = os.environ["KAP_ACCOUNTS"]
PARTNER = {
    "decideClearance", "renewClearance", "revokeClearance", "addPrescription", "stopPrescription", "mitigateIssue", "acknowledgeAdverseEvent",
    "overrideInterval", "recordReferralEvent", "holdDosing", "releaseHold"}
PHARMACY = {"addDispense", "shipDispense", "deliverDispense"}


def caller(case):
    """The client whose right the operation is."""
    name = case.operation.definition.raw.get("operationId")
    return "demo-partner" if name in PARTNER else "demo-pharmacy" if name in PHARMACY else "demo-practice"


@schemathesis.auth(refresh_interval=60, cache_by_key=lambda case, _: caller(case))
class Login:
    """A bearer token of the client, by SMART Backend Services; schemathesis cannot sign assertions itself."""

    def get(self, case, _context):
        return token(ACCOUNTS, caller(case))

    def set(self, case, data, _context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Half of the good requests to the token endpoints are signed: no generator guesses a signature."""
    name = case.operation.definition.raw.get("operationId")
    good = case.meta is None or case.meta.generation.mode.is_positive
    if name in ("requestToken", "revokeToken") and good and isinstance(case.body, dict) and random.random() < 0.5:
        own = account(ACCOUNTS, "demo-ehr")
        signed = form(own, aud=own["token_url"].replace("/auth/token", "/auth/revoke")) if name == "revokeToken" else form(own)
        for member in ("grant_type", "scope", "client_assertion", "client_assertion_type"):
            if member in case.body:
                case.body[member] = signed[member]
