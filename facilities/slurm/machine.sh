# Whether this machine can have the facility; each answer that is no says why.

must_be_root() {
    [[ $EUID == 0 ]] || refuse "only root can do this, because it makes namespaces and acts for several users: run it as root"
}

check_machine() {
    must_be_root
    local system
    # shellcheck source=/dev/null
    system=$(source /etc/os-release && echo "$ID ${VERSION_ID:-}") || system="an unknown system"
    [[ $system == "debian 12" ]] || refuse "it is made of the packages of Debian 12, and this is $system"
    command -v apt-get >/dev/null || refuse "there is no apt-get here to install Debian's packages with"
    unshare --mount --uts --ipc --pid --fork --propagation private mount -t tmpfs none /mnt 2>/dev/null ||
        refuse "this machine lets root make no namespaces with mounts of their own: a container must be given the capability SYS_ADMIN"
}
