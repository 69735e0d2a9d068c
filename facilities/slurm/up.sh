# The way up: each step does only what is not done yet, so the same way mends what was killed and resumes what was cut off.

_MARK=.common-compute-slurm

bring_up() {
    check_machine
    claim_directory
    install_packages
    _start_anew_if_changed
    make_keys
    make_certificates
    _together _bring_up_cluster _bring_up_unaccounted _bring_up_plain _bring_up_registry provide_software
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

# Daemons that run by another text of these scripts, or other settings, would be half of one kind and half of another.
_start_anew_if_changed() {
    local text
    text=$(scripts | sha256sum)" $FIRST_PORT $CGROUPS"
    if [[ -e $STATE/made-by && $(<"$STATE/made-by") != "$text" ]]; then
        say "The scripts or their settings have changed: what runs is ended first"
        end_hosts
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

_bring_up_cluster() {
    start_host cluster
    start_munge cluster
    start_database cluster
    start_slurmdbd cluster
    enter_users_in_books cluster
    start_slurmctld cluster
    start_nodes cluster
    start_sshd cluster
    say "Slurm with accounting answers on the host 'cluster'"
}

_bring_up_unaccounted() {
    start_host unaccounted
    start_munge unaccounted
    start_slurmctld unaccounted
    start_nodes unaccounted
    start_sshd unaccounted
    say "Slurm without accounting answers on the host 'unaccounted'"
}

_bring_up_plain() {
    start_host plain
    start_sshd plain
}

_bring_up_registry() {
    start_host registry
    start_registry
    provide_images
    say "The registry has the images: $(image_names | tr '\n' ' ')"
}
