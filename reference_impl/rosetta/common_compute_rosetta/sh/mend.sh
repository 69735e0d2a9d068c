# Put right what an observation met: close the records of lost tasks, start lanes that are missing.

main() {
    cd "$BASE" || exit 3
    install_watcher || exit 4
    parts
    start_lanes "$WAITING"
    echo .
}

# Close the record of task $2 of part $1, with the word $3.
abandoned() {
    "$SHELL_PATH" "$BASE/$WATCHER" abandon "$BASE" "$1" "$2" "$3" </dev/null >/dev/null 2>&1
}
