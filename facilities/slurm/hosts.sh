# The hosts: each is a set of namespaces around one first process, with a room for its files in the state directory.
#
# A host shares this machine's /usr and its loopback. What it changes besides, it changes in its own copies: this
# machine's users, mounts, /etc and /tmp stay as they are. When the first process ends, the kernel ends all others
# and takes the mounts away.

room() {
    echo "$STATE/hosts/$1"
}

# Sets `first` to the number under which this machine knows a host's first process. After a restart of this machine
# the number may belong to anybody: the command line tells.
host_runs() {
    local words
    { read -r first <"$STATE/hosts/$1/first-process" && mapfile -d '' words <"/proc/$first/cmdline"; } 2>/dev/null ||
        return 1
    [[ ${words[1]:-} == */host-init && ${words[2]:-} == "$STATE/hosts/$1" ]]
}

# Runs a command as root on a host, with nothing of the environment of whoever brings the facility up.
in_host() {
    local host=$1 first
    shift
    host_runs "$host" || return 1
    nsenter --target "$first" --mount --uts --ipc --pid -- env --ignore-environment \
        HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

enter_host() {
    local host=$1 first
    shift
    [[ " ${HOSTS[*]} " == *" $host "* ]] || refuse "there is no host '$host': the hosts are ${HOSTS[*]}"
    host_runs "$host" || fail "the host '$host' does not run" "" "bring the facility up first"
    (($#)) || set -- /bin/bash
    in_host "$host" env TERM="${TERM:-dumb}" "$@"
}

start_host() {
    local host=$1 room first
    ! host_runs "$host" || return 0
    room=$(room "$host")
    install -d -m 755 "$room" "$room/home" "$room/srv" "$room/srv/log" "$room$SOFTWARE_AREA" "$STATE/software"
    rm -rf "${room:?}/etc" "$room/tmp" "$room/var-tmp" "$room/first-process" "$room/hidden"
    install -d -m 755 "$room/etc"
    install -d -m 1777 "$room/tmp" "$room/var-tmp"
    _write_names "$host"
    write_users "$host"
    write_trust "$host"
    _write_hidden "$host"
    "_write_configuration_of_$host"
    setsid unshare --mount --uts --ipc --pid --fork --propagation private "$here/host-init" "$room" "$host" "$CGROUPS" \
        "$STATE/software" </dev/null >"$room/first-process.log" 2>&1 &
    disown
    wait_for 20 host_runs "$host" ||
        fail "the host '$host' did not start" "$room/first-process.log" "let this machine give root its own mounts, and run 'up' again"
}

_write_names() {
    local host=$1 etc
    etc=$(room "$host")/etc
    # On some machines it is a link to something below /run, of which the host has its own.
    cp --dereference /etc/resolv.conf "$etc/resolv.conf" 2>/dev/null || true
    echo "$host" >"$etc/hostname"
    {
        printf '127.0.0.1\tlocalhost %s\n' "${HOSTS[*]}"
        cat /etc/hosts
    } >"$etc/hosts"
}

# A host without Slurm has none of its programs, although /usr is shared.
_write_hidden() {
    local host=$1
    [[ " ${SLURM_HOSTS[*]} " != *" $host "* ]] || return 0
    {
        dpkg-query --listfiles slurm-client slurmd slurmctld slurmdbd | grep -E '^/usr/s?bin/[^/]+$'
        # Links that Debian's alternatives made belong to no package.
        compgen -G '/usr/*bin/slurm*'
    } | sort --unique >"$(room "$host")/hidden"
}

_write_configuration_of_cluster() {
    write_slurm_conf cluster
    write_slurmdbd_conf cluster
    write_sshd_config cluster
}

_write_configuration_of_unaccounted() {
    write_slurm_conf unaccounted
    write_sshd_config unaccounted
}

_write_configuration_of_plain() {
    write_sshd_config plain
}

_write_configuration_of_registry() {
    write_registry_configuration
}

# Ends a host and everything on it, and returns when nothing is left of it.
stop_host() {
    local host=$1 first
    host_runs "$host" || return 0
    kill -9 "$first"
    wait_for 20 test ! -e "/proc/$first" ||
        fail "process $first, the first one of the host '$host', cannot be ended" "" "find out what keeps it"
    rm -f "$(room "$host")/first-process"
}
