# DIRAC from the Python Package Index, in an environment of its own that any account can run.

# Debian's own Python: another one often lies in a home that nobody else may enter, and the jobs run as somebody else.
_PYTHON=/usr/bin/python3.11
_CLIENT=$(realpath "$here/../../reference_impl/dirac/common_compute_dirac")
# Those that have no wheel, so that they wait for Debian's packages; all others do not.
_COMPILED='^(m2crypto|mysqlclient)=='

# Sets `uv` to the program that installs.
find_uv() {
    uv=$(realpath --canonicalize-missing "$here/../../.uv/bin/uv")
    [[ -x $uv ]] || uv=$(command -v uv) ||
        refuse "there is no uv here to install DIRAC with: run 'make setup' in the sources once"
}

_pins() {
    grep --no-filename --invert-match '^#' "$_CLIENT/requirements.txt" "$here/requirements.txt"
}

environment_is_made() {
    [[ -e $ENVIRONMENT/made-of && $(<"$ENVIRONMENT/made-of") == "$(_pins)" ]]
}

# Installs Debian's packages and DIRAC, at the same time as far as it goes: most of DIRAC waits for nothing.
install_everything() {
    if environment_is_made; then
        install_packages
        return
    fi
    [[ $ENVIRONMENT == "$STATE/environment" ]] ||
        fail "there is no environment with these versions of DIRAC in $ENVIRONMENT" "" \
            "bring up the facility that it belongs to, or unset COMMON_COMPUTE_DIRAC_ENVIRONMENT"
    find_uv
    # What runs would lose the ground that it stands on.
    end_parts
    local early=
    : >"$STATE/uv.log"
    if [[ -x $_PYTHON ]]; then
        _install_wheels &
        early=$!
    fi
    install_packages
    if [[ -n $early ]]; then
        wait "$early" || exit "$?"
    else
        _install_wheels
    fi
    _install --requirements <(_pins | grep --extended-regexp "$_COMPILED")
    _pins >"$ENVIRONMENT/made-of"
    say "DIRAC $(sed -n 's/^dirac==//p' "$_CLIENT/requirements.txt") is installed in $ENVIRONMENT"
}

_install_wheels() {
    say "Installing DIRAC and what it needs from the Python Package Index"
    "$uv" venv --quiet --clear --python "$_PYTHON" "$ENVIRONMENT" >>"$STATE/uv.log" 2>&1 ||
        fail "the environment for DIRAC could not be made" "$STATE/uv.log" "mend what uv complains of, and run it again"
    _install --requirements <(_pins | grep --extended-regexp --invert-match "$_COMPILED")
}

# No dependencies are looked for: the pins are all there is, and what is overridden away is not among them. What users
# without a right to write here import is compiled now, or it would be again by each of their jobs.
_install() {
    "$uv" pip install --no-deps --compile-bytecode --python "$ENVIRONMENT/bin/python" "$@" >>"$STATE/uv.log" 2>&1 ||
        fail "DIRAC could not be installed" "$STATE/uv.log" "mend the network or what uv complains of, and run it again"
}
