# What there is, for programs: facility.json in the state directory, and from `status --json` the same with what runs.
#
# Nothing that is written here holds a quote or a backslash: names, numbers and paths that were looked at.

describe() {
    local user group version image
    {
        echo "{\"directory\": \"$STATE\", \"configuration_server\": \"$CONFIGURATION_URL\", \"vo\": \"$VO\","
        echo "\"environment\": \"$ENVIRONMENT\", \"interpreter\": \"$ENVIRONMENT/bin/python\","
        echo "\"ca_directory\": \"$STATE/grid-security/certificates\","
        echo "\"client_root\": \"$STATE/roots/client\","
        echo "\"connector\": {\"root\": \"$STATE/roots/connector\", \"dn\": \"${DN_PREFIX}connector\","
        echo "\"certificate\": \"$STATE/grid-security/connector-cert.pem\", \"key\": \"$STATE/grid-security/connector-key.pem\"},"
        echo "\"fetching_connector\": {\"dn\": \"${DN_PREFIX}fetching-connector\","
        echo "\"certificate\": \"$STATE/grid-security/fetching-connector-cert.pem\","
        echo "\"key\": \"$STATE/grid-security/fetching-connector-key.pem\"},"
        echo "\"sites\": {\"with_a_worker\": \"${SITES[0]}\", \"without\": \"${SITES[1]}\"},"
        echo "\"processors\": $WORKER_PROCESSORS,"
        echo "\"software_area\": \"$SOFTWARE_AREA\", \"software\": ["
        for version in "${SOFTWARE_VERSIONS[@]}"; do
            echo "{\"name\": \"ctapipe\", \"version\": \"$version\", \"setup\": \"$_SOFTWARE/ctapipe/$version/setupPackage.sh\"}"
        done | with_commas
        echo "], \"images_area\": \"$IMAGES_AREA\", \"images\": {"
        for image in "${IMAGES[@]}"; do echo "\"$image\": \"$(image_reference "$image")\""; done | with_commas
        echo "}, \"storage_element\": \"$STORAGE_ELEMENT\", \"folders\": $(jq .folders "$STATE/settings.json"),"
        echo "\"users\": {"
        for user in "${USERS[@]}"; do
            printf '"%s": {"dn": "%s", "certificate": "%s", "key": "%s", "proxies": {' "$user" "$DN_PREFIX$user" \
                "$STATE/grid-security/users/$user.cert.pem" "$STATE/grid-security/users/$user.key.pem"
            printf '%s' "$(for group in ${GROUPS_OF[$user]}; do echo "\"$group\": \"$STATE/proxies/$user.$group.pem\""; done | with_commas | tr '\n' ' ')"
            echo "}}"
        done | with_commas
        echo "}, \"accounts\": {\"server\": \"$SERVER_ACCOUNT\", \"worker\": \"$WORKER_ACCOUNT\"},"
        echo "\"stand_ins\": {\"opensearch-stand-in\": \"keeps jobs' parameters in place of an OpenSearch\","
        echo "\"ctapipe\": \"a small program in the place of ctapipe\","
        echo "\"images_area\": \"a directory in the place of a CernVM-FS with unpacked images\"},"
        echo "\"database_socket\": \"$STATE/data/mysql.sock\", \"ports\": $(jq .ports "$STATE/settings.json"),"
        echo "\"versions\": {\"dirac\": \"$(sed -n 's/^dirac==//p' "$ENVIRONMENT/made-of")\","
        dpkg-query --show --showformat '"${Package}": "${Version}"\n' charliecloud-runtime mariadb-server python3 | with_commas
        echo "}}"
    } | jq . >"$STATE/facility.json.new"
    mv "$STATE/facility.json.new" "$STATE/facility.json"
}

# Each part as a line: part, account, process, log.
_parts_now() {
    local part pid
    for part in "${PARTS[@]}"; do
        pid=-
        part_runs "$part" || pid=-
        printf '%s\t%s\t%s\t%s\n' "$part" "$(account_of "$part")" "$pid" "$(log_of "$part")"
    done
}

tell_status() {
    local lines running
    lines=$(_parts_now)
    running=$(awk -F'\t' '$3 != "-"' <<<"$lines" | wc -l)
    if [[ $1 == --json ]]; then
        _status_as_json "$lines" "$running"
    elif ((running == 0)); then
        echo "Nothing runs in $STATE."
    else
        awk -F'\t' 'BEGIN { printf "%-36s %-18s %-8s %s\n", "PART", "ACCOUNT", "PROCESS", "LOG" }
            { printf "%-36s %-18s %-8s %s\n", $1, $2, $3 == "-" ? "ENDED" : $3, $4 }' <<<"$lines"
        echo "opensearch-stand-in is no part of DIRAC: it keeps jobs' parameters in place of an OpenSearch."
    fi
    ((running == ${#PARTS[@]})) || exit 1
}

_status_as_json() {
    local description='{}' state=partly
    (($2 != 0)) || state=down
    (($2 != ${#PARTS[@]})) || state=up
    [[ ! -s $STATE/facility.json ]] || description=$(<"$STATE/facility.json")
    jq --raw-input --null-input --arg directory "$STATE" --arg state "$state" --argjson description "$description" \
        '{state: $state, directory: $directory} + $description + {parts: [inputs | split("\t") | {
            part: .[0], account: .[1], runs: (.[2] != "-"), process: (.[2] | tonumber? // null), log: .[3]
        }]}' <<<"$1"
}
