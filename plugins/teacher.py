#!/usr/bin/env python3
"""A script teacher to start your own from: replace `answer`. Needs nothing but Python 3.

One JSON object a line: first {"hello": 1}; then for each {"id", "messages", "schema", "params"} either
{"id", "text", "finish_reason", "usage"} or {"id", "error": {"action", "message", "retry_after"}}.
Print nothing else to stdout: what you want to say to a person goes to stderr.
"""
import json
import sys


def answer(messages, schema, params):
    """What the teacher says. This one repeats the question, or fills the schema's fields with it."""
    question = messages[-1]["content"]
    if schema is None:
        return f"You asked: {question}"
    return json.dumps({name: filled(kind, question) for name, kind in schema.get("properties", {}).items()})


def filled(kind, question):
    if "enum" in kind:
        return kind["enum"][0]
    by_type = {"number": 1.0, "integer": 1, "boolean": True, "object": {}, "null": None}
    if kind.get("type") == "array":
        return [filled(kind.get("items", {}), question) for _ in range(kind.get("minItems", 1))]
    return by_type.get(kind.get("type"), f"You asked: {question}")


def main():
    print(json.dumps({"hello": 1}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            text = answer(request["messages"], request.get("schema"), request.get("params") or {})
            reply = {"text": text, "finish_reason": "stop"}
        except Exception as error:  # one bad request must not end the teacher
            reply = {"error": {"action": "fail", "message": f"{type(error).__name__}: {error}"}}
        print(json.dumps({"id": request["id"], **reply}), flush=True)


if __name__ == "__main__":
    main()
