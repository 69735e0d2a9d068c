# Forget what an attempt left behind that was not the last one of its task: the last one ended before it began.

main() {
    umask 077
    cd "$BASE" || exit 3
    parts
    echo .
}

part() {
    _key=$1
    shift
    for _index; do
        _task=parts/$_key/tasks/$_index
        [ ! -e "$_task/attempt" ] || mv "$_task" "trash/$_key.$_index.$$" || exit 4
        mkdir -p "$_task"
    done
    # What cannot be removed now is removed with the next release.
    rm -rf "trash/$_key."*".$$" 2>/dev/null
}
