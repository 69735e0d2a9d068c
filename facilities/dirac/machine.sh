# Whether this machine can have the facility; each answer that is no says why.

must_be_root() {
    [[ $EUID == 0 ]] || refuse "only root can do this, because it makes accounts and acts for several of them: run it as root"
}

check_machine() {
    must_be_root
    local system
    # shellcheck source=/dev/null
    system=$(source /etc/os-release && echo "$ID ${VERSION_ID:-}") || system="an unknown system"
    [[ $system == "debian 12" ]] || refuse "it is made of the packages of Debian 12, and this is $system"
    command -v apt-get >/dev/null || refuse "there is no apt-get here to install Debian's packages with"
    # DIRAC's certificate is for this name, and DIRAC's client asks the name's addresses one after the other.
    [[ $(getent ahostsv4 localhost) == 127.0.0.1\ * ]] ||
        refuse "the name localhost does not lead to 127.0.0.1: mend /etc/hosts"
    environment_is_made || find_uv
}
