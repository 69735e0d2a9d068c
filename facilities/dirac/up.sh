# The way up: each step does only what is not done yet, so the same way mends what was killed and resumes what was cut off.

_MARK=.common-compute-dirac
# Proxies that end within this time are made and uploaded anew.
_PROXY_SECONDS_LEFT=$((7 * 86400))

bring_up() {
    local service pid
    check_machine
    claim_directory
    install_everything
    _start_anew_if_changed
    make_accounts
    write_settings
    # Neither waits for the other.
    _together _prepare start_database
    _write_configuration
    start_part opensearch-stand-in none "$ENVIRONMENT/bin/python" "$STATE/programs/opensearch_stand_in.py" \
        "${PORT[opensearch-stand-in]}"
    start_services master "$CONFIGURATION"
    wait_for_port 60 "$CONFIGURATION"
    complete_databases
    start_services server "${SERVICES[@]}"
    wait_for_port 20 opensearch-stand-in
    for service in "${SERVICES[@]}"; do wait_for_port 60 "$service"; done
    start_part optimizers server "$ENVIRONMENT/bin/python" "$STATE/programs/optimizers.py"
    _introduce
    # A worker that has died takes its jobs with it, as on any grid.
    part_runs job-agent || end_processes_of "$WORKER_ACCOUNT"
    start_part job-agent worker "$STATE/programs/job-agent" "$ENVIRONMENT" "$STATE/programs"
    wait_for_part 60 optimizers grep --quiet 'Connected to WorkloadManagement/OptimizationMind' "$(log_of optimizers)"
    wait_for_part 60 job-agent grep --quiet 'Starting cycle' "$(log_of job-agent)"
    describe
    say "The facility is up: 'facility status' tells what runs, $STATE/facility.json how to reach it"
}

# What is in this directory will be removed by a purge: it must be ours.
claim_directory() {
    [[ ! -e $STATE/$_MARK ]] || return 0
    [[ -z $(ls -A "$STATE") ]] ||
        refuse "$STATE holds something else than a facility: name another place with --directory"
    touch "$STATE/$_MARK"
}

# What runs by another text of these scripts, or other settings, would be half of one kind and half of another. The
# databases, and the jobs in them, are kept.
_start_anew_if_changed() {
    local text
    text=$(scripts | sha256sum)" $FIRST_PORT $WORKER_PROCESSORS $ENVIRONMENT"
    if [[ -e $STATE/made-by && $(<"$STATE/made-by") != "$text" ]]; then
        say "The scripts or their settings have changed: what runs is ended first"
        end_parts
        rm -rf "$STATE/programs" "$STATE/roots/configured"
    fi
    echo "$text" >"$STATE/made-by"
}

# Runs steps at the same time, and ends with the first that fails: that one has told why.
_together() {
    local step
    for step in "$@"; do
        "$step" &
    done
    for step in "$@"; do
        wait -n || exit "$?"
    done
}

_prepare() {
    make_certificates
    make_software
    make_images
    # The accounts may be unable to enter the place where these sources lie.
    install -d -m 755 "$STATE/programs"
    install -m 755 "$here/job-agent" "$here"/*.py "$STATE/programs/"
}

# What an administrator has changed in the configuration since it was written is kept.
_write_configuration() {
    [[ ! -e $STATE/roots/configured ]] || return 0
    "$ENVIRONMENT/bin/python" -B "$here/configuration.py" "$STATE/settings.json" 2>"$STATE/log/configuration.log" ||
        fail "DIRAC's configuration could not be written" "$STATE/log/configuration.log" "run 'down --purge', and 'up' again"
    # DIRAC writes into its root, and beside what the configuration server got.
    chown -R "$SERVER_ACCOUNT:" "$STATE/roots/master" "$STATE/roots/server"
    chown -R "$WORKER_ACCOUNT:" "$STATE/roots/worker"
    touch "$STATE/roots/configured"
}

_introduce() {
    local log=$STATE/log/introduce.log
    if [[ ! -e $STATE/run/not-proven ]] && _proxies_last; then return; fi
    with_proxy admin.dirac_admin "$ENVIRONMENT/bin/python" "$STATE/programs/introduce.py" "$STATE/settings.json" >"$log" 2>&1 ||
        fail "DIRAC's services run, but do not do what they should" "$log" "look at the services' logs beside it, and run 'up' again"
    install -m 600 -o "$WORKER_ACCOUNT" -g "$WORKER_ACCOUNT" "$STATE/proxies/pilot.cta_pilot.pem" "$STATE/worker/pilot.pem"
    rm -f "$STATE/run/not-proven"
}

_proxies_last() {
    local user group
    for user in "${USERS[@]}"; do
        for group in ${GROUPS_OF[$user]}; do
            openssl x509 -in "$STATE/proxies/$user.$group.pem" -noout -checkend "$_PROXY_SECONDS_LEFT" >/dev/null 2>&1 ||
                return 1
        done
    done
}
