"""What the Python clients share: where the demo is, a token of one of its clients, and a list of checks."""

import json
import sys
import time
import uuid

import jwt
import requests
from jwt.algorithms import ECAlgorithm

BASE, ACCOUNTS = sys.argv[1:3]
FHIR = BASE + "/fhir"
_failed = []


def account(name):
    with open(ACCOUNTS, encoding="utf-8") as file:
        return next(a for a in json.load(file) if a["client_id"] == name)


def token(name="demo-practice"):
    """A token by SMART Backend Services, as the client's own key signs for it."""
    own = account(name)
    now = int(time.time())
    claims = {"iss": name, "sub": name, "aud": own["token_url"], "jti": str(uuid.uuid4()), "iat": now, "exp": now + 240}
    key = ECAlgorithm.from_jwk(json.dumps(own["jwk"]))
    assertion = jwt.encode(claims, key, algorithm=own["jwk"]["alg"], headers={"kid": own["jwk"]["kid"]})
    answer = requests.post(own["token_url"], timeout=30, data={
        "grant_type": "client_credentials", "scope": own["scope"], "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"})
    answer.raise_for_status()
    return answer.json()["access_token"]


def check(name, act, holds=lambda found: True):
    """Runs one check; `holds` says whether what came back is right."""
    try:
        found = act()
        if not holds(found):
            raise AssertionError(f"unexpected: {str(found)[:300]}")
    except Exception as error:  # noqa: BLE001 - whatever a client raises is its finding
        _failed.append(name)
        print(f"FAILED  {name}: {type(error).__name__} {str(error)[:400]}")
        return None
    print(f"ok      {name}")
    return found


def end():
    sys.exit(1 if _failed else 0)
