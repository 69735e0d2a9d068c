# Print a line for each task: its index, a word, and what its records say.

main() {
    cd "$BASE" || exit 3
    WAITING=0
    KNOWN_LANE=
    printf 'boot %s\n' "$BOOT"
    parts
    _alive=0 _slot=1
    while [ "$WAITING" -gt 0 ] && [ "$_slot" -le "$MAX_RUNNING" ]; do
        first_line "lanes/$_slot"
        # shellcheck disable=SC2086
        lives ${LINE:-gone 0 0} && _alive=$((_alive + 1))
        _slot=$((_slot + 1))
    done
    printf 'lanes %s %s\n' "$_alive" "$WAITING"
    echo .
}

part() {
    _part=parts/$1
    if [ ! -d "$_part" ]; then
        printf 'gone %s\n' "$1"
        return
    fi
    printf 'part %s\n' "$1"
    shift
    for _index; do
        task "$_part/tasks/$_index"
    done
}

# The order of the looks matters: a task may go on between two of them, and each answer must still be true.
task() {
    # Whoever takes a task looks for a reason to end it afterwards: not taken and with a reason, it never runs.
    if [ ! -d "$1" ]; then
        # A command may remove what is recorded of it.
        [ ! -d "$_part" ] || printf '%s vanished\n' "$_index"
        return
    fi
    _ending=
    [ ! -e "$1/ending" ] || _ending=yes
    if [ ! -e "$1/taken" ]; then
        if [ -n "$_ending" ]; then
            printf '%s never\n' "$_index"
        else
            WAITING=$((WAITING + 1))
            printf '%s waiting\n' "$_index"
        fi
        return
    fi
    first_line "$1/taken"
    _lane=$LINE
    first_line "$1/start"
    _start=$LINE
    _word=running
    # shellcheck disable=SC2086
    if [ "$_lane" != "$KNOWN_LANE" ]; then
        if lives $_lane; then
            KNOWN_LANE=$_lane
        else
            # Without its lane a command that runs still runs, and its end is still recorded.
            set -- "$1" $_start
            lives "${_lane%% *}" "${2:-0}" "${3:-0}" || _word=lost
        fi
    fi
    # A lane writes the end before it goes on or away: so this comes after the question whether it lives.
    if [ -e "$1/end" ]; then
        first_line "$1/end"
        printf '%s ended %s;%s\n' "$_index" "$_start" "$LINE"
    else
        printf '%s %s %s;%s\n' "$_index" "$_word" "$_start" "${_lane%% *}"
    fi
}
