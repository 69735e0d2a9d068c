# Look for parts by their keys.

main() {
    cd "$BASE" || exit 3
    parts
    echo .
}

part() {
    if [ -d "parts/$1" ]; then
        first_line "parts/$1/handle"
        printf 'accepted %s %s\n' "$1" "$LINE"
    else
        printf 'absent %s\n' "$1"
    fi
}
