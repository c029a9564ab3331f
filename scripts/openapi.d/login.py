"""A token of one of the demo's clients, by SMART Backend Services: the one request that no generated client makes, because it is
signed with the client's own key (https://hl7.org/fhir/smart-app-launch/backend-services.html)."""

import json
import threading
import time
import uuid

import jwt
import requests
from jwt.algorithms import ECAlgorithm

_kept = {}
_lock = threading.Lock()


def account(accounts, name):
    with open(accounts, encoding="utf-8") as file:
        return next(a for a in json.load(file) if a["client_id"] == name)


def form(own, **claims):
    """The token request of `own`, with an assertion that was never used before; `claims` stand instead of the usual ones."""
    now = int(time.time())
    said = {"iss": own["client_id"], "sub": own["client_id"], "aud": own["token_url"], "jti": str(uuid.uuid4()), "iat": now,
            "exp": now + 240} | claims
    key = ECAlgorithm.from_jwk(json.dumps(own["jwk"]))
    assertion = jwt.encode(said, key, algorithm=own["jwk"]["alg"], headers={"kid": own["jwk"]["kid"]})
    return {"grant_type": "client_credentials", "scope": own["scope"], "client_assertion": assertion,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}


def token(accounts, name):
    """A token that is good for another minute at least; they live five."""
    with _lock:
        kept = _kept.get(name)
        if kept is None or kept[1] < time.monotonic():
            own = account(accounts, name)
            answer = requests.post(own["token_url"], timeout=30, data=form(own))
            answer.raise_for_status()
            kept = (answer.json()["access_token"], time.monotonic() + 240)
            _kept[name] = kept
        return kept[0]


if __name__ == "__main__":
    import sys

    print(token(*sys.argv[1:3]))
