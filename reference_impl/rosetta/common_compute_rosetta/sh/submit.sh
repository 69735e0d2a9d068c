# Take parts in from the archive on standard input and start lanes. INCOMING is a fresh name, WAITING counts the
# tasks. A part exists from the moment when its complete directory is renamed into place; a rename onto a part
# that is there fails. Exit 4: nothing has happened.

main() {
    umask 077
    cd "$BASE" || exit 3
    receive
    # The place in the queue first: a lane passes over a place without a part, never a part without a place.
    mv -f "$INCOMING"/queue/* queue/ || exit 4
    mv "$INCOMING"/parts/* parts/ 2>/dev/null
    for _part in "$INCOMING"/handles/*; do
        _key=${_part##*/}
        if [ -d "parts/$_key" ]; then
            printf 'accepted %s\n' "$_key"
        else
            printf 'absent %s\n' "$_key"
        fi
    done
    start_lanes "$WAITING"
    echo .
}
