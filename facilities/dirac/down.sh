# The way down: what would be damaged by a sudden end is asked to end, then nothing is left of either account.

take_down() {
    if [[ ! -e $STATE/$_MARK ]]; then
        say "There is no facility in $STATE"
        rmdir "$STATE" 2>/dev/null || true
        return
    fi
    end_parts
    if [[ $1 == --purge ]]; then
        remove_accounts
        rm -rf --one-file-system "$STATE"
        # The directories above the usual place are ours if nobody else put anything into them.
        [[ $STATE != /var/lib/common-compute/* ]] || rmdir --ignore-fail-on-non-empty --parents "${STATE%/*}"
        say "Nothing of the facility is left but Debian's packages"
    else
        say "The facility is down; 'up' brings it back as it was, 'down --purge' removes it"
    fi
}

end_parts() {
    local i
    _end_jobs
    for ((i = ${#PARTS[@]} - 1; i >= 0; i--)); do
        stop_part "${PARTS[i]}"
    done
    end_processes_of "$WORKER_ACCOUNT"
    end_processes_of "$SERVER_ACCOUNT"
    rm -f "$STATE"/run/*
}

_end_jobs() {
    local pid
    part_runs WorkloadManagement/JobManager && part_runs "$CONFIGURATION" || return 0
    [[ -s $STATE/proxies/admin.dirac_admin.pem ]] || return 0
    with_proxy admin.dirac_admin \
        timeout 60 "$ENVIRONMENT/bin/python" "$STATE/programs/end_jobs.py" >"$STATE/log/end-jobs.log" 2>&1 ||
        say "Jobs that had not ended could not be killed: $(tail -n 1 "$STATE/log/end-jobs.log")"
}
