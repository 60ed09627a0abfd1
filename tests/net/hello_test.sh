#!/bin/bash
# SPDX-License-Identifier: MIT
# The four smallest drivers, built and run by typing what docs/your-first-driver.md says and nothing else: the commands of each fenced
# block under "The four smallest", in a folder that looks like the top of the tree, and the line quoted below the block has to come.
#   hello_test.sh TOOL SOURCE
set -u
tool=$1 src=$2 work=$(mktemp -d) failures=0
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/release"
ln -s "$tool" "$work/build/release/ndisbox"
ln -s "$src/examples" "$work/examples"
export NDISBOX_DRIVERS=${NDISBOX_DRIVERS:-$(dirname "$tool")/drivers} NDISBOX_CACHE=$work/cache
cd "$work" || exit 1

commands= inside=0 ran=0 quoted=0
while IFS= read -r line; do
    case $line in
    '```')
        [ $inside = 0 ] && { inside=1 commands= ; continue; }
        inside=0 ran=$((ran + 1))
        timeout -s KILL 200 bash -ec "$commands" >out 2>&1 || { echo "FAIL: exit $? of: $commands"; cat out; failures=$((failures + 1)); }
        ;;
    '> '*)
        quoted=$((quoted + 1))
        grep -qF -- "${line#> }" out || { echo "FAIL: nobody said '${line#> }' but:"; cat out; failures=$((failures + 1)); }
        ;;
    *) [ $inside = 1 ] && commands="$commands$line"$'\n' ;;
    esac
done < <(sed -n '/^## The four smallest/,$p' "$src/docs/your-first-driver.md")
[ $ran = 4 ] && [ $quoted = 4 ] || { echo "FAIL: ran $ran blocks and looked for $quoted lines; the page has four of each"; failures=1; }
[ $failures = 0 ] && echo ok && exit 0
exit 1
