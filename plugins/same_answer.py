#!/usr/bin/env python3
"""A script validator: accepts a solution whose final number is the reference answer's (the number after "####").

One JSON object a line: first {"hello": 1}; then for each {"id", "sample"} a {"id", "verdict", "reason", "score", "evidence"}.
Needs nothing but Python 3. It looks at the seed field `answer` and at the field `answer` of the step `solution`.
"""
import json
import sys
from decimal import Decimal, InvalidOperation


def number(text):
    try:
        return Decimal(str(text).rsplit("####", 1)[-1].strip().replace(",", "").lstrip("$"))
    except InvalidOperation:
        return None


def judge(sample):
    solution = sample.get("steps", {}).get("solution", {}).get("value") or {}
    wanted, given = number(sample.get("seed", {}).get("answer")), number(solution.get("answer"))
    if wanted is None:
        return {"verdict": "review", "reason": "the seed row has no number after ####"}
    if given is None:
        return {"verdict": "reject", "reason": "the solution has no number as its answer", "score": 0}
    if wanted != given:
        return {"verdict": "reject", "reason": "another answer than the reference", "score": 0, "evidence": f"{given}, reference {wanted}"}
    return {"verdict": "accept", "score": 1}


def main():
    print(json.dumps({"hello": 1}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"id": request["id"], **judge(request["sample"])}), flush=True)


if __name__ == "__main__":
    main()
