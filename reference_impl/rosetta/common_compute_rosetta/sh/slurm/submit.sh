# Take parts in from the archive on standard input, and call sbatch once for each, AT_ONCE of them at a time. INCOMING
# is a fresh name, SBATCH_SECONDS the patience with each call. A part exists from the moment when its complete
# directory is renamed into place. Who calls sbatch for it has taken its turn, once and for all. Exit 4: nothing has
# happened.

main() {
    umask 077
    cd "$BASE" || exit 3
    receive
    put_once "$BEGINNING" "$BEGINNING_TEXT" || exit 4
    born $$
    HOST=$(uname -n)
    ME="$HOST $BOOT $$ $BORN"
    now
    # Who goes away does not stop what was begun.
    trap '' HUP PIPE
    mv "$INCOMING"/parts/* parts/ 2>/dev/null
    WORKER=0
    while [ $WORKER -lt "$AT_ONCE" ]; do
        (
            NUMBER=0
            parts
        ) &
        WORKER=$((WORKER + 1))
    done
    wait
    echo .
}

# Submit part $1 with the options that follow, if it is this worker's.
part() {
    NUMBER=$((NUMBER + 1))
    [ $((NUMBER % AT_ONCE)) = $WORKER ] || return
    _key=$1 _part=parts/$1
    shift
    if [ -d "$INCOMING/$_part" ]; then
        # It was there before, so somebody else has submitted it or is about to.
        first_line "$_part/native"
        if [ -n "$LINE" ]; then
            printf 'submitted %s %s\n' "$_key" "$LINE"
        else
            printf 'there %s\n' "$_key"
        fi
        return
    fi
    if [ -e "$INCOMING/away" ]; then
        printf 'untried %s\n' "$_key"
        return
    fi
    now
    _began=$NOW
    take_turn "$_part" "$NOW $ME" || {
        printf 'there %s\n' "$_key"
        return
    }
    _id=$(within "$SBATCH_SECONDS" sbatch "$@" <"$_part/batch" 2>"$INCOMING/words.$WORKER")
    _code=$?
    # Before it come lines that a plug-in of the site may write; after it, a cluster's name.
    _id=${_id##*"
"}
    _id=${_id%%;*}
    case $_id in
    '' | *[!0-9]*)
        now
        # Where one call waited in vain for Slurm, the next ones would, too.
        [ "$NOW" -lt $((_began + 4)) ] || : >"$INCOMING/away"
        _words=$(tr '\n' ' ' <"$INCOMING/words.$WORKER" | head -c 1000)
        printf 'tried %s %s %s\n' "$_key" "$_code" "$_words"
        ;;
    *)
        keep_native "$_part" "$_id" "$HOST.$$"
        # Another submission of the part came first after all: this one will find so and run nothing.
        [ "$LINE" = "$_id" ] || within "$SBATCH_SECONDS" scancel "$_id" 2>/dev/null
        printf 'submitted %s %s\n' "$_key" "$LINE"
        ;;
    esac
}
