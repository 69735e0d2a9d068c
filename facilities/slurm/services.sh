# The daemons on the hosts: which there are, whether one runs, how one is started and ended.

# host, service, the account that its log belongs to, its pid file, the name of its program
SERVICES=(
    "cluster munged munge /run/munge/munged.pid munged"
    "cluster mariadbd mysql /run/mysqld/pid mariadbd"
    "cluster slurmdbd slurm /run/slurm/slurmdbd.pid slurmdbd"
    "cluster slurmctld slurm /run/slurm/slurmctld.pid slurmctld"
    "cluster slurmd-${NODE}1 root /run/slurm/slurmd-${NODE}1.pid slurmd"
    "cluster slurmd-${NODE}2 root /run/slurm/slurmd-${NODE}2.pid slurmd"
    "cluster sshd root /run/sshd.pid sshd"
    "unaccounted munged munge /run/munge/munged.pid munged"
    "unaccounted slurmctld slurm /run/slurm/slurmctld.pid slurmctld"
    "unaccounted slurmd-${NODE}3 root /run/slurm/slurmd-${NODE}3.pid slurmd"
    "unaccounted sshd root /run/sshd.pid sshd"
    "plain sshd root /run/sshd.pid sshd"
    "registry docker-registry docker-registry /run/docker-registry.pid docker-registry"
)
declare -A _ACCOUNT _PID_FILE _PROGRAM
for each in "${SERVICES[@]}"; do
    read -r host service account file program <<<"$each"
    _ACCOUNT[$host/$service]=$account _PID_FILE[$host/$service]=$file _PROGRAM[$host/$service]=$program
done
unset each host service account file program

log_of() {
    echo "$STATE/hosts/$1/srv/log/$2.log"
}

# Sets `pid` to the number under which the host itself knows a service's process, and `first` to its first process.
# A pid file may tell of a process that was killed: what the program is called there is looked at as well.
service_runs() {
    local program root
    host_runs "$1" || return 1
    root=/proc/$first/root
    { read -r pid <"$root${_PID_FILE[$1/$2]}" && read -r program <"$root/proc/$pid/comm"; } 2>/dev/null || return 1
    [[ $program == "${_PROGRAM[$1/$2]}" ]]
}

# Starts a daemon, which is expected to write its pid file, and returns when it runs.
start_service() {
    local host=$1 service=$2 log first pid
    shift 2
    ! service_runs "$host" "$service" || return 0
    log=$(log_of "$host" "$service")
    [[ -e $log ]] || install -m 644 -o "${_ACCOUNT[$host/$service]}" /dev/null "$log"
    in_host "$host" "$@" </dev/null >>"$log" 2>&1 || _did_not_start "$host" "$service"
    wait_for 20 service_runs "$host" "$service" || _did_not_start "$host" "$service"
}

# Starts what neither becomes a daemon by itself nor leaves root's account.
start_program() {
    local host=$1 service=$2 account=${_ACCOUNT[$1/$2]} file=${_PID_FILE[$1/$2]}
    shift 2
    # shellcheck disable=SC2016  # the inner shell's variables
    start_service "$host" "$service" setsid --fork bash -c 'echo $$ >"$0"; exec "$@"' "$file" \
        setpriv --reuid="$account" --regid="$account" --init-groups "$@"
}

# Waits until a daemon answers, as a command tells, for so many seconds at most; one that has ended never will.
wait_for_answer() {
    local tries=$(($1 * 10)) host=$2 service=$3 first pid
    shift 3
    until "$@" >/dev/null 2>&1; do
        service_runs "$host" "$service" || _did_not_start "$host" "$service"
        ((tries-- > 0)) ||
            fail "$service on the host '$host' does not answer" "$(log_of "$host" "$service")" "run 'up' again"
        sleep 0.1
    done
}

_did_not_start() {
    fail "$2 on the host '$1' did not start" "$(log_of "$1" "$2")" \
        "mend what it complains of or end what holds its port, and run 'up' again"
}

# Asks a daemon to end, and waits until it has.
stop_service() {
    local host=$1 service=$2 first pid
    service_runs "$host" "$service" || return 0
    in_host "$host" kill "$pid" 2>/dev/null || true
    wait_for 15 _has_ended "$host" "$service" ||
        say "$service on the host '$host' does not end by itself: it is killed"
}

_has_ended() {
    local first pid
    ! service_runs "$1" "$2"
}

# Fails if somebody else listens on a port of ours, in plainer words than the daemon would.
check_port() {
    local port=$1 host=$2 service=$3 first pid
    ! service_runs "$host" "$service" || return 0
    # shellcheck disable=SC2016  # the inner shell's variables
    ! timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$port" 2>/dev/null ||
        fail "port $port of 127.0.0.1, which $service on the host '$host' needs, is taken" "" \
            "end what listens there, or set COMMON_COMPUTE_SLURM_FIRST_PORT to another number"
}
