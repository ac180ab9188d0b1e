#!/usr/bin/env python3
"""A script validator: runs a solution's Python code with the unit tests of its seed row, each run within a time limit.

It takes the first ```python block of the step `solution` (or all of its text) and the seed field `tests` (Python that raises where
something is wrong). The code runs as you, in a directory of its own that is gone afterwards: use a container for code you do not trust.
"""
import json
import re
import subprocess
import sys
import tempfile

SECONDS = 10


def code_of(text):
    block = re.search(r"```(?:python|py)?\n(.*?)```", text, re.DOTALL)
    return block.group(1) if block else text


def judge(sample):
    tests = sample.get("seed", {}).get("tests")
    text = sample.get("steps", {}).get("solution", {}).get("text", "")
    if not tests:
        return {"verdict": "review", "reason": "the seed row has no tests"}
    with tempfile.TemporaryDirectory() as place:
        program = f"{code_of(text)}\n\n{tests}\n"
        try:
            ran = subprocess.run(
                [sys.executable, "-I", "-c", program], cwd=place, capture_output=True, text=True, timeout=SECONDS,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return {"verdict": "reject", "reason": f"the tests did not end within {SECONDS} s", "score": 0}
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or ["no words"]
        return {"verdict": "reject", "reason": "a test fails", "score": 0, "evidence": said[-1][:300]}
    return {"verdict": "accept", "score": 1}


def main():
    print(json.dumps({"hello": 1}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"id": request["id"], **judge(request["sample"])}), flush=True)


if __name__ == "__main__":
    main()
