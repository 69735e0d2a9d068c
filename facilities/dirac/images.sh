# An area of unpacked images, laid out as /cvmfs/unpacked.cern.ch: REGISTRY/REPOSITORY:TAG and REGISTRY/REPOSITORY:DIGEST
# are links to .flat/XX/ID, a directory with all files of an image, ID being the digest of its configuration. Beside
# them each has the variables of the image, in the script that Apptainer's own trees have for it.
#
# No registry stands behind it: its name is one that there cannot be.

# shellcheck source=../image_roots.sh
source "$here/../image_roots.sh"

IMAGES_AREA=$STATE/cvmfs/unpacked.example.org
_REPOSITORIES=registry.example.org/facility

apart() {
    unshare --mount --propagation private "$@"
}

make_images() {
    local image
    # Only what is complete has a name there.
    install -d -m 755 "$IMAGES_AREA/.flat" "$IMAGES_AREA/$_REPOSITORIES" "$STATE/images"
    for image in "${IMAGES[@]}"; do
        declare -F "_root_of_$image" >/dev/null ||
            refuse "there is no image '$image' to build: COMMON_COMPUTE_DIRAC_IMAGES can name busybox and python"
        [[ -e $STATE/images/$image && $(head -n 1 "$STATE/images/$image") == "$(_recipe_of "$image")" ]] || _publish "$image"
    done
}

image_reference() {
    echo "$_REPOSITORIES/$1@$(tail -n 1 "$STATE/images/$1")"
}

_recipe_of() {
    { image_recipe "$1" && declare -f _publish _unpack; } | sha256sum
}

_publish() {
    local image=$1 work=$STATE/images/$1.building log=$STATE/log/image-$1.log digest
    say "Building the image $image"
    rm -rf "$work"
    mkdir -p "$work"
    { make_root "$image" "$work" && pack_image "$image" "$work/root.tar" "$work/oci"; } >"$log" 2>&1 ||
        fail "the image '$image' could not be built" "$log" "mend the network or apt's sources, and run 'up' again"
    digest=$(digest_of_layout "$work/oci")
    _unpack "$image" "$work" "$digest"
    { _recipe_of "$image" && echo "$digest"; } >"$work/published"
    mv "$work/published" "$STATE/images/$image"
    rm -rf "$work"
    say "The image $image is built"
}

_unpack() {
    local image=$1 work=$2 digest=$3 id place version blobs=$2/oci/blobs/sha256
    id=$(jq --raw-output '.config.digest' "$blobs/${digest#sha256:}")
    id=${id#sha256:}
    place=$IMAGES_AREA/.flat/${id:0:2}/$id
    mkdir -p "$work/tree" "${place%/*}"
    tar --directory "$work/tree" --extract --file "$work/root.tar"
    mkdir -p "$work/tree/.singularity.d/env"
    {
        echo '#!/bin/sh'
        jq --raw-output '.config.Env[] | capture("(?<name>[^=]*)=(?<value>.*)") |
            if .name == "PATH" then "export PATH=\"\(.value)\"" else "export \(.name)=\"${\(.name):-\"\(.value)\"}\"" end' \
            "$blobs/$id"
    } >"$work/tree/.singularity.d/env/10-docker2singularity.sh"
    # As on CernVM-FS, nobody can change them where they are used.
    chmod -R a+rX,go-w "$work/tree"
    rm -rf "$place"
    mv "$work/tree" "$place"
    for version in latest "$digest"; do
        ln -s --force --no-dereference "../../.flat/${id:0:2}/$id" "$IMAGES_AREA/$_REPOSITORIES/$image:$version"
    done
}
