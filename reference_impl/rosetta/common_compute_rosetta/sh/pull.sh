# The puller: pulls one image, detached from whoever asked for it, or removes images that nobody needs any more.
#   puller IMAGES SERVICE_DIRECTORY pull KEY
#   puller IMAGES SERVICE_DIRECTORY sweep DAYS
# What is pulled comes into a directory of its own and is renamed into its place once it is complete and checked: so
# two that pull the same, should it come to that, do no harm. What comes from outside is not trusted: neither names
# nor links of an image lead out of its directory.

umask 077

# End without an image, with words for people.
fail() {
    cd "$IMAGES" || exit 1
    answer failed "$(printf '%s' "$*" | tr '\n\t\r' '   ' | cut -c 1-500)"
    exit 1
}

# The words of a program that failed: its last ones, without what it prints in front of them.
words() {
    sed -e 's/^time="[^"]*" level=[a-z]* msg="\(.*\)"$/\1/' -e 's/\\"/"/g' -e 's/^\(Error\|FATAL\|error\): *//' "$WORDS" |
        grep -v '^hint:' | tail -n 3
}

answer() {
    printf '%s %s %s\n' "$(date +%s)" "$1" "$2" >"answers/.$KEY.$$" && mv -f "answers/.$KEY.$$" "answers/$KEY"
}

# ---- a pull

pull() {
    KEY=$1
    claim || exit 0
    WORK=incoming.$KEY.$$
    # The request too, should it have been made twice: there may be secrets in it.
    trap 'cd "$IMAGES" && rm -f "$MINE" "pulling/$KEY" "requests/$KEY" && remove "$WORK"' EXIT
    trap 'exit 1' HUP INT TERM
    mkdir "$WORK" || exit 1
    WORDS=$WORK/words
    {
        IFS= read -r STORE
        IFS= read -r DIGEST
        IFS= read -r TOOL
        IFS= read -r PROGRAM
        IFS= read -r FORMAT
        IFS= read -r SOURCE
        IFS= read -r TAG
        IFS= read -r MOST
        IFS= read -r HOSTS
        IFS= read -r HOME
    } <"requests/$KEY" || exit 1
    rm -f "requests/$KEY"
    export HOME
    [ ! -e trust/bundle.pem ] || export SSL_CERT_FILE="$PWD/trust/bundle.pem" REQUESTS_CA_BUNDLE="$PWD/trust/bundle.pem"
    export TMPDIR="$PWD/$WORK"
    if [ "$FORMAT" != oci ]; then
        fetch
    elif [ "$DIGEST" = - ]; then
        resolve
    elif is_there; then
        # Another repository had it.
        resolve
    fi
    if ! is_there || keeps_images; then
        case $TOOL in
        ch-image) with_ch_image ;;
        skopeo) with_skopeo ;;
        podman) with_podman ;;
        apptainer) with_apptainer ;;
        docker) with_docker ;;
        esac
        publish
    fi
    answer ready "$NAME"
}

# Take the pull, unless another process has it.
claim() {
    born $$ || return
    MINE=pulling/.$$.$BORN
    printf '%s %s %s\n' "$BOOT" $$ "$BORN" >"$MINE" || return
    for _try in 1 2; do
        ln "$MINE" "pulling/$KEY" 2>/dev/null && return 0
        first_line "pulling/$KEY"
        # shellcheck disable=SC2086
        lives ${LINE:-gone 0 0} && break
        rm -f "pulling/$KEY"
    done
    rm -f "$MINE"
    return 1
}

# podman and docker say themselves what a tag stands for, and send nothing anew that is there.
keeps_images() {
    case $TOOL in podman | docker) ;; *) return 1 ;; esac
}

is_there() {
    [ "$DIGEST" != - ] || return 1
    NAME=$(printf '%s' "$DIGEST" | tr : -)
    [ -e "$STORE/$NAME/digest" ]
}

# Put what was pulled into its place, unless it has come there meanwhile.
publish() {
    case $DIGEST in
    *:*) ;;
    *) fail "the registry does not say which image this is" ;;
    esac
    is_there && return
    [ -d "$WORK/image" ] || fail "the registry gave another image"
    [ -e "$WORK/image/config" ] || echo '{}' >"$WORK/image/config"
    : >"$WORK/image/used"
    printf '%s\n' "$DIGEST" >"$WORK/image/digest"
    mv "$WORK/image" "$STORE/$NAME" 2>/dev/null || [ -e "$STORE/$NAME/digest" ] || fail "no room for the image"
    # A rename into a directory that was there already.
    [ ! -d "$STORE/$NAME/image" ] || remove "$STORE/$NAME/image"
}

# Remove $1, also directories in it that their owner cannot empty.
remove() {
    rm -rf "$1" 2>/dev/null || {
        chmod -R u+rwX "$1"
        rm -rf "$1"
    } 2>/dev/null
}

# Run a program that talks to a registry. A second try is for what passes by itself.
patiently() {
    timeout -k 10 3600 "$@" 2>"$WORDS" && return
    grep -q -i -E 'unknown|unauthori|denied|not in registry|not found|x509|certificate' "$WORDS" && return 1
    sleep 2
    timeout -k 10 3600 "$@" 2>"$WORDS"
}

# ---- what a tag stands for

# Set DIGEST to the digest of what TAG of the repository SOURCE stands for: of the very bytes that the registry has.
# See that it has them, if DIGEST is set.
resolve() {
    keeps_images && return
    _reference=$DIGEST _name=$SOURCE@$DIGEST
    [ "$DIGEST" != - ] || _reference=$TAG _name=$SOURCE:$TAG
    if command -v skopeo >/dev/null; then
        skopeo_patiently inspect --raw "docker://$_name" >"$WORK/manifest" || fail "$(words)"
    elif command -v curl >/dev/null; then
        ask_registry || fail "${SOURCE%%/*} does not give $_name: $(words)"
    else
        return
    fi
    [ "$DIGEST" != - ] || DIGEST=sha256:$(hash_of "$WORK/manifest")
}

hash_of() {
    sha256sum <"$1" | cut -c 1-64
}

# Get a manifest by the registry's own API (OCI distribution specification, "Pulling manifests"), anonymously.
ask_registry() {
    _registry=${SOURCE%%/*}
    [ "$_registry" != docker.io ] || _registry=registry-1.docker.io
    _url=https://$_registry/v2/${SOURCE#*/}/manifests/$_reference
    get_manifest </dev/null && return
    _challenge=$(sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate: *Bearer //p' "$WORK/headers" | tr -d '\r' | tail -n 1)
    _realm=$(parameter realm)
    case $_realm in
    https://*) ;;
    *) return 1 ;;
    esac
    printf 'url = "%s"\n' "$_realm" >"$WORK/token.curl"
    for _parameter in service scope; do
        printf 'data-urlencode = "%s=%s"\n' "$_parameter" "$(parameter $_parameter)" >>"$WORK/token.curl"
    done
    quiet_curl --get -K "$WORK/token.curl" -o "$WORK/token" || return
    _token=$(tr -d '\n' <"$WORK/token" | sed -n 's/.*"\(access_\)\{0,1\}token" *: *"\([A-Za-z0-9._~+/=-]*\)".*/\2/p')
    printf 'header = "Authorization: Bearer %s"\n' "$_token" | get_manifest
}

# A parameter of the challenge, which holds neither quotes nor backslashes.
parameter() {
    printf '%s' "$_challenge" | sed -n "s/.*$1=\"\([^\"\\\\]*\)\".*/\1/p"
}

get_manifest() {
    quiet_curl -K - -D "$WORK/headers" -o "$WORK/manifest" \
        -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' \
        "$_url"
}

# curl without anybody's settings, over HTTPS to the last, on what may be long in coming.
quiet_curl() {
    set -- -q -sS -f -g --proto =https --proto-redir =https --connect-timeout 30 --speed-limit 100 --speed-time 120 "$@"
    [ ! -e trust/bundle.pem ] || set -- "$@" --cacert trust/bundle.pem
    curl "$@" 2>"$WORDS"
}

# ---- an archive

# Fetch the file that SOURCE, a URL, names, from where archives may come, and see that it is the one that was meant.
fetch() {
    # A proxy that the account uses itself knows what it lets through.
    _words=$(
        SCHEMES=https PROXY=${https_proxy:-} TRUST='' SECONDS_MOST=3600
        [ ! -e trust/bundle.pem ] || TRUST=$PWD/trust/bundle.pem
        move get "$SOURCE" "$WORK/archive" || printf '%s\n' "$WORDS"
    )
    [ -z "$_words" ] || fail "the archive cannot be fetched: $_words"
    [ "sha256:$(hash_of "$WORK/archive")" = "$DIGEST" ] ||
        fail "the archive is another file: its sha256 is $(hash_of "$WORK/archive")"
}

# ---- with which tool

# ch-image trusts what it is given, so what it was given is compared with the digests that lead to it.
with_ch_image() {
    export CH_IMAGE_CACHE=disabled CH_IMAGE_STORAGE="$PWD/$WORK/storage" USER="${USER:-$(id -un)}"
    _reference=${SOURCE#docker.io/}
    if [ "$DIGEST" = - ]; then
        _reference=$_reference:$TAG
    else
        _reference=$_reference@$DIGEST
    fi
    patiently ch-image pull "$_reference" >/dev/null </dev/null || fail "$(words)"
    cd "$WORK/storage/dlcache" || fail "ch-image keeps its files elsewhere"
    _top=
    for _file in ./*.fat.json ./*.manifest.json; do
        [ -e "$_file" ] || continue
        _hash=sha256:$(hash_of "$_file")
        [ -n "$_top" ] || _top=$_file _digest=$_hash
        [ "$_hash" = "$_digest" ] || grep -q -F "$_hash" "$_top" || fail "the registry gave another manifest"
    done
    [ -n "$_top" ] || fail "ch-image keeps its files elsewhere"
    for _file in ./*.tar.gz ./????????????????????????????????????????????????????????????????.json; do
        [ ! -e "$_file" ] || cat ./*.manifest.json | grep -q -F "sha256:$(hash_of "$_file")" ||
            fail "the registry gave another layer"
    done
    cd ../../.. || exit 1
    [ "$DIGEST" = - ] || [ "$DIGEST" = "$_digest" ] || fail "the registry gave another image"
    DIGEST=$_digest
    is_there && return
    mkdir "$WORK/image"
    mv "$WORK"/storage/img/* "$WORK/image/root" || fail "ch-image keeps its images elsewhere"
    cp "$WORK/image/root/ch/config.pulled.json" "$WORK/image/config" 2>/dev/null
    mount_points "$WORK/image/root"
}

skopeo_patiently() {
    if [ -e /etc/containers/policy.json ] || [ -e "$HOME/.config/containers/policy.json" ]; then
        patiently skopeo "$@" </dev/null
    else
        patiently skopeo --insecure-policy "$@" </dev/null
    fi
}

with_skopeo() {
    case $FORMAT in
    oci) set -- "docker://$SOURCE@$DIGEST" ;;
    *) set -- "$FORMAT:$WORK/archive" ;;
    esac
    skopeo_patiently copy --quiet "$@" "oci:$WORK/layout:image" || fail "$(words)"
    mkdir "$WORK/image"
    skopeo_patiently inspect --config --raw "oci:$WORK/layout:image" >"$WORK/image/config" || fail "$(words)"
    umoci unpack --rootless --image "$WORK/layout:image" "$WORK/bundle" >/dev/null 2>"$WORDS" </dev/null || fail "$(words)"
    mv "$WORK/bundle/rootfs" "$WORK/image/root"
    mount_points "$WORK/image/root"
}

# Make the places at which a runtime mounts something. The image's own links are not followed to make them.
mount_points() {
    chmod u+rwx "$1"
    for _place in cc cc/work dev proc sys tmp etc; do
        if [ -L "$1/$_place" ] || { [ -e "$1/$_place" ] && [ ! -d "$1/$_place" ]; }; then
            fail "the image has something else than a directory at /$_place, where one is needed"
        fi
        mkdir -p "$1/$_place" && chmod u+rwx "$1/$_place"
    done
    for _place in passwd group hosts resolv.conf; do
        _place=$1/etc/$_place
        if [ -L "$_place" ] || [ ! -f "$_place" ]; then
            remove "$_place"
            : >"$_place"
        fi
        chmod u+rw "$_place"
    done
}

with_podman() {
    _runs=/tmp/common-compute-$(id -u)
    mkdir -m 700 "$_runs" 2>/dev/null
    if [ -L "$_runs" ] || [ ! -d "$_runs" ] || [ ! -O "$_runs" ]; then
        fail "$_runs is somebody else's"
    fi
    export XDG_RUNTIME_DIR="$_runs" STORAGE_DRIVER=overlay
    case $FORMAT in
    oci)
        _name=$SOURCE@$DIGEST
        [ "$DIGEST" != - ] || _name=$SOURCE:$TAG
        _id=$(our_podman pull --quiet "$_name" </dev/null) || fail "$(words)"
        [ "$DIGEST" != - ] || DIGEST=$(our_podman image inspect --format '{{.Digest}}' "$_name") || fail "$(words)"
        _name=$SOURCE@$DIGEST
        ;;
    *)
        _name=$(our_podman pull --quiet "$FORMAT:$WORK/archive" </dev/null) || fail "$(words)"
        _name=${_name##*"
"}
        ;;
    esac
    is_there && return
    mkdir "$WORK/image"
    our_podman image inspect --format '{{json .Config}}' "$_name" >"$WORK/image/config" || fail "$(words)"
    printf '%s\n' "$_name" >"$WORK/image/name"
}

our_podman() {
    patiently "$PROGRAM" "--root=$PWD/podman" --cgroup-manager=cgroupfs "$@"
}

with_apptainer() {
    export APPTAINER_CACHEDIR="$PWD/$WORK/cache" SINGULARITY_CACHEDIR="$PWD/$WORK/cache"
    export APPTAINER_TMPDIR="$PWD/$WORK" SINGULARITY_TMPDIR="$PWD/$WORK"
    mkdir "$WORK/image"
    case $FORMAT in
    oci) patiently "$PROGRAM" pull "$WORK/image/image.sif" "docker://$SOURCE@$DIGEST" >/dev/null </dev/null ;;
    sif) mv "$WORK/archive" "$WORK/image/image.sif" ;;
    *) patiently "$PROGRAM" build "$WORK/image/image.sif" "$FORMAT:$WORK/archive" >/dev/null </dev/null ;;
    esac || fail "$(words)"
}

with_docker() {
    case $FORMAT in
    oci)
        _name=$SOURCE@$DIGEST
        [ "$DIGEST" != - ] || _name=$SOURCE:$TAG
        patiently "$PROGRAM" pull --quiet "$_name" >/dev/null </dev/null || fail "$(words)"
        [ "$DIGEST" != - ] ||
            DIGEST=$(patiently "$PROGRAM" image inspect --format '{{join .RepoDigests "\n"}}' "$_name" |
                sed -n 's/.*@\(sha256:\)/\1/p' | head -n 1)
        _name=$SOURCE@$DIGEST
        ;;
    *)
        _name=$(patiently "$PROGRAM" load --quiet --input "$WORK/archive" </dev/null) || fail "$(words)"
        _name=$(printf '%s\n' "$_name" | sed -n 's/^Loaded image\( ID\)\{0,1\}: //p' | tail -n 1)
        ;;
    esac
    is_there && return
    mkdir "$WORK/image"
    patiently "$PROGRAM" image inspect --format '{{json .Config}}' "$_name" >"$WORK/image/config" || fail "$(words)"
    printf '%s\n' "$_name" >"$WORK/image/name"
}

# ---- the end of images

# Remove what nobody has asked for in $1 days and no part runs in, and what pulls that were killed left behind.
sweep() {
    find . -maxdepth 1 -name 'incoming.*' -mtime +1 | while IFS= read -r _old; do
        remove "$_old"
    done
    find answers -type f -mtime +"$1" -exec rm -f {} +
    find requests pulling -type f -mtime +1 -exec rm -f {} +
    for _store in tree file podman-images docker-images; do
        for _image in "$_store"/*/; do
            _image=${_image%/}
            [ -n "$(find "$_image/used" -mtime +"$(($1 - 1))" 2>/dev/null)" ] || continue
            ! cat "$BASE"/parts/*/image 2>/dev/null | grep -q -x -F "$_image" || continue
            drop
        done
    done
}

drop() {
    first_line "$_image/name"
    # First out of everybody's sight.
    mv "$_image" "incoming.swept.$$.${_image##*/}" || return
    case $_store in
    podman-images)
        XDG_RUNTIME_DIR=/tmp/common-compute-$(id -u)
        export XDG_RUNTIME_DIR STORAGE_DRIVER=overlay
        podman "--root=$PWD/podman" rmi "$LINE" >/dev/null 2>&1
        ;;
    docker-images) docker rmi "$LINE" >/dev/null 2>&1 ;;
    esac
    remove "incoming.swept.$$.${_image##*/}"
}

cd "$1" || exit 1
IMAGES=$1 BASE=$2
case $3 in
pull) pull "$4" ;;
sweep) sweep "$4" ;;
esac
