#!/bin/bash
# SPDX-License-Identifier: MIT
# Captures, in and out. Needs no privileges; without tshark (Debian: tshark) the second part is skipped, loudly.
#   in   a recording begins only when every stack of the world stands: each of ten runs sees the first of its frames
#   out  --trace - writes a capture to stdout that tshark reads, frame by frame, and nothing else
set -u
ndisbox=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
for round in $(seq 10); do
    "$ndisbox" run "$source/examples/pcap-replay.yaml" --set "boxes.alpha.adapters.nic0.port=pcap:$source/examples/eight-frames.pcap,$folder/out.pcapng" \
        >out 2>err || { echo "round $round: the recording lost frames" >&2; cat err >&2; exit 1; }
    grep -q 'alpha.nic0: 8 frames in .*, 8 out' out || { echo "round $round: not 8 frames in and 8 out" >&2; cat out >&2; exit 1; }
done
command -v tshark >/dev/null || { echo "skipped: tshark is not there" >&2; exit 77; }
"$ndisbox" run "$source/examples/two-boxes.yaml" --trace - 2>err | tshark -r - -T fields -e frame.interface_name -e eth.type >frames 2>tshark.err
codes=("${PIPESTATUS[@]}")
[ "${codes[0]}" = 0 ] && [ "${codes[1]}" = 0 ] || { echo "ndisbox ${codes[0]}, tshark ${codes[1]}" >&2; cat err tshark.err >&2; exit 1; }
# 2,000 frames there and 2,000 back, each seen at the filter of beta.
count=$(grep -c lwfmon frames)
[ "$count" -ge 4000 ] || { echo "tshark saw $count frames at lwfmon, of 4,000" >&2; cut -f1 frames | sort | uniq -c >&2; exit 1; }
echo "tshark read $(wc -l <frames) frames from a pipe, $count at lwfmon"
