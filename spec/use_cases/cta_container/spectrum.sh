#!/bin/sh
# Count the gamma-ray events of a source in bands of energy and write the excess over the background per band.
#
#   spectrum.sh EVENTS   one event per line, as "number energy_in_GeV region", the region being "on" or "off".
#
# BAND_EDGES_GEV       the edges of the bands, ascending, parted by blanks.
# BACKGROUND_REGIONS   how many regions, each as large as the source's, the background was measured in.
set -eu

events=$1

# Print a number of excess events with one decimal: on - off / regions, rounded towards zero.
excess() {
    tenths=$((10 * $1 - 10 * $2 / BACKGROUND_REGIONS))
    sign=
    if [ "$tenths" -lt 0 ]; then
        sign=-
        tenths=$((-tenths))
    fi
    printf '%s%d.%d' "$sign" $((tenths / 10)) $((tenths % 10))
}

# Print the line of one band, which reaches from the first edge up to below the second.
band() {
    on=0
    off=0
    while read -r _number energy region; do
        if [ "$energy" -ge "$1" ] && [ "$energy" -lt "$2" ]; then
            case $region in
                on) on=$((on + 1)) ;;
                off) off=$((off + 1)) ;;
                *) printf 'unknown region %s\n' "$region" >&2; exit 65 ;;
            esac
        fi
    done < "$events"
    printf '%d,%d,%d,%d,%s\n' "$1" "$2" "$on" "$off" "$(excess "$on" "$off")"
}

{
    printf 'from_gev,to_gev,on,off,excess\n'
    low=
    for high in $BAND_EDGES_GEV; do
        if [ -n "$low" ]; then
            band "$low" "$high"
        fi
        low=$high
    done
} > spectrum.csv
