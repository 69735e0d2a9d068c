# Tell which images are there, and have those pulled that are not. IMAGES is where they are kept, KEEP_DAYS how long
# an image is kept that nobody asks for. Below it:
#   tree/NAME/root, file/NAME/image.sif     an image, complete: it came by one rename; NAME is its digest
#   podman/, podman-images/NAME, docker-images/NAME     what those keep themselves, and what they call it
#   .../NAME/config, digest, used           its configuration; its digest; when it was last asked for
#   requests/KEY                            what is to be pulled; away once it was taken up
#   answers/KEY                             what a pull came to: a time, and `ready NAME` or `failed WORDS`
#   pulling/KEY                             who pulls: boot, process id, start
#   incoming.KEY.PID/, trust/               what is not complete; authorities that registries are trusted by

main() {
    umask 077
    cd "$BASE" || exit 3
    BROKEN=
    open_images || BROKEN="$IMAGES cannot be used for images"
    install_puller || exit 4
    parts
    if [ -n "$BROKEN" ]; then
        echo .
        return
    fi
    # Once a day is often enough, and it takes nobody's time.
    if [ -z "$(find swept -mtime -1 2>/dev/null)" ]; then
        : >swept
        detach_puller sweep "$KEEP_DAYS"
    fi
    echo .
}

# Make the place for images, and go there. Where others could have made it first, see whose it is.
open_images() {
    mkdir -p "$IMAGES" && [ -O "$IMAGES" ] && chmod 700 "$IMAGES" && cd "$IMAGES" || return
    PLACE=$(pwd -P)
    mkdir -p tree file podman-images docker-images requests answers pulling trust || return
    if [ -z "$AUTHORITIES" ]; then
        rm -f trust/*
        return
    fi
    [ "$(cat trust/ca.pem 2>/dev/null)" = "$AUTHORITIES" ] && return
    printf '%s\n' "$AUTHORITIES" >trust/ca.new.$$
    # What takes one file for all authorities is given the system's in it, too.
    {
        for _bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
            /etc/ssl/cert.pem; do
            [ ! -r "$_bundle" ] || {
                cat "$_bundle"
                break
            }
        done
        printf '%s\n' "$AUTHORITIES"
    } >trust/bundle.new.$$
    mv -f trust/bundle.new.$$ trust/bundle.pem && mv -f trust/ca.new.$$ trust/ca.pem
}

# Put the puller's text beside the watcher's, under its digest.
install_puller() {
    [ -e "$BASE/$PULLER" ] && return 0
    printf '%s' "$PULLER_TEXT" >"$BASE/$PULLER.$$" && mv -f "$BASE/$PULLER.$$" "$BASE/$PULLER"
}

detach_puller() {
    setsid setsid "$SHELL_PATH" "$BASE/$PULLER" "$PLACE" "$BASE" "$@" </dev/null >/dev/null 2>&1
}

# Tell about the image of request $1, in store $2. $3 is the digest of what is asked for, or - if a tag stands for
# it, which is asked for again after $4 seconds. What else follows is for the puller. That an image is there is not
# enough: who asks for it has to be able to get it where they say it is.
image() {
    _key=$1 _store=$2 _digest=$3 _fresh=$4
    shift 4
    if [ -n "$BROKEN" ]; then
        printf 'failed\t%s\t%s\n' "$_key" "$BROKEN"
        return
    fi
    _now=$(date +%s)
    first_line "answers/$_key"
    _time=${LINE%% *}
    LINE=${LINE#* }
    if [ "${LINE%% *}" = ready ] && { [ "$_digest" != - ] || [ $((_now - _time)) -lt "$_fresh" ]; } &&
        [ -e "$_store/${LINE#* }/digest" ]; then
        touch "$_store/${LINE#* }/used" "answers/$_key"
        ready "$_store/${LINE#* }"
        return
    fi
    # Whoever waits for this one image is told, and who comes later has it tried again.
    if [ "${LINE%% *}" = failed ] && [ $((_now - _time)) -lt 20 ]; then
        printf 'failed\t%s\t%s\n' "$_key" "${LINE#* }"
        return
    fi
    first_line "pulling/$_key"
    # shellcheck disable=SC2086
    if ! lives ${LINE:-gone 0 0}; then
        # One word a line; none of them holds a line's end.
        printf '%s\n' "$_store" "$_digest" "$@" >"requests/.$_key.$$" && mv -f "requests/.$_key.$$" "requests/$_key"
        detach_puller pull "$_key"
    fi
    printf 'pulling\t%s\n' "$_key"
}

# Print what a runtime needs of the image in directory $1, its configuration on one line.
ready() {
    first_line "$1/digest"
    _digest=$LINE
    case $1 in
    tree/*) LINE=$PLACE/$1/root ;;
    file/*) LINE=$PLACE/$1/image.sif ;;
    *) first_line "$1/name" ;;
    esac
    printf 'ready\t%s\t%s\t%s\t%s\t%s\n' "$_key" "$1" "$_digest" "$LINE" "$(head -c 1000000 "$1/config" | tr '\n\r\t' '   ')"
}
