# Give tasks a reason to end, and tell Slurm to end them: NATIVE names them there.

main() {
    cd "$BASE" || exit 3
    # A task that begins after this sees the reason, also if Slurm should start it once more.
    parts
    # shellcheck disable=SC2086
    [ -z "$NATIVE" ] || within "$COMMAND_SECONDS" scancel $NATIVE
    printf 'scancel %s\n' $?
    echo .
}

part() {
    _key=$1
    shift
    for _index; do
        _task=parts/$_key/tasks/$_index
        [ -d "$_task" ] && [ ! -e "$_task/end" ] || continue
        say_once "$_task/ending" cancel
    done
}
