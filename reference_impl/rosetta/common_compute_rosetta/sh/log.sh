# Give bytes START to STOP (exclusive; -1 is the end) of the log FILE, after a line with its size now.

main() {
    cd "$BASE" || exit 3
    parts
}

part() {
    _task=parts/$1/tasks/$2
    if [ ! -d "$_task" ] || [ -L "$_task/$FILE" ] || { [ ! -e "$_task/$FILE" ] && [ -e "$_task/end" ] && [ -e "$_task/start" ]; }; then
        echo gone
        return
    fi
    if [ ! -e "$_task/$FILE" ]; then
        echo 'size 0'
        return
    fi
    _size=$(wc -c <"$_task/$FILE")
    _size=$((_size))
    printf 'size %s\n' "$_size"
    [ "$STOP" -ge 0 ] && [ "$STOP" -lt "$_size" ] || STOP=$_size
    [ "$START" -ge "$STOP" ] || tail -c "+$((START + 1))" "$_task/$FILE" | head -c $((STOP - START))
}
