#!/bin/sh
# Add up the runs of one pool and write its excess of gamma rays as POOL.csv.
#
#   excess_of_pool.sh POOL   runs.txt has one run per line, as "pool run on off": the events on the source, and those
#                            in 5 background regions, each as large as the source's: excess = on - off / 5.
set -eu

pool=$1
runs=0
on=0
off=0

while read -r of_pool _run run_on run_off; do
    if [ "$of_pool" = "$pool" ]; then
        runs=$((runs + 1))
        on=$((on + run_on))
        off=$((off + run_off))
    fi
done < runs.txt

if [ "$runs" -eq 0 ]; then
    printf '%s has no runs\n' "$pool" >&2
    exit 66
fi

tenths=$((10 * on - 2 * off))
sign=
if [ "$tenths" -lt 0 ]; then
    sign=-
    tenths=$((-tenths))
fi
printf 'pool,task,runs,on,off,excess\n%s,%d,%d,%d,%d,%s%d.%d\n' \
    "$pool" "$CC_TASK_INDEX" "$runs" "$on" "$off" "$sign" $((tenths / 10)) $((tenths % 10)) > "$pool.csv"
printf '%s: %d runs\n' "$pool" "$runs"
