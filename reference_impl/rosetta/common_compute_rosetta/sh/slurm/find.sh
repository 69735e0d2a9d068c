# Look for parts by their keys, or by the names of their jobs at Slurm. Nothing is printed for a part as long as a
# submission of it may still appear: SETTLE_SECONDS after somebody took its turn it no longer can.

main() {
    cd "$BASE" || exit 3
    HOST=$(uname -n) DOUBTFUL='' ASKED=
    parts
    if [ -n "$DOUBTFUL" ]; then
        ask "${DOUBTFUL#,}"
        ASKED=yes
        parts
    fi
    echo .
}

# Look for part $1, whose job is called $2.
part() {
    _part=parts/$1
    if [ -z "$ASKED" ]; then
        without_asking "$1" "$2"
    elif [ -d "$_part" ] && [ ! -e "$_part/native" ]; then
        after_asking "$1" "$2"
    fi
}

without_asking() {
    if [ ! -d "$_part" ]; then
        printf 'absent %s\n' "$1"
        return
    fi
    first_line "$_part/native"
    if [ -n "$LINE" ]; then
        accepted "$1" "$LINE"
    elif take_turn "$_part" withdrawn; then
        remove "$1"
    else
        first_line "$_part/turn"
        case $LINE in
        withdrawn) remove "$1" ;;
        *) is_being_submitted || DOUBTFUL=$DOUBTFUL,$2 ;;
        esac
    fi
}

# Tell whether the process in LINE (time, host, boot, process id, start) is one of this machine's and lives.
is_being_submitted() {
    # shellcheck disable=SC2086
    set -- ${LINE:-0 - - 0 0}
    [ "$2" = "$HOST" ] && lives "$3" "$4" "$5"
}

after_asking() {
    _id=$(printf '%s\n' "$ROWS" | awk -v name="$2" '$2 == name { print $1 + 0; exit }')
    if [ -n "$_id" ]; then
        keep_native "$_part" "$_id" "$HOST.$$"
        accepted "$1" "$LINE"
        return
    fi
    first_line "$_part/turn"
    is_being_submitted && return
    now
    _since=${LINE%% *}
    if [ -z "$LINE" ]; then
        # Whoever took the turn was killed before it could write when.
        [ -z "$(find "$_part/turn" -mmin +1)" ] || _since=0
    fi
    [ "$NOW" -lt $((${_since:-NOW} + SETTLE_SECONDS)) ] || remove "$1"
}

accepted() {
    _id=$2
    first_line "parts/$1/handle"
    printf 'accepted %s %s %s\n' "$1" "$_id" "$LINE"
}

remove() {
    mv "parts/$1" "trash/$1.$$" 2>/dev/null && rm -rf "trash/$1.$$"
    [ -d "parts/$1" ] || printf 'absent %s\n' "$1"
}

# Set ROWS to the ids and names of jobs that are called $1, names with commas between.
ask() {
    ROWS=$(within "$COMMAND_SECONDS" squeue -h -t all -u "$ACCOUNT" --name="$1" -o '%F %j') || exit 5
    [ "$ACCOUNTING" = no ] ||
        ROWS="$ROWS
$(within "$COMMAND_SECONDS" sacct -n -P -X -u "$ACCOUNT" --name="$1" -S now-2days -o JobID,JobName --delimiter=' ')" ||
        exit 5
    ROWS=$(printf '%s\n' "$ROWS" | sort -n)
}
