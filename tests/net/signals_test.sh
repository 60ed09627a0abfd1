#!/bin/bash
# SPDX-License-Identifier: MIT
# Ctrl-C at any moment ends in order: unbind, pause, halt, unload, nothing left behind. A run with traffic that would go on for minutes
# gets a SIGINT or SIGTERM at forty moments, from its first milliseconds (drivers are still being loaded) to the midst of the frames;
# each has to end with 0 and to say that it is clean. Needs no privileges.
set -u
ndisbox=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sed '/^script:/,$d' "$source/examples/two-boxes.yaml" >"$folder/run.yaml"
cat >>"$folder/run.yaml" <<'YAML'
script:
  - wait: { adapter: beta.nic0, state: running, within: 30s }
  - traffic: { from: alpha.nic0, to: beta.nic0, frames: 1000000000, sizes: 64..1514, within: 3600s }
YAML
RANDOM=11
before=0 in_traffic=0
for round in $(seq 40); do
    ms=$((round % 4 ? RANDOM % 120 : 200 + RANDOM % 400))
    name=$((round % 2)) && name=$([ "$name" = 1 ] && echo INT || echo TERM)
    # bash has background commands ignore SIGINT, which the tool undoes only once it is up.
    env --default-signal=INT "$ndisbox" run "$folder/run.yaml" >"$folder/out" 2>"$folder/err" &
    pid=$!
    sleep "$(printf '0.%03d' "$ms")"
    kill -s "$name" "$pid"
    waited=0
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        if [ $((waited += 1)) -gt 300 ]; then
            echo "round $round: SIG$name after $ms ms: still there after 30 s" >&2
            kill -9 "$pid"
            exit 1
        fi
    done
    wait "$pid"
    code=$?
    # Before the tool is there to catch it, a signal ends a process as it ends any: that is no end in order, but nothing was started.
    if { [ "$code" = 130 ] || [ "$code" = 143 ]; } && [ ! -s "$folder/out" ] && [ ! -s "$folder/err" ]; then
        before=$((before + 1))
        continue
    fi
    if [ "$code" != 0 ] || ! grep -q 'clean: nothing left behind' "$folder/err"; then
        echo "round $round: SIG$name after $ms ms: exit $code" >&2
        cat "$folder/err" >&2
        exit 1
    fi
    grep -q 'protocol *echoproto *[1-9]' "$folder/out" && in_traffic=$((in_traffic + 1))
done
echo "40 signals: $before before anything was started, $in_traffic with frames on the way"
[ "$in_traffic" -ge 5 ] || { echo "hardly any signal met traffic: this has proved nothing" >&2; exit 1; }
[ "$before" -le 20 ] || { echo "most signals came before the start: this has proved nothing" >&2; exit 1; }
