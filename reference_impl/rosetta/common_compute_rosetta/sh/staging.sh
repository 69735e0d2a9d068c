# Tell which parts have their inputs from elsewhere, and have those fetched that are not there. Below staged/KEY/:
#   requests     the mover's settings, then for each file three lines: its number, its sha256 or -, its URL; away
#                once all is done
#   asked        when somebody last asked: a mover for whom nobody waits ends
#   files/N      a file, complete and checked: it came by one rename
#   failed/N     words why there is none
#   complete     all was tried

main() {
    umask 077
    cd "$BASE" || exit 3
    open_staged || exit 4
    parts
    # Once a day is often enough, and it takes nobody's time.
    if [ -z "$(find staged/swept -mtime -1 2>/dev/null)" ]; then
        : >staged/swept
        setsid setsid "$SHELL_PATH" "$BASE/$MOVER" "$BASE" sweep </dev/null >/dev/null 2>&1
    fi
    echo .
}

# Part $1; what follows, three words for each file, is what it needs, unless that has been told.
part() {
    _key=$1
    shift
    _here=staged/$_key
    if [ -e "$_here/complete" ]; then
        printf 'ready\t%s\n' "$_key"
        for _file in "$_here"/failed/*; do
            first_line "$_file"
            [ -z "$LINE" ] || printf 'failed\t%s\t%s\t%s\n' "$_key" "${_file##*/}" "$LINE"
        done
        return
    fi
    if [ ! -e "$_here/requests" ]; then
        if [ $# = 0 ]; then
            printf 'unknown\t%s\n' "$_key"
            return
        fi
        mkdir -p "$_here/files" "$_here/failed" || exit 4
        {
            settings
            # One word a line; none of them holds a line's end.
            printf '%s\n' "$@"
        } >"$_here/requests.$$" && mv -f "$_here/requests.$$" "$_here/requests" || exit 4
    fi
    : >"$_here/asked"
    see_to "$_key" fetch "$_key"
    printf '%s\t%s\n' "$STATE" "$_key"
}
