#!/usr/bin/env bash
# A teacher in Bash alone: repeats the last message. Requests come as JSON lines on stdin, replies go out as JSON lines on stdout.
# `id` is always the first field; the last `"content":"…"` is cut out in its JSON spelling, so it can go back as it is.
printf '{"hello":1}\n'
while IFS= read -r line; do
    id=${line#'{"id":"'}
    id=${id%%'"'*}
    text=${line##*'"content":"'}
    text=${text%%'"}],"schema":'*}
    printf '{"id":"%s","text":"You asked: %s","usage":{"input":%d,"output":%d}}\n' "$id" "$text" $((${#line} / 4)) $((${#text} / 4))
done
