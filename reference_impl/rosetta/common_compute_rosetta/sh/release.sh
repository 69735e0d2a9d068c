# Remove parts, and say which are gone.

main() {
    cd "$BASE" || exit 3
    rm -rf trash/* 2>/dev/null
    parts
    rm -rf trash/* 2>/dev/null || {
        # A command may have made directories that even their owner cannot empty.
        chmod -R u+rwX trash
        rm -rf trash/*
    } 2>/dev/null
    SAY=yes
    parts
    echo .
}

part() {
    if [ -z "$SAY" ]; then
        rm -f queue/*."$1"
        [ ! -d "parts/$1" ] || mv "parts/$1" trash/
        [ ! -d "staged/$1" ] || staged "$1"
    elif [ ! -e "parts/$1" ] && [ ! -e "trash/$1" ] && [ ! -e "staged/$1" ]; then
        printf 'gone %s\n' "$1"
    fi
}

# Remove the inputs of part $1, and end whoever fetches them still.
staged() {
    first_line "staged/moving/$1"
    # shellcheck disable=SC2086
    if lives ${LINE:-gone 0 0}; then
        LINE=${LINE#* }
        kill -s TERM -- "-${LINE%% *}"
    fi
    mv "staged/$1" "trash/staged.$1"
}
