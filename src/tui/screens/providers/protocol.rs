//! How a script talks to us, with a whole one of twenty lines.

/// The page.
pub(super) const PAGE: &str = r#"One JSON object a line, on standard input and output. Logs go to standard error.
  it writes first   {"hello":1}
  it reads          {"id","messages":[{"role","content"}],"schema","params"}
  it answers        {"id","text","finish_reason":"stop","usage":{"input":n,"output":n}}
  or, in trouble    {"id","error":{"action":"retry|snooze|fail|pause","message","retry_after"}}
It gets PATH, LANG and the variables named in `env`, nothing else.

#!/usr/bin/env python3
import json, sys

def say(thing):
    print(json.dumps(thing), flush=True)

def answer(messages, params):
    # Ask your model here; this one only turns the question round.
    return messages[-1]["content"][::-1]

say({"hello": 1})
for line in sys.stdin:
    task = json.loads(line)
    try:
        text = answer(task["messages"], task.get("params") or {})
        usage = {"input": len(line) // 4, "output": len(text) // 4}
        say({"id": task["id"], "text": text,
             "finish_reason": "stop", "usage": usage})
    except Exception as error:
        trouble = {"action": "fail", "message": str(error)}
        say({"id": task["id"], "error": trouble})
"#;
