# What is said, all of it on the standard error: progress, and for each failure one sentence at the very end.

# The facility is called by its folder.
readonly FACILITY=${here##*/}

# A failure that has been told leaves its shell with this code, so that the shells around it stay silent.
readonly TOLD=97

say() {
    printf '%4d s  %s\n' "$SECONDS" "$*" >&2
}

# Ends with one sentence: what failed, where its log is, what to do. The log's last lines stand above it.
fail() {
    local what=$1 log=$2 advice=$3
    if [[ -n $log && -s $log ]]; then
        tail -n 5 "$log" | sed 's/^/    | /' >&2
    fi
    printf 'facility %s: %s%s; %s.\n' "$FACILITY" "$what" "${log:+ (its log is $log)}" "$advice" >&2
    exit "$TOLD"
}

# Ends because this machine or this call can never do what was asked.
refuse() {
    printf 'facility %s: %s.\n' "$FACILITY" "$1" >&2
    exit 2
}

# Tells of a command that nobody expected to fail; a subshell's failure is told once, by the subshell.
_unexpected() {
    local status=$1 line=$2 command=$3
    ((status != TOLD)) || exit "$TOLD"
    printf 'facility %s: "%s" ended with exit code %d (%s, line %d), and what it said stands above; %s.\n' \
        "$FACILITY" "$command" "$status" "${BASH_SOURCE[1]##*/}" "$line" \
        "run the same again, or 'down --purge' and then 'up' to begin anew" >&2
    exit "$TOLD"
}
trap '_unexpected $? "$LINENO" "$BASH_COMMAND"' ERR

# What still runs in the background must not outlive the word that started it.
_ended() {
    local status=$1 child
    for child in $(jobs -pr); do kill "$child" 2>/dev/null || true; done
    ((status != TOLD)) || status=1
    exit "$status"
}
trap '_ended $?' EXIT

# Tries a command ten times a second, for so many seconds at most.
wait_for() {
    local tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || return 1
        sleep 0.1
    done
}

# Everything by which a facility is made: when it changes, `up` makes anew what it made.
scripts() {
    find "$here" "$here"/../*.sh -maxdepth 1 -type f -print0 | sort --zero-terminated | xargs --null cat
}
