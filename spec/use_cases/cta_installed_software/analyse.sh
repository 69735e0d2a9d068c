#!/bin/sh
# Count the gamma-ray events of a pool of runs, on the source and beside it, and write the excess of each run.
#
#   analyse.sh POOL      POOL lists the runs, one file name per line; a run has one event per line, as
#                        "number energy_in_GeV region", the region being "on" or "off".
#
# The background is measured in 5 regions, each as large as the source's: excess = on - off / 5.
set -eu

pool=$1
total_on=0
total_off=0

# Print a number of excess events with one decimal: on - off / 5.
excess() {
    tenths=$((10 * $1 - 2 * $2))
    sign=
    if [ "$tenths" -lt 0 ]; then
        sign=-
        tenths=$((-tenths))
    fi
    printf '%s%d.%d' "$sign" $((tenths / 10)) $((tenths % 10))
}

{
    printf 'run,on,off,excess\n'
    while read -r run; do
        on=0
        off=0
        while read -r _number _energy region; do
            case $region in
                on) on=$((on + 1)) ;;
                off) off=$((off + 1)) ;;
                *) printf '%s: unknown region %s\n' "$run" "$region" >&2; exit 65 ;;
            esac
        done < "runs/$run"
        printf '%s: %d events\n' "$run" $((on + off)) >&2
        printf '%s,%d,%d,%s\n' "${run%.events}" "$on" "$off" "$(excess "$on" "$off")"
        total_on=$((total_on + on))
        total_off=$((total_off + off))
    done < "$pool"
    printf 'all,%d,%d,%s\n' "$total_on" "$total_off" "$(excess "$total_on" "$total_off")"
} > excess.csv
