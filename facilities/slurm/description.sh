# What there is, for programs: facility.json in the state directory, and from `status --json` the same with what runs.
#
# Nothing that is written here holds a quote or a backslash: names, numbers, paths that were looked at, keys, digests.

describe() {
    local host user image name cgroups why_not
    look_at_cgroups
    {
        echo "{\"directory\": \"$STATE\", \"hosts\": {"
        for host in "${SSH_HOSTS[@]}"; do _describe_host "$host"; done | _with_commas
        echo "}, \"users\": {"
        for user in "${USERS[@]}"; do _describe_user "$user"; done | _with_commas
        echo "}, \"registry\": {\"address\": \"$REGISTRY\", \"ca\": \"$STATE/tls/ca.crt\"}, \"images\": {"
        for image in $(image_names); do echo "\"$image\": \"$(image_reference "$image")\""; done | _with_commas
        echo "}, \"software\": ["
        for name in "${SOFTWARE[@]}"; do
            echo "{\"name\": \"$name\", \"version\": \"$(software_version "$name")\"," \
                "\"setup\": \"$(software_setup "$name")\", \"place\": \"$(software_place "$name")\"}"
        done | _with_commas
        echo "], \"cgroups\": \"$cgroups\","
        if [[ -z $why_not ]]; then
            echo "\"memory_enforced\": true,"
        else
            echo "\"memory_enforced\": false, \"why_memory_is_not_enforced\": \"$why_not\","
        fi
        echo "\"versions\": {"
        dpkg-query --show --showformat '"${Package}": "${Version}"\n' openssh-server slurmctld munge mariadb-server \
            charliecloud-runtime bubblewrap podman crun docker-registry skopeo umoci | _with_commas
        echo "}}"
    } | jq . >"$STATE/facility.json.new"
    mv "$STATE/facility.json.new" "$STATE/facility.json"
}

_with_commas() {
    sed '$!s/$/,/'
}

_describe_host() {
    local host=$1 scheduler=none accounting=false partitions=
    if [[ " ${SLURM_HOSTS[*]} " == *" $host "* ]]; then
        scheduler=slurm
        # As Slurm itself tells them, so that nothing is said here that it does not do.
        partitions=$(in_host "$host" sinfo --noheader --exact --format='{"name": "%R", "max_time": "%l",
            "default_time": "%L", "nodes": %D, "cores_per_node": %c, "memory_mib_per_node": %m}' | tr '\n' ' ' | sed 's/} *{/}, {/g')
    fi
    [[ $host != cluster ]] || accounting=true
    echo "\"$host\": {\"address\": \"127.0.0.1\", \"port\": ${SSH_PORT[$host]}, \"host_key\": \"$(host_key "$host")\"," \
        "\"scheduler\": \"$scheduler\", \"accounting\": $accounting, \"partitions\": [$partitions]," \
        "\"room\": \"$(room "$host")\"}"
}

_describe_user() {
    local user=$1 kind key
    read -r kind key _ <"$STATE/keys/$user.pub"
    echo "\"$user\": {\"uid\": $(uid_of "$user"), \"private_key\": \"$STATE/keys/$user\", \"public_key\": \"$kind $key\"}"
}

# Each service as a line: host, service, the number under which this machine knows its process, log.
_services_now() {
    local each host service program first pid candidate outside
    for each in "${SERVICES[@]}"; do
        read -r host service _ _ program <<<"$each"
        outside=-
        if service_runs "$host" "$service"; then
            for candidate in $(pgrep --ns "$first" --nslist pid --exact "$program"); do
                ! grep -qsE "^NSpid:.*\s$pid$" "/proc/$candidate/status" || outside=$candidate
            done
        fi
        printf '%s\t%s\t%s\t%s\n' "$host" "$service" "$outside" "$(log_of "$host" "$service")"
    done
}

tell_status() {
    local lines running
    lines=$(_services_now)
    running=$(awk -F'\t' '$3 != "-"' <<<"$lines" | wc -l)
    if [[ $1 == --json ]]; then
        _status_as_json "$lines" "$running"
    elif ((running == 0)); then
        echo "Nothing runs in $STATE."
    else
        _status_in_words "$lines"
    fi
    ((running == ${#SERVICES[@]})) || exit 1
}

_status_in_words() {
    local why
    awk -F'\t' 'BEGIN { printf "%-12s %-16s %-8s %s\n", "HOST", "SERVICE", "PROCESS", "LOG" }
        { printf "%-12s %-16s %-8s %s\n", $1, $2, $3 == "-" ? "ENDED" : $3, $4 }' <<<"$1"
    why=$(jq --raw-output '.why_memory_is_not_enforced // empty' "$STATE/facility.json" 2>/dev/null) || true
    [[ -z $why ]] || echo "No job is held to its memory: $why."
}

_status_as_json() {
    local description='{}' state=partly
    (($2 != 0)) || state=down
    (($2 != ${#SERVICES[@]})) || state=up
    [[ ! -s $STATE/facility.json ]] || description=$(<"$STATE/facility.json")
    jq --raw-input --null-input --arg directory "$STATE" --arg state "$state" --argjson description "$description" \
        '{state: $state, directory: $directory} + $description + {services: [inputs | split("\t") | {
            host: .[0], service: .[1], runs: (.[2] != "-"), process: (.[2] | tonumber? // null), log: .[3]
        }]}' <<<"$1"
}
