# The software area, laid out as CTA's on CVMFS: software/<system>/<compiler>/<category>/<package>/<version>, with a
# script setupPackage.sh in each, which a shell reads. Its only package is no ctapipe, but a small program in its place.

SOFTWARE_AREA=$STATE/cvmfs/sw.cta-observatory.org
_SOFTWARE=$SOFTWARE_AREA/software/centos7/gcc83_default/analysis
SOFTWARE_VERSIONS=(v0.19.2 v0.21.1)

make_software() {
    local version place
    for version in "${SOFTWARE_VERSIONS[@]}"; do
        place=$_SOFTWARE/ctapipe/$version
        install -d -m 755 "$place/bin"
        install -m 755 "$here/ctapipe-process" "$place/bin/ctapipe-process"
        echo "${version#v}" >"$place/version"
        cat >"$place/setupPackage.sh" <<SETUP
# Reads like CTA's: it changes the environment of the shell that reads it, and says nothing.
export CTAPIPE_ROOT="$place"
export CTAPIPE_VERSION="${version#v}"
export PATH="$place/bin:\$PATH"
SETUP
    done
}
