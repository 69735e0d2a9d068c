# Debian's packages, those in the list PACKAGES of a facility, installed so that they start nothing on this machine.

_POLICY=/usr/sbin/policy-rc.d

missing_packages() {
    local -A installed=()
    local package
    while read -r package; do installed[$package]=1; done < <(
        # A package that it has never heard of is an error to it, and to us just missing.
        { dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' "${PACKAGES[@]}" 2>/dev/null || true; } |
            sed -n 's/^ii *//p'
    )
    for package in "${PACKAGES[@]}"; do
        [[ -n ${installed[$package]:-} ]] || echo "$package"
    done
}

install_packages() {
    local missing log=$STATE/apt.log
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    say "Installing ${#missing[@]} of Debian's packages and what they need: ${missing[*]}"
    : >"$log"
    # The subshell is there for its EXIT trap: the policy goes again whatever happens.
    (
        _keep_services_down
        _apt install --yes --no-install-recommends "${missing[@]}" >>"$log" 2>&1 && exit
        # The lists of packages may be missing or old.
        _apt update >>"$log" 2>&1 ||
            fail "the lists of Debian's packages cannot be had" "$log" "mend apt's sources or the network, and run it again"
        _apt install --yes --no-install-recommends "${missing[@]}" >>"$log" 2>&1 ||
            fail "Debian's packages could not be installed" "$log" "mend what apt complains of, and run it again"
    )
    say "Debian's packages are installed"
}

_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Debian's packages start their daemons when they are installed, unless this program, if it is there, forbids it. One
# that is there already is this machine's, and stays.
_keep_services_down() {
    if [[ ! -e $_POLICY ]]; then
        trap 'rm -f "$_POLICY"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$_POLICY"
        chmod 755 "$_POLICY"
        return
    fi
    local answer=0
    "$_POLICY" mariadb start </dev/null >/dev/null 2>&1 || answer=$?
    ((answer == 101)) ||
        fail "$_POLICY lets packages start their daemons on this machine" "" "let it end with exit code 101 while they are installed"
}
