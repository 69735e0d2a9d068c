# Start lanes: processes that outlive whoever calls.

# Put the watcher's text beside the parts, under its digest.
install_watcher() {
    put_once "$WATCHER" "$WATCHER_TEXT"
}

# Make the file $1 with the text $2, whole, unless it is there.
put_once() {
    [ -e "$1" ] && return 0
    printf '%s' "$2" >"$1.$$" && mv -f "$1.$$" "$1"
}

# Run the watcher detached: the first setsid leads a session, so the second one has to fork, and nobody waits.
# (A background `&` would do, but for the interrupts that a shell lets its background ignore, for ever.)
detach() {
    setsid setsid "$SHELL_PATH" "$BASE/$WATCHER" "$@" </dev/null >/dev/null 2>&1
}

# Start a lane for each of $1 waiting tasks, as far as slots are free.
start_lanes() {
    _wanted=$1 _slot=1
    while [ "$_wanted" -gt 0 ] && [ "$_slot" -le "$MAX_RUNNING" ]; do
        first_line "lanes/$_slot"
        # shellcheck disable=SC2086
        if ! lives ${LINE:-gone 0 0}; then
            detach lane "$BASE" "$SHELL_PATH" "$REAPER" "$_slot"
            _wanted=$((_wanted - 1))
        fi
        _slot=$((_slot + 1))
    done
}
