# What Slurm can use of this machine's cgroups, and the traces that it leaves in them.
#
# Slurm 22.05 enforces memory with cgroups v1. With v2 it wants systemd, which is not here: then it follows processes
# by /proc, and nothing holds a job to its memory.

# Sets `cgroups` to what the hosts see, and `why_not` to the reason why no job is held to its memory, if none is.
look_at_cgroups() {
    cgroups=none why_not=
    if [[ $(stat --file-system --format %T /sys/fs/cgroup 2>/dev/null) == cgroup2fs || $CGROUPS == v2 ]]; then
        cgroups=v2
        why_not="there are cgroups v2 only, which Slurm 22.05 cannot use without systemd"
    elif [[ ! -e /sys/fs/cgroup/memory/memory.limit_in_bytes || ! -e /sys/fs/cgroup/freezer/tasks ]]; then
        why_not="this machine has no cgroups of which Slurm knows"
    else
        cgroups=v1
        { _can_be_made memory && _can_be_made freezer; } || why_not="this machine lets nobody make cgroups"
    fi
}

# Containers often see their cgroups without being allowed to make any.
_can_be_made() {
    local probe=/sys/fs/cgroup/$1/slurm-probe-$BASHPID
    mkdir "$probe" 2>/dev/null && rmdir "$probe"
}

# Slurm names its cgroups after the node, and leaves them. The kernel takes a moment to let go of what has just died.
remove_cgroups() {
    local node
    for node in ${NODES[cluster]} ${NODES[unaccounted]}; do
        wait_for 10 _cgroup_is_gone "slurm_$node" ||
            fail "cgroups named slurm_$node are left below /sys/fs/cgroup" "" "remove them with rmdir when nothing runs in them"
    done
}

_cgroup_is_gone() {
    local found
    for found in /sys/fs/cgroup/*/"$1"; do
        [[ ! -d $found ]] || find "$found" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        [[ ! -d $found ]] || return 1
    done
}
