# Receive what a submission sends.

# Unpack the archive on standard input into INCOMING, a fresh name. Exit 4: nothing has happened.
receive() {
    trap 'rm -rf "$INCOMING"' EXIT
    # In words that are known, should there be no space.
    LC_ALL=C mkdir "$INCOMING" && LC_ALL=C tar -xof - -C "$INCOMING" || exit 4
    # A stream that was cut between two files is a sound archive without its last file.
    if [ ! -e "$INCOMING/complete" ]; then
        echo 'the stream was cut' >&2
        exit 4
    fi
    install_watcher || exit 4
}
