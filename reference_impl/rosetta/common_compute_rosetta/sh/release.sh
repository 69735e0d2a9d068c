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
    elif [ ! -e "parts/$1" ] && [ ! -e "trash/$1" ]; then
        printf 'gone %s\n' "$1"
    fi
}
