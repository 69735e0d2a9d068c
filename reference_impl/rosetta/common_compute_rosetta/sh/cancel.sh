# Give tasks a reason to end, and end the processes of those that began.

main() {
    cd "$BASE" || exit 3
    install_watcher || exit 4
    parts
    echo .
}

part() {
    _key=$1
    shift
    for _index; do
        _task=parts/$_key/tasks/$_index
        [ -d "$_task" ] && [ ! -e "$_task/end" ] || continue
        say_once "$_task/ending" cancel
        # A task that begins after this sees the reason; one that began before is seen here.
        [ ! -e "$_task/start" ] || detach end "$BASE" "$_key" "$_index" "$GRACE"
    done
}
