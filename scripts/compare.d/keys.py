"""Keys of clients that the demo has not: made by openssl, written as JWKs (RFC 7518 6.2)."""

import base64
import json
import re
import subprocess


def encoded(number):
    return base64.urlsafe_b64encode(bytes.fromhex(number)).rstrip(b"=").decode()


def part(text, name):
    found = re.search(name + r":\s*\n((?:\s+[0-9a-f:]+\n)+)", text).group(1)
    return re.sub(r"[^0-9a-f]", "", found)


def p384(name):
    """A private JWK for ES384."""
    pem = subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout"], capture_output=True, text=True, check=True).stdout
    text = subprocess.run(["openssl", "ec", "-text", "-noout"], input=pem, capture_output=True, text=True, check=True).stdout
    secret, public = part(text, "priv"), part(text, "pub")
    return {"kty": "EC", "crv": "P-384", "alg": "ES384", "kid": name, "x": encoded(public[2:98]), "y": encoded(public[98:194]), "d": encoded(secret[-96:].zfill(96))}


def register(program, database, folder, name, role, organization, scopes):
    """Makes a client known to the service and to `clients.json`. Gives its id."""
    key = p384(name)
    public = {member: value for member, value in key.items() if member != "d"}
    file = folder / f"{name}-jwks.json"
    file.write_text(json.dumps({"keys": [public]}))
    words = [program, "client", "add", "--database-url", database, "--id", name, "--name", name, "--organization", organization, "--role", role,
             "--scopes", scopes, "--jwks", str(file)]
    subprocess.run(words, check=True, capture_output=True)
    clients = folder / "clients.json"
    known = json.loads(clients.read_text())
    known.append({"client_id": name, "scope": scopes, "jwk": key})
    clients.write_text(json.dumps(known))
    return name
