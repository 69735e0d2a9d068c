# What the facility consists of, and what can be chosen: five variables, of which none has to be set.

# Where everything lies that is not a package of Debian's.
readonly USUAL_STATE=/var/lib/common-compute/facilities/dirac
STATE=${COMMON_COMPUTE_DIRAC_DIRECTORY:-$USUAL_STATE}
# The first of fifteen ports that follow each other; all are listened on at 127.0.0.1 only.
FIRST_PORT=${COMMON_COMPUTE_DIRAC_FIRST_PORT:-22700}
# How many processors the worker has for jobs, whatever this machine has: jobs of tests sleep more than they compute.
WORKER_PROCESSORS=${COMMON_COMPUTE_DIRAC_PROCESSORS:-8}
# The images that are built for the worker.
read -ra IMAGES <<<"${COMMON_COMPUTE_DIRAC_IMAGES:-busybox python}"
# Where DIRAC is installed, so that a second facility on this machine can share the first one's.
ENVIRONMENT=${COMMON_COMPUTE_DIRAC_ENVIRONMENT:-$STATE/environment}

{ [[ $FIRST_PORT =~ ^[1-9][0-9]{3,4}$ ]] && ((FIRST_PORT > 1023 && FIRST_PORT < 65520)); } ||
    refuse "COMMON_COMPUTE_DIRAC_FIRST_PORT is '$FIRST_PORT': give a number from 1024 to 65519"
[[ $WORKER_PROCESSORS =~ ^[1-9][0-9]?$ ]] ||
    refuse "COMMON_COMPUTE_DIRAC_PROCESSORS is '$WORKER_PROCESSORS': give a number from 1 to 99"
[[ $STATE =~ ^/[/a-zA-Z0-9._-]+$ ]] ||
    refuse "'$STATE' is no absolute path of letters, digits, '.', '_' and '-': name another place with --directory"
[[ $ENVIRONMENT =~ ^/[/a-zA-Z0-9._-]+$ ]] ||
    refuse "COMMON_COMPUTE_DIRAC_ENVIRONMENT is '$ENVIRONMENT': give an absolute path of letters, digits, '.', '_' and '-'"

# Unix accounts, made by `up` and removed by `down --purge`: the one has the services, the other runs the jobs. A second
# facility on this machine has accounts of its own, so that all processes of an account are one facility's.
ACCOUNTS_SUFFIX=
[[ $STATE == "$USUAL_STATE" ]] || ACCOUNTS_SUFFIX=-$(($(cksum <<<"$STATE" | cut -d" " -f1) % 1000))
SERVER_ACCOUNT=dirac-server$ACCOUNTS_SUFFIX
WORKER_ACCOUNT=dirac-worker$ACCOUNTS_SUFFIX

VO=cta
# The site with the worker, and one without any: what is sent there waits.
SITES=(LCG.Loopback.org LCG.Nowhere.org)
# DIRAC's users, and the groups that each is in.
USERS=(alice bob admin pilot)
declare -A GROUPS_OF=([alice]="cta_user" [bob]="cta_user cta_analysis" [admin]="dirac_admin" [pilot]="cta_pilot")

# DIRAC's services. The configuration is first, since all others get theirs from it.
CONFIGURATION=Configuration/Server
SERVICES=(
    Framework/ProxyManager
    ResourceStatus/ResourceStatus
    WorkloadManagement/OptimizationMind
    WorkloadManagement/JobManager
    WorkloadManagement/JobMonitoring
    WorkloadManagement/JobStateUpdate
    WorkloadManagement/Matcher
    WorkloadManagement/SandboxStore
    WorkloadManagement/PilotManager
    WorkloadManagement/WMSAdministrator
    DataManagement/FileCatalog
    DataManagement/StorageElement
)
# Everything that runs, in the order in which it is started. The stand-in is none of DIRAC's parts: it keeps what
# DIRAC 9 keeps in an OpenSearch, of which Debian has no package.
PARTS=(
    mariadbd
    opensearch-stand-in
    "$CONFIGURATION"
    "${SERVICES[@]}"
    optimizers
    job-agent
)

# The storage element, and in the catalogue a folder for each of these users, which nobody else can read.
STORAGE_ELEMENT=LOOPBACK-disk
USERS_WITH_FILES=(alice bob)

declare -A PORT
_port=$FIRST_PORT
for part in "$CONFIGURATION" "${SERVICES[@]}" mariadbd opensearch-stand-in; do
    PORT[$part]=$((_port++))
done
unset _port part

account_of() {
    if [[ $1 == job-agent ]]; then echo "$WORKER_ACCOUNT"; else echo "$SERVER_ACCOUNT"; fi
}

CONFIGURATION_URL=dips://localhost:${PORT[$CONFIGURATION]}/$CONFIGURATION
DN_PREFIX=/O=Common-Compute/OU=Facility-dirac/CN=

# For the programs in Python: the same, as JSON.
write_settings() {
    local part user
    {
        echo "{\"directory\": \"$STATE\", \"vo\": \"$VO\", \"dn_prefix\": \"$DN_PREFIX\","
        echo "\"sites\": [\"${SITES[0]}\", \"${SITES[1]}\"], \"processors\": $WORKER_PROCESSORS,"
        echo "\"storage_element\": \"$STORAGE_ELEMENT\", \"folders\": {"
        for user in "${USERS_WITH_FILES[@]}"; do echo "\"$user\": \"$(folder_of "$user")\""; done | with_commas
        echo "}, \"ports\": {"
        for part in "${!PORT[@]}"; do echo "\"$part\": ${PORT[$part]}"; done | with_commas
        echo "}, \"groups\": {"
        for user in "${USERS[@]}"; do echo "\"$user\": [\"${GROUPS_OF[$user]// /\", \"}\"]"; done | with_commas
        echo "}}"
    } | jq . >"$STATE/settings.json.new"
    mv "$STATE/settings.json.new" "$STATE/settings.json"
}

folder_of() {
    echo "/$VO/user/${1:0:1}/$1"
}

with_commas() {
    sed '$!s/$/,/'
}
