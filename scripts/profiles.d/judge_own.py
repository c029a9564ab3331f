"""Has the running service judge cases by $validate: judge_own.py BASE CLIENTS CASES VERDICTS.

CASES is a JSON list of {name, resource}; VERDICTS becomes {name: [error, ...]}, null for types that it does not store.
"""

import json
import sys
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients.d"))
from check import FHIR, token  # noqa: E402 - it reads the same arguments

CASES, VERDICTS = map(Path, sys.argv[3:5])
JSON = "application/fhir+json"
# What is answered with a verdict, and what is none: the judges beside it may leave the service little time.
JUDGED = (200, 400, 422)
BUSY = (408, 429, 503)
session = requests.Session()
# The service closes a connection that is quiet for ten seconds, maybe while the next request is on its way.
session.mount("http://", HTTPAdapter(max_retries=Retry(total=3, backoff_factor=0.2, allowed_methods=None)))


def judged(resource):
    path = f"{FHIR}/{resource['resourceType']}/$validate"
    for _ in range(4):
        answer = session.post(path, data=json.dumps(resource), headers={"Content-Type": JSON}, timeout=60)
        if answer.status_code == 401:
            # A token lives for five minutes.
            session.headers["Authorization"] = "Bearer " + token()
        elif answer.status_code not in BUSY:
            break
    if answer.status_code in (403, 404):
        return None
    if answer.headers.get("Content-Type", "").split(";")[0] != JSON or answer.status_code not in JUDGED:
        return [f"answered {answer.status_code}"]
    issues = answer.json()["issue"]
    errors = (issue for issue in issues if issue["severity"] in ("error", "fatal"))
    return [text(issue) for issue in errors]


def text(issue):
    said = issue.get("details", {}).get("text") or issue.get("diagnostics", issue["code"])
    return f"{', '.join(issue.get('expression', []))}: {said}"


cases = json.loads(CASES.read_text(encoding="utf-8"))
VERDICTS.write_text(json.dumps({case["name"]: judged(case["resource"]) for case in cases}, indent=1), encoding="utf-8")
