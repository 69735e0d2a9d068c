# The images: small root file systems made of Debian's packages, kept as OCI layouts, and pushed to the registry.
#
# They are built once; their digests change with each building, so whoever needs one reads it from the description.

_layout() {
    echo "$(room registry)/srv/images/$1"
}

# Builds and pushes what is missing of the wanted images; pushes again what was added by hand, if the registry lost it.
provide_images() {
    local image
    for image in "${IMAGES[@]}"; do
        declare -F "_root_of_$image" >/dev/null ||
            refuse "there is no image '$image' to build: COMMON_COMPUTE_SLURM_IMAGES can name busybox and python"
        _is_built "$image" "$(_recipe "$image")" || _build "$image"
    done
    for image in $(image_names); do
        _push "$image"
    done
}

image_names() {
    local layout
    for layout in "$(_layout "")"*/; do
        [[ ! -e $layout/recipe ]] || basename "$layout"
    done
}

image_reference() {
    echo "$REGISTRY/facility/$1@$(_digest "$1")"
}

# Puts an image of one's own into the registry: any root file system as a tar archive.
add_image() {
    local name=$1 root
    [[ $name =~ ^[a-z0-9]+([._-][a-z0-9]+)*$ ]] ||
        refuse "'$name' is no name of an image: take small letters, digits and single hyphens"
    ! declare -F "_root_of_$name" >/dev/null || refuse "'$name' is an image of the facility's own: take another name"
    [[ -r $2 ]] || refuse "$2 cannot be read: give a tar archive of a root file system"
    root=$(realpath "$2")
    service_runs registry docker-registry || fail "the registry does not run" "" "bring the facility up first"
    _pack "$name" "$root" "added by hand"
    _push "$name"
    describe
    image_reference "$name"
}

_digest() {
    jq --raw-output '.manifests[0].digest' "$(_layout "$1")/oci/index.json"
}

# What an image is made by: another text here, and it is built again.
_recipe() {
    declare -f "_root_of_$1" _pack | sha256sum
}

_is_built() {
    [[ -e $(_layout "$1")/recipe && $(<"$(_layout "$1")/recipe") == "$2" ]]
}

_build() {
    local image=$1 work
    say "Building the image $image"
    work=$(room registry)/srv/building/$image
    rm -rf "$work"
    mkdir -p "$work"
    "_root_of_$image" "$work" "/srv/building/$image" >"$(log_of registry "image-$image")" 2>&1 ||
        fail "the image '$image' could not be built" "$(log_of registry "image-$image")" \
            "mend the network or apt's sources, and run 'up' again"
    _pack "$image" "$work/root.tar" "$(_recipe "$image")"
    rm -rf "$work"
    say "The image $image is built"
}

# Makes an OCI layout of one layer, beside its place, and then puts it there.
_pack() {
    local name=$1 root=$2 recipe=$3 layout log
    layout=$(_layout "$name")
    log=$(log_of registry "image-$name")
    rm -rf "$layout.new"
    mkdir -p "$layout.new"
    {
        umoci init --layout "$layout.new/oci" &&
            umoci new --image "$layout.new/oci:latest" &&
            umoci raw add-layer --image "$layout.new/oci:latest" "$root" &&
            umoci config --image "$layout.new/oci:latest" --config.cmd /bin/sh --config.env LANG=C.UTF-8 \
                --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                --config.env FACILITY_IMAGE="$name" --os linux --architecture "$(dpkg --print-architecture)"
    } >>"$log" 2>&1 || fail "the image '$name' could not be packed" "$log" "give a tar archive of a root file system"
    echo "$recipe" >"$layout.new/recipe"
    rm -rf "$layout"
    mv "$layout.new" "$layout"
}

_push() {
    local name=$1 log
    log=$(log_of registry "image-$name")
    ! ask_registry "/facility/$name/manifests/$(_digest "$name")" || return 0
    in_host registry skopeo copy --quiet "oci:/srv/images/$name/oci:latest" "docker://$REGISTRY/facility/$name:latest" \
        >>"$log" 2>&1 || fail "the image '$name' could not be pushed" "$log" "run 'up' again"
}

# A shell and the usual tools: one program of one megabyte.
_root_of_busybox() {
    local root=$1/root tool
    mkdir -p "$root"/{bin,dev,etc,home,mnt,proc,root,run,srv,sys,tmp,usr,var/tmp}
    chmod 1777 "$root/tmp" "$root/var/tmp"
    cp /bin/busybox "$root/bin/"
    for tool in $(busybox --list); do
        [[ -e $root/bin/$tool ]] || ln -s busybox "$root/bin/$tool"
    done
    _write_accounts "$root"
    tar --sort=name --owner=0 --group=0 --numeric-owner --directory "$root" --create --file "$1/root.tar" .
}

_write_accounts() {
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
}

# Python with its whole standard library and nothing else: the packages are unpacked and not set up, which takes
# a third of the time and needs no package manager in the image.
_root_of_python() {
    local proxies
    mapfile -t proxies < <(env | grep --extended-regexp --ignore-case '^(http|https|no)_proxy=' || true)
    in_host registry env "${proxies[@]}" mmdebstrap --mode=root --variant=extract --format=tar \
        --include=base-files,bash,coreutils,dash,findutils,grep,gzip,libc-bin,python3,sed,tar \
        --dpkgopt='path-exclude=/usr/share/doc/*' --skip=output/dev \
        bookworm "$2/root.tar"
    # What setting up would have made, and runtimes want to put something over. There are no devices in it, since no
    # user may make any.
    mkdir -p "$1/more"/{dev,etc}
    _write_accounts "$1/more"
    tar --owner=0 --group=0 --numeric-owner --directory "$1/more" --append --file "$1/root.tar" ./dev ./etc/passwd ./etc/group
}
