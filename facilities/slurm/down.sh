# The way down: what would be damaged by a sudden end is asked to end, then each host is ended with all that is on it.

take_down() {
    if [[ ! -e $STATE/$_MARK ]]; then
        say "There is no facility in $STATE"
        rmdir "$STATE" 2>/dev/null || true
        return
    fi
    end_hosts
    if [[ $1 == --purge ]]; then
        rm -rf --one-file-system "$STATE"
        # The directories above the usual place are ours if nobody else put anything into them.
        [[ $STATE != /var/lib/common-compute/* ]] || rmdir --ignore-fail-on-non-empty --parents "${STATE%/*}"
        say "Nothing of the facility is left but Debian's packages"
    else
        say "The facility is down; 'up' brings it back as it was, 'down --purge' removes it"
    fi
}

end_hosts() {
    local host
    for host in "${SLURM_HOSTS[@]}"; do
        _cancel_jobs "$host"
    done
    # Slurm writes down what it knows, and what it has to tell its books, when it is asked to end.
    for host in "${SLURM_HOSTS[@]}"; do
        stop_service "$host" slurmctld
    done
    stop_service cluster slurmdbd
    stop_service cluster mariadbd
    for host in "${HOSTS[@]}"; do
        stop_host "$host"
    done
    remove_cgroups
}

# A job that was running when its cluster ended would be started again, much later, when it comes back.
_cancel_jobs() {
    local host=$1
    service_runs "$host" slurmctld || return 0
    in_host "$host" timeout 15 scancel --user="$(IFS=, && echo "${USERS[*]}")" 2>/dev/null || return 0
    wait_for 8 _has_no_jobs "$host" || true
}

_has_no_jobs() {
    [[ -z $(in_host "$1" timeout 5 squeue --noheader) ]]
}
