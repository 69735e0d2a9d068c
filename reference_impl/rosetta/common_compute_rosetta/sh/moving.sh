# What those calls have in common that have files moved. Set are MOVER and MOVER_TEXT, AUTHORITIES (certificates), and
# AT_ONCE (so many movers work at a time). Below the service's directory:
#   staged/moving/NAME    who moves the files of this name: boot, process id, start
#   staged/trust/         what hosts elsewhere are trusted by, beside the system's own

# Make all that is needed, and set FREE to the number of movers that may be started.
open_staged() {
    mkdir -p staged/moving staged/trust && put_once "$MOVER" "$MOVER_TEXT" || return
    trust || return
    FREE=$AT_ONCE
    for _who in staged/moving/*; do
        first_line "$_who"
        # shellcheck disable=SC2086
        ! lives ${LINE:-gone 0 0} || FREE=$((FREE - 1))
    done
}

# curl takes one file for all authorities: it is given the system's in it, too.
trust() {
    if [ -z "$AUTHORITIES" ]; then
        rm -f staged/trust/*
        return
    fi
    [ "$(cat staged/trust/ca.pem 2>/dev/null)" = "$AUTHORITIES" ] && return
    {
        for _bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
            /etc/ssl/cert.pem; do
            [ ! -r "$_bundle" ] || {
                cat "$_bundle"
                break
            }
        done
        printf '%s\n' "$AUTHORITIES"
    } >staged/trust/bundle.new.$$ || return
    printf '%s\n' "$AUTHORITIES" >staged/trust/ca.new.$$ || return
    mv -f staged/trust/bundle.new.$$ staged/trust/bundle.pem && mv -f staged/trust/ca.new.$$ staged/trust/ca.pem
}

# Print the settings that a mover reads first.
settings() {
    printf '%s\n' "$SCHEMES" "$HOSTS" "$PROXY" "$MOST" "$SECONDS_MOST"
}

# See that the mover of name $1 is at work, called by the words that follow; set STATE to moving, or to waiting if too
# many are at work.
see_to() {
    first_line "staged/moving/$1"
    shift
    # shellcheck disable=SC2086
    if lives ${LINE:-gone 0 0}; then
        STATE=moving
    elif [ "$FREE" -gt 0 ]; then
        FREE=$((FREE - 1)) STATE=moving
        setsid setsid "$SHELL_PATH" "$BASE/$MOVER" "$BASE" "$@" </dev/null >/dev/null 2>&1
    else
        STATE=waiting
    fi
}
