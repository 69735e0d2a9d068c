# The images of facilities: small root file systems made of Debian's packages, kept as OCI layouts of one layer.
#
# They are built where they are needed, and their digests change with each building. Who sources this says with `apart`
# how a command runs that mounts something, and which fails in words that stand in a log.

# What an image is made by: another text here, and it is built again.
image_recipe() {
    declare -f "_root_of_$1" pack_image | sha256sum
}

# Makes ROOT.tar of an image in a directory, whose name may be another one where `apart` runs things.
make_root() {
    "_root_of_$1" "$2" "${3:-$2}"
}

# Makes an OCI layout of one layer.
pack_image() {
    local name=$1 root=$2 layout=$3
    umoci init --layout "$layout" &&
        umoci new --image "$layout:latest" &&
        umoci raw add-layer --image "$layout:latest" "$root" &&
        umoci config --image "$layout:latest" --config.cmd /bin/sh --config.env LANG=C.UTF-8 \
            --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            --config.env FACILITY_IMAGE="$name" --os linux --architecture "$(dpkg --print-architecture)"
}

digest_of_layout() {
    jq --raw-output '.manifests[0].digest' "$1/index.json"
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
    _write_image_accounts "$root"
    tar --sort=name --owner=0 --group=0 --numeric-owner --directory "$root" --create --file "$1/root.tar" .
}

_write_image_accounts() {
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
}

# Python with its whole standard library and nothing else: the packages are unpacked and not set up, which takes
# a third of the time and needs no package manager in the image.
_root_of_python() {
    local proxies
    mapfile -t proxies < <(env | grep --extended-regexp --ignore-case '^(http|https|no)_proxy=' || true)
    apart env "${proxies[@]}" mmdebstrap --mode=root --variant=extract --format=tar \
        --include=base-files,bash,coreutils,dash,findutils,grep,gzip,libc-bin,python3,sed,tar \
        --dpkgopt='path-exclude=/usr/share/doc/*' --skip=output/dev \
        bookworm "$2/root.tar"
    # What setting up would have made, and runtimes want to put something over. There are no devices in it, since no
    # user may make any.
    mkdir -p "$1/more"/{dev,etc}
    _write_image_accounts "$1/more"
    tar --owner=0 --group=0 --numeric-owner --directory "$1/more" --append --file "$1/root.tar" ./dev ./etc/passwd ./etc/group
}
