# Records of one line each.

# Set LINE to the first line of file $1, empty if there is none.
first_line() {
    LINE=
    { IFS= read -r LINE <"$1"; } 2>/dev/null
    return 0
}

# Make the file $1 with content $2, unless it is there: the first reason to end a task is the one that counts.
say_once() {
    set -C
    { printf '%s\n' "$2" >"$1"; } 2>/dev/null
    set +C
}
