# The mover: fetches the inputs of a part, or sends the results of a task, detached from whoever asked for it, or
# removes inputs that nobody needs.
#   mover SERVICE_DIRECTORY fetch KEY
#   mover SERVICE_DIRECTORY send KEY INDEX
#   mover SERVICE_DIRECTORY sweep

umask 077
# Letters and digits are those of URLs, whatever the account speaks.
export LC_ALL=C

# Take the work of name $1, unless another process has it.
claim() {
    born $$ || return
    CLAIM=$BASE/staged/moving/$1 MINE=$BASE/staged/moving/.$$.$BORN WATCH=
    trap 'rm -f "$MINE"; [ -z "$TAKEN" ] || rm -f "$CLAIM"; [ -z "$WATCH" ] || kill "$WATCH" 2>/dev/null' EXIT
    trap 'exit 1' HUP INT TERM
    TAKEN=
    printf '%s %s %s\n' "$BOOT" $$ "$BORN" >"$MINE" || return
    for _try in 1 2; do
        if ln "$MINE" "$CLAIM" 2>/dev/null; then
            TAKEN=yes
            return 0
        fi
        first_line "$CLAIM"
        # shellcheck disable=SC2086
        lives ${LINE:-gone 0 0} && return 1
        rm -f "$CLAIM"
    done
    return 1
}

read_settings() {
    IFS= read -r SCHEMES && IFS= read -r HOSTS && IFS= read -r PROXY && IFS= read -r MOST && IFS= read -r SECONDS_MOST ||
        exit 1
    TRUST=$BASE/staged/trust/bundle.pem
    [ -e "$TRUST" ] || TRUST=
}

hash_of() {
    sha256sum <"$1" | cut -c 1-64
}

# ---- inputs

fetch() {
    claim "$1" || exit 0
    HERE=$BASE/staged/$1
    cd "$HERE" || exit 1
    give_up_alone &
    WATCH=$!
    {
        read_settings
        while IFS= read -r _number && IFS= read -r _sha256 && IFS= read -r _source; do
            fetch_one "$_number" "$_sha256" "$_source" </dev/null
        done
    } <requests
    : >complete && rm -f requests
}

fetch_one() {
    [ ! -e "files/$1" ] && [ ! -e "failed/$1" ] || return
    if move get "$3" ".$1.$$"; then
        _hash=$2
        [ "$2" = - ] || _hash=$(hash_of ".$1.$$")
        if [ "$_hash" = "$2" ]; then
            mv -f ".$1.$$" "files/$1" && return
            WORDS="there is no room for it"
        else
            WORDS="it is another file: its sha256 is $_hash"
        fi
    fi
    rm -f ".$1.$$"
    printf '%s\n' "$WORDS" >"failed/.$1.$$" && mv -f "failed/.$1.$$" "failed/$1"
}

# Beside a fetch: end it when nobody has asked for a while, or its place is gone. The job was cancelled then.
give_up_alone() {
    trap 'kill "$_nap" 2>/dev/null; exit' TERM
    trap - EXIT
    while :; do
        sleep 60 &
        _nap=$!
        wait $_nap
        [ -n "$(find "$HERE/asked" -mmin -15 2>/dev/null)" ] || break
    done
    # All of this session's: the mover, its curl, and this.
    kill -s TERM -- -$$
}

# ---- results

send() {
    claim "$1.$2" || exit 0
    cd "$BASE/parts/$1/tasks/$2/sending" || exit 1
    {
        read_settings
        while IFS= read -r _name && IFS= read -r _target; do
            send_one "$_name" "$_target" </dev/null
        done
    } <requests
    : >complete && rm -f requests && rm -rf files
}

send_one() {
    [ ! -e "sent/$1" ] && [ ! -e "unsent/$1" ] || return
    # A link that somebody put into the file's place is a link here, too.
    if [ -L "files/$1" ] || [ ! -f "files/$1" ]; then
        WORDS="it cannot be read, or is no regular file any more"
    else
        _size=$(wc -c <"files/$1")
        _hash=$(hash_of "files/$1")
        if move put "$2" "./files/$1"; then
            printf '%s %s\n' $((_size)) "$_hash" >"sent/.$1.$$" && mv -f "sent/.$1.$$" "sent/$1"
            return
        fi
    fi
    printf '%s\n' "$WORDS" >"unsent/.$1.$$" && mv -f "unsent/.$1.$$" "unsent/$1"
}

# ---- the end of inputs

# Remove the inputs of parts that never were: their jobs were cancelled. What belongs to a part goes with it. Remove
# also the names of movers that were killed.
sweep() {
    find staged/moving -type f -mtime +1 | while IFS= read -r _old; do
        first_line "$_old"
        # shellcheck disable=SC2086
        lives ${LINE:-gone 0 0} || rm -f "$_old"
    done
    find staged -maxdepth 1 -name '*.*' -mtime +1 | while IFS= read -r _old; do
        _key=${_old#staged/}
        first_line "staged/moving/$_key"
        # shellcheck disable=SC2086
        [ -d "parts/$_key" ] || lives ${LINE:-gone 0 0} || rm -rf "$_old"
    done
}

BASE=$1
cd "$BASE" || exit 1
case $2 in
fetch) fetch "$3" ;;
send) send "$3" "$4" ;;
sweep) sweep ;;
esac
