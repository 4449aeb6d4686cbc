#!/usr/bin/env python3
"""events.py URL: the first events of the endless stream, each against the schema of the API's own document; prints a line."""
import http.client
import json
import sys
import urllib.request

import jsonschema

url = sys.argv[1]
host = url.removeprefix("http://")
document = json.load(urllib.request.urlopen(f"{url}/api/v1/openapi.json"))
media = document["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]
schema = jsonschema.Draft202012Validator({**media["text/event-stream"]["schema"], "components": document["components"]})


def post(path, body=None):
    data = json.dumps(body).encode() if body else b""
    kind = {"Content-Type": "application/json"} if body else {}
    try:
        urllib.request.urlopen(urllib.request.Request(url + path, data, kind, method="POST"))
    except urllib.error.HTTPError as error:
        print("  ", path, error.read().decode())


connection = http.client.HTTPConnection(host, timeout=20)
connection.request("GET", "/api/v1/events")
answer = connection.getresponse()
media_type = answer.getheader("Content-Type")
seen, wrong = [], []
# Something changes: an exam begins, a flash is marked, it ends.
changes = [lambda: post("/api/v1/exam/marks", {"kind": "injection"}), lambda: post("/api/v1/exam/marks", {"kind": "flash"}),
           lambda: post("/api/v1/exam/stop")]
while len(seen) < 4:
    line = answer.readline().decode().rstrip("\n")
    if line.startswith("event: ") and line != "event: state":
        wrong.append(f"an event named {line}")
    if not line.startswith("data: "):
        continue
    event = json.loads(line.removeprefix("data: "))
    seen.append(event)
    wrong += [f"{error.json_path}: {error.message}" for error in schema.iter_errors(event)]
    if changes:
        changes.pop(0)()
bad = schema.is_valid({"signal": {"state": "fine"}})
good = media_type == "text/event-stream" and not wrong and not bad and any(event["exam"] for event in seen)
print("ok" if good else "FAILED", f"{len(seen)} server-sent events as the document has them", media_type, *wrong)
sys.exit(not good)
