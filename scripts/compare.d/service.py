"""Starting the two servers, logging in, and asking them."""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 20
START = 300


class Server:
    """A program that listens on a port of this machine."""

    def __init__(self, words, log, environment=None, folder=None):
        self.log = open(log, "wb")
        self.process = subprocess.Popen(words, stdout=self.log, stderr=subprocess.STDOUT, env=environment, cwd=folder)

    def wait(self, ready):
        """Until it answers."""
        end = time.monotonic() + START
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.process.args[0]} ended: see {self.log.name}")
            if ready():
                return
            time.sleep(0.2)
        raise SystemExit(f"{self.process.args[0]} does not answer: see {self.log.name}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Api:
    """A FHIR API, with a token where one is needed."""

    def __init__(self, base, token=None):
        self.base, self.token = base, token

    def ask(self, method, path, body=None):
        """Status and body of an answer."""
        url = path if path.startswith("http") else self.base + "/" + path
        headers = {"Accept": "application/fhir+json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token()}"
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            headers["Content-Type"] = "application/fhir+json"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def pages(self, path):
        """All entries of a search, by its next links; or the status and body of the refusal. Also the total."""
        entries, total, seen = [], None, set()
        while path:
            if path in seen:
                return 0, f"{path} is its own next page", None
            seen.add(path)
            status, text = self.ask("GET", path)
            if status != 200:
                return status, text, None
            bundle = json.loads(text)
            total = bundle.get("total", total)
            entries += bundle.get("entry", [])
            path = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
        return 200, entries, total


class Token:
    """A token of one of the demo's clients, anew before it ends."""

    def __init__(self, program, base, clients, client):
        self.words = [program, "token", "--url", base, "--clients", clients, "--client", client]
        self.text, self.until, self.lock = None, 0, threading.Lock()

    def __call__(self):
        with self.lock:
            if time.monotonic() >= self.until:
                self.text = subprocess.run(self.words, capture_output=True, text=True, check=True).stdout.strip()
                self.until = time.monotonic() + 200
            return self.text


def query(kind, pairs):
    return kind + "?" + urllib.parse.urlencode(pairs)
