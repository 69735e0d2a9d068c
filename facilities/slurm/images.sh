# The images, built once and pushed to the registry; whoever needs one reads its digest from the description.

# shellcheck source=../image_roots.sh
source "$here/../image_roots.sh"

apart() {
    in_host registry "$@"
}

_layout() {
    echo "$(room registry)/srv/images/$1"
}

# Builds and pushes what is missing of the wanted images; pushes again what was added by hand, if the registry lost it.
provide_images() {
    local image
    for image in "${IMAGES[@]}"; do
        declare -F "_root_of_$image" >/dev/null ||
            refuse "there is no image '$image' to build: COMMON_COMPUTE_SLURM_IMAGES can name busybox and python"
        _is_built "$image" "$(image_recipe "$image")" || _build "$image"
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
    digest_of_layout "$(_layout "$1")/oci"
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
    make_root "$image" "$work" "/srv/building/$image" >"$(log_of registry "image-$image")" 2>&1 ||
        fail "the image '$image' could not be built" "$(log_of registry "image-$image")" \
            "mend the network or apt's sources, and run 'up' again"
    _pack "$image" "$work/root.tar" "$(image_recipe "$image")"
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
    pack_image "$name" "$root" "$layout.new/oci" >>"$log" 2>&1 ||
        fail "the image '$name' could not be packed" "$log" "give a tar archive of a root file system"
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
