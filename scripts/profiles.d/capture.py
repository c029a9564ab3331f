"""Saves what a running service gives to its clients: capture.py BASE CLIENTS FOLDER.

CLIENTS is the clients.json of a demo. FOLDER gets one file for each answer; one that ends in `.list.json` is a list of
resources (the entries of a page, the lines of an exported file) where the Bundle around them was saved elsewhere.
Nothing of an answer is changed. Each kind of answer is asked for by each client that may have it; what no client could
be given ends the capture, so that a path that moved is not taken for one that is well.
"""

import json
import queue
import re
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients.d"))
from check import FHIR, account, token  # noqa: E402 - it reads the same arguments

FOLDER = Path(sys.argv[3])
PARTIES = ("practice", "partner", "ehr")
JSON = "application/fhir+json"
# How many entries a Bundle has that is judged as a whole; its judge walks through all that is in it.
FEW = 3
PAGES = 40
# What is only searched by something.
NARROWED = {"AuditEvent": "date=ge2000-01-01&"}


class Client:
    """A client of the demo, and what it was given."""

    def __init__(self, party):
        self.party = party
        self.session = requests.Session()
        self.session.headers.update({"Authorization": "Bearer " + token("demo-" + party), "Accept": JSON})

    def ask(self, path, method="GET", body=None, **headers):
        url = path if path.startswith("http") else FHIR + path
        if body is not None:
            headers.setdefault("Content-Type", JSON)
            body = json.dumps(body)
        return self.session.request(method, url, data=body, headers=headers, timeout=60)

    def get(self, path, **headers):
        """The resource at `path`; None where this client may not have it."""
        answer = self.ask(path, **headers)
        if answer.status_code in (403, 404):
            return None
        answer.raise_for_status()
        return answer.json()

    def save(self, name, value):
        return save(f"{self.party}-{name}", value)


def save(name, value):
    """Keeps an answer: nothing where there is none."""
    if value is None:
        return None
    path = FOLDER / (re.sub(r"[^\w.-]+", "-", name) + ".json")
    path.write_text(json.dumps(value), encoding="utf-8")
    return value


def some(found, what):
    """`found`, which somebody must have been given."""
    if not any(found):
        sys.exit(f"nobody was given {what}")
    return found


def pages(client, path):
    """The Bundles from `path` on."""
    for _ in range(PAGES):
        bundle = client.get(path)
        if bundle is None:
            return
        yield bundle
        path = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
        if path is None:
            return
    sys.exit(f"more than {PAGES} pages: {path}")


def entries(bundles):
    return [entry["resource"] for bundle in bundles for entry in bundle.get("entry", []) if "resource" in entry]


def all_of(client, kind):
    """Every resource of a type that the client sees."""
    found = entries(pages(client, f"/{kind}?{NARROWED.get(kind, '')}_count=200"))
    if found:
        client.save(f"{kind}.list", found)
    return found


def shapes(client, kind):
    """What Bundles of a type look like."""
    for name, query in {
        "page": f"_count={FEW}&_total=accurate",
        "count": "_summary=count",
        "summary": f"_summary=true&_count={FEW}",
        "elements": f"_elements=id&_count={FEW}",
        "provenance": "_count=1&_revinclude=Provenance:target",
        "history": None,
    }.items():
        path = f"/{kind}?{NARROWED.get(kind, '')}{query}" if query else f"/{kind}/_history?_count={FEW}"
        client.save(f"{kind}-{name}", client.ask(path).json())


def instances(client, resource):
    """Ways to one resource."""
    kind, own = resource["resourceType"], resource["id"]
    place = f"/{kind}/{own}"
    client.save(f"{kind}-read", client.get(place))
    client.save(f"{kind}-versions", client.get(place + "/_history"))
    client.save(f"{kind}-meta", client.get(place + "/$meta"))
    client.save(f"{kind}-validate", client.get(place + "/$validate"))
    if "versionId" in resource.get("meta", {}):
        client.save(f"{kind}-version", client.get(f"{place}/_history/{resource['meta']['versionId']}"))


def gathered(client, place):
    """All that there is of a patient or an episode: the first pages as they are, the resources of the others."""
    bundles = list(pages(client, f"/{place}/$everything?_count=20"))
    whole = [client.save(f"{place}-everything-{n}", bundle) for n, bundle in enumerate(bundles[:2])]
    client.save(f"{place}-everything.list", entries(bundles[2:]) or None)
    return whole


def of_a_patient(client, known):
    """Operations that gather."""
    given = []
    for patient in known["Patient"][:2]:
        own = patient["id"]
        given += gathered(client, f"Patient/{own}")
        given.append(client.save(f"Patient-{own}-summary", client.get(f"/Patient/{own}/$summary")))
        given.append(client.save(f"docref-{own}", client.get(f"/DocumentReference/$docref?patient=Patient/{own}")))
        given.append(client.save(f"compartment-{own}", client.get(f"/Patient/{own}/Observation?_count={FEW}")))
    for episode in known["EpisodeOfCare"][:2]:
        given += gathered(client, f"EpisodeOfCare/{episode['id']}")
    for composition in known["Composition"]:
        given.append(client.save(f"document-{composition['id']}", client.get(f"/Composition/{composition['id']}/$document")))
    return given


def across(client):
    """Bundles over several types."""
    yield client.save("several", client.get(f"/?_type=Observation,Encounter&_count={FEW}"))
    yield client.save("history", client.get(f"/_history?_count={FEW}"))
    doses = f"/MedicationAdministration?_count={FEW}&_include=*&_include:iterate=*"
    yield client.save("included", client.get(doses))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = client.session.post(FHIR + "/Observation/_search", data=f"_count={FEW}", headers=form, timeout=60)
    yield client.save("posted", posted.json())


def changes(client, patient):
    """What writes are answered: resources, Bundles, and refusals."""
    pulse = {"resourceType": "Observation", "status": "final", "code": {"text": "Heart rate"},
             "subject": {"reference": f"Patient/{patient}"}, "valueQuantity": {"value": 61, "unit": "/min"}}
    made = client.ask("/Observation", "POST", pulse)
    made.raise_for_status()
    made = client.save("created", made.json())
    place = f"/Observation/{made['id']}"
    client.save("created-outcome", client.ask("/Observation", "POST", pulse, Prefer="return=OperationOutcome").json())
    made["status"] = "amended"
    client.save("updated", client.ask(place, "PUT", made).json())
    entry = {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": pulse, "request": {"method": "POST", "url": "Observation"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    client.save("transaction-response", client.ask("", "POST", bundle).json())
    client.save("transaction-response-full", client.ask("", "POST", bundle, Prefer="return=representation").json())
    bad = {**entry, "resource": {**pulse, "status": "foo"}, "request": {"method": "POST", "url": "Observation"}}
    reads = [{"request": {"method": "GET", "url": url}} for url in (place[1:], f"Observation?_count={FEW}", "Observation/none")]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry, bad, *reads]}
    client.save("batch-response", client.ask("", "POST", batch).json())
    client.save("judged", client.ask("/Observation/$validate", "POST", pulse).json())
    wrong = {**pulse, "status": "foo", "colour": "red", "encounter": {"reference": "Patient/1"}}
    client.save("judged-wrong", client.ask("/Observation/$validate", "POST", wrong).json())
    refusals(client, place, pulse, wrong)


def refusals(client, place, good, wrong):
    """An OperationOutcome of each kind."""
    for name, status, answer in (
        ("gone", 410, lambda: (client.ask(place, "DELETE"), client.ask(place))[1]),
        ("missing", 404, lambda: client.ask("/Observation/none")),
        ("no-such-type", 404, lambda: client.ask("/Martian")),
        ("wrong", 400, lambda: client.ask("/Observation", "POST", wrong)),
        ("broken", 400, lambda: client.session.post(FHIR + "/Observation", data="{", headers={"Content-Type": JSON}, timeout=60)),
        ("strict", 400, lambda: client.ask("/Observation?colour=red", Prefer="handling=strict")),
        ("version", 412, lambda: client.ask(known_place(client), "PUT", known(client), **{"If-Match": 'W/"99"'})),
        ("method", 405, lambda: client.ask("/metadata", "DELETE")),
        ("media", 415, lambda: client.ask("/Observation", "POST", good, **{"Content-Type": "text/plain"})),
        ("accept", 406, lambda: client.ask("/Observation", Accept="application/fhir+xml")),
        ("anonymous", 401, lambda: requests.get(FHIR + "/Patient", timeout=60)),
        ("forbidden", 403, lambda: client.ask(f"/AuditEvent?{NARROWED['AuditEvent']}")),
    ):
        said = answer()
        if said.status_code != status:
            sys.exit(f"{name}: {said.status_code} where {status} was meant: {said.text[:300]}")
        client.save(f"refused-{name}", said.json())


def known(client):
    return client.get("/Observation?_count=1")["entry"][0]["resource"]


def known_place(client):
    return f"/Observation/{known(client)['id']}"


def exported(client):
    """The lines of a bulk export."""
    answer = client.ask("/Patient/$export", Prefer="respond-async")
    if answer.status_code == 403:
        return
    answer.raise_for_status()
    status = answer.headers["Content-Location"]
    for _ in range(300):
        answer = client.ask(status, Accept="application/json")
        if answer.status_code != 202:
            break
        time.sleep(min(float(answer.headers.get("Retry-After", 1)), 2))
    answer.raise_for_status()
    for number, file in enumerate(answer.json()["output"]):
        lines = client.ask(file["url"], Accept="application/fhir+ndjson").text.splitlines()
        yield client.save(f"export-{file['type']}-{number}.list", [json.loads(line) for line in lines if line])


class Endpoint(BaseHTTPRequestHandler):
    """What notifications are sent to."""

    came = queue.Queue()

    def do_POST(self):
        self.came.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def subscribed(client, patient):
    """A subscription, its notifications, and what is asked of it."""
    endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=endpoint.serve_forever, daemon=True).start()
    extension = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content"
    for content in ("empty", "id-only", "full-resource"):
        payload = {"extension": [{"url": extension, "valueCode": content}]}
        channel = {"type": "rest-hook", "endpoint": f"http://127.0.0.1:{endpoint.server_port}/", "payload": JSON, "_payload": payload}
        topic = "https://kap-interop.example.org/fhir/SubscriptionTopic/kap-document-available"
        body = {"resourceType": "Subscription", "status": "requested", "reason": "capture", "criteria": topic, "channel": channel}
        made = client.ask("/Subscription", "POST", body)
        made.raise_for_status()
        place = f"/Subscription/{made.json()['id']}"
        client.save(f"subscription-{content}-handshake", Endpoint.came.get(timeout=30))
        document = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{patient}"},
                    "content": [{"attachment": {"contentType": "text/plain", "title": "a letter"}}]}
        client.ask("/DocumentReference", "POST", document).raise_for_status()
        client.save(f"subscription-{content}-event", Endpoint.came.get(timeout=30))
        for name in ("", "/$status", "/$events"):
            client.save(f"subscription-{content}{name}", client.get(place + name))
        client.ask(place, "DELETE").raise_for_status()
    client.save("subscription-statuses", client.get("/Subscription/$status"))
    endpoint.shutdown()


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    statement = save("metadata", requests.get(FHIR + "/metadata", headers={"Accept": JSON}, timeout=60).json())
    kinds = [resource["type"] for resource in statement["rest"][0]["resource"]]
    seen, told, wide, files = {}, [], [], []
    for client in map(Client, PARTIES):
        known_here = {kind: all_of(client, kind) for kind in kinds}
        for kind, found in known_here.items():
            seen.setdefault(kind, []).extend(found)
            # Whom an answer is for changes the resources in it, not how it is made.
            if client.party == "practice":
                shapes(client, kind)
            if found and client.party == "practice":
                instances(client, found[0])
        told += of_a_patient(client, known_here)
        wide += across(client)
        files += exported(client)
    some(told, "a gathering operation")
    some(wide, "a Bundle over several types")
    some(files, "an export")
    practice = Client("practice")
    changes(practice, seen["Patient"][0]["id"])
    subscribed(practice, seen["Patient"][0]["id"])
    # What the capture itself did is in the audit by now.
    partner = Client("partner")
    events = entries(pages(partner, f"/AuditEvent?{NARROWED['AuditEvent']}_count=200"))
    partner.save("AuditEvent-after.list", some(events, "an event of the audit"))
    empty = [kind for kind, found in seen.items() if not found]
    print(f"captured {len(list(FOLDER.glob('*.json')))} answers; no client has: {', '.join(empty) or 'nothing is missing'}")


main()
