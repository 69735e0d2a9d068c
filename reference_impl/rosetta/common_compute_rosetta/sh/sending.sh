# Tell which ended tasks have sent their results, and have that begun. Below parts/KEY/tasks/I/sending/:
#   requests     the mover's settings, then for each file two lines: its name and its URL; away once all is done
#   files/NAME   another name of the file, that nobody can put something else in the place of
#   sent/NAME    its size and its sha256
#   unsent/NAME  words why it could not be sent
#   complete     all was tried

main() {
    umask 077
    cd "$BASE" || exit 3
    BASE=$(pwd -P)
    open_staged || exit 4
    parts
    echo .
}

# Open task $2 of part $1: `file` may follow, and then `tell`.
task() {
    cd "$BASE" || exit 3
    KEY=$1 INDEX=$2
    T=$BASE/parts/$1/tasks/$2
    S=$T/sending
    FRESH=
    if [ -d "$T" ] && [ ! -e "$S/requests" ] && [ ! -e "$S/complete" ]; then
        rm -rf "$S"
        FRESH=yes
    fi
}

# A file of the open task is wanted elsewhere: as name $1, at URL $2, the file $4 of the directory $3 in its working
# directory. Neither a directory nor a file is reached through a link.
file() {
    [ -n "$FRESH" ] || return
    mkdir -p "$S/files" "$S/sent" "$S/unsent" || exit 4
    [ -e "$S/requests.new" ] || settings >"$S/requests.new" || exit 4
    printf '%s\n' "$1" "$2" >>"$S/requests.new"
    _directory=$T/work${3:+/$3}
    (
        cd -P "$_directory" 2>/dev/null && [ "$(pwd -P && echo .)" = "$_directory
." ] || exit
        # Some file systems have no links from one directory to another.
        ln -P "./$4" "$S/files/$1" 2>/dev/null || { [ -f "./$4" ] && cp -P "./$4" "$S/files/$1"; }
    )
}

# Tell of the open task, and go on with what was begun.
tell() {
    if [ -n "$FRESH" ] && [ -e "$S/requests.new" ]; then
        mv -f "$S/requests.new" "$S/requests" || exit 4
    fi
    if [ -e "$S/complete" ]; then
        printf 'sent\t%s\t%s\n' "$KEY" "$INDEX"
        for _file in "$S"/sent/* "$S"/unsent/*; do
            first_line "$_file"
            _kind=${_file%/*}
            [ -z "$LINE" ] || printf '%s\t%s\t%s\n' "file-${_kind##*/}" "${_file##*/}" "$LINE"
        done
    elif [ -e "$S/requests" ]; then
        see_to "$KEY.$INDEX" send "$KEY" "$INDEX"
        printf '%s\t%s\t%s\n' "$STATE" "$KEY" "$INDEX"
    else
        printf 'unknown\t%s\t%s\n' "$KEY" "$INDEX"
    fi
}
