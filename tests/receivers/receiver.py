"""A receiver of kap-fhir's notifications in Python: verifies Standard Webhooks signatures (v1a, Ed25519), refuses old ones,
and knows again what it has had. Needs the package cryptography.

    KAP_BASE=https://kap.example.org python3 receiver.py 8090
"""

import base64
import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 300  # seconds
BASE = os.environ["KAP_BASE"]
KEYS = []
HAD = set()  # a real receiver keeps this with its data, in the same transaction


def read_keys():
    with urllib.request.urlopen(f"{BASE}/.well-known/kap-webhook-jwks.json") as answer:
        jwks = json.load(answer)["keys"]
    padded = [key["x"] + "=" * (-len(key["x"]) % 4) for key in jwks]
    KEYS[:] = [Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x)) for x in padded]


def is_signed(key, signature, signed):
    try:
        key.verify(base64.b64decode(signature), signed)
        return True
    except (InvalidSignature, ValueError):
        return False


def is_genuine(headers, body, now=None):
    """Whether one of the keys signed this body under these headers, just now."""
    identity, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent.isdigit() or abs((now or time.time()) - int(sent)) > TOLERANCE:
        return False
    signed = f"{identity}.{sent}.".encode() + body
    each = [one[4:] for one in headers.get("webhook-signature", "").split() if one.startswith("v1a,")]
    return any(is_signed(key, one, signed) for one in each for key in KEYS)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        # A key may be new: the set is read once more before a call is refused.
        if not is_genuine(self.headers, body):
            read_keys()
        if not is_genuine(self.headers, body):
            print("refused", flush=True)
            self.answer(401)
            return
        identity = self.headers["webhook-id"]
        if identity not in HAD:
            HAD.add(identity)
            event = json.loads(body)
            print("took", event["type"], event["data"].get("number", "-"), flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    read_keys()
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Receiver)
    print("listening", server.server_address[1], flush=True)
    server.serve_forever()
