#!/usr/bin/env python3
"""A teacher in Python: replace `answer`. Requests come as JSON lines on stdin, replies go out as JSON lines on stdout, words to people on stderr."""
import json
import sys

def answer(messages, schema, params):
    return "You asked: " + messages[-1]["content"]

print(json.dumps({"hello": 1}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    reply = {"id": request["id"]}
    try:
        reply["text"] = answer(request["messages"], request.get("schema"), request.get("params") or {})
    except Exception as error:  # one bad request must not end the teacher
        reply["error"] = {"action": "fail", "message": repr(error)}
    print(json.dumps(reply), flush=True)
