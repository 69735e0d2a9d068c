# What runs: whether a part does, how it is started and ended.
#
# Each part has a file with the number of its process and the moment at which that began, by which the kernel's count
# tells it from another process that has got the same number since.

log_of() {
    echo "$STATE/log/${1//\//-}.log"
}

_pid_file() {
    echo "$STATE/run/${1//\//-}.pid"
}

# Sets `pid` to a part's process.
part_runs() {
    local began file
    file=$(_pid_file "$1")
    { read -r pid began <"$file"; } 2>/dev/null && [[ $(_beginning_of "$pid") == "$began" ]]
}

# Tells when a process began, in ticks of the kernel; nothing of one that has ended, buried or not.
_beginning_of() {
    local fields
    { fields=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    # The program's name, in parentheses, can hold anything.
    read -ra fields <<<"${fields##*) }"
    [[ ${fields[0]} == [ZX] ]] || echo "${fields[19]}"
}

_remember() {
    local name=$1 process=$2
    echo "$process $(_beginning_of "$process")" >"$(_pid_file "$name")"
}

_make_log() {
    local log
    log=$(log_of "$1")
    [[ ! -s $log ]] || mv "$log" "$log.previous"
    install -m 644 -o "$(account_of "$1")" /dev/null "$log"
}

# Starts a program that stays in the foreground, as its account and in a session of its own.
start_part() {
    local name=$1 root=$2 pid as
    shift 2
    ! part_runs "$name" || return 0
    check_port "$name"
    _make_log "$name"
    become "$(account_of "$name")" "$root"
    setsid "${as[@]}" "$@" </dev/null >>"$(log_of "$name")" 2>&1 &
    _remember "$name" "$!"
    disown
}

# Starts those of some services that do not run: one Python reads DIRAC once, and becomes a process for each of them.
start_services() {
    local root=$1 pid as name missing=()
    shift
    for name in "$@"; do
        part_runs "$name" || missing+=("$name=$(log_of "$name")")
    done
    ((${#missing[@]})) || return 0
    for name in "${missing[@]%%=*}"; do
        check_port "$name"
        _make_log "$name"
    done
    touch "$STATE/run/not-proven"
    become "$SERVER_ACCOUNT" "$root"
    while read -r name pid; do _remember "$name" "$pid"; done < <(
        "${as[@]}" "$ENVIRONMENT/bin/python" "$STATE/programs/serve.py" "${missing[@]}" </dev/null \
            2>"$STATE/log/serve.log" || true
    )
    for name in "${missing[@]%%=*}"; do
        part_runs "$name" || _did_not_start "$name"
    done
}

# Waits until a part listens on its port, for so many seconds at most; one that has ended never will.
wait_for_port() {
    wait_for_part "$1" "$2" _listens "$2"
}

wait_for_part() {
    local tries=$(($1 * 10)) name=$2 pid
    shift 2
    until "$@" >/dev/null 2>&1; do
        part_runs "$name" || _did_not_start "$name"
        ((tries-- > 0)) || fail "$name does not answer" "$(log_of "$name")" "run 'up' again"
        sleep 0.1
    done
}

# Whether anything listens on a part's port, without a connection that would trouble what does.
_listens() {
    local port
    printf -v port %04X "${PORT[$1]}"
    grep --quiet --no-messages --extended-regexp "^ *[0-9]+: [0-9A-F]+:$port [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6
}

_did_not_start() {
    local log
    log=$(log_of "$1")
    # A service that was not even begun has said nothing: what was to begin it has.
    [[ -s $log ]] || log=$STATE/log/serve.log
    fail "$1 did not start" "$log" "mend what it complains of, and run 'up' again"
}

# Fails if somebody else listens on a port of ours, in plainer words than the program would.
check_port() {
    [[ -n ${PORT[$1]:-} ]] || return 0
    # What has just ended may still hold it for a moment.
    wait_for 5 _is_free "$1" ||
        fail "port ${PORT[$1]} of 127.0.0.1, which $1 needs, is taken" "" \
            "end what listens there, or set COMMON_COMPUTE_DIRAC_FIRST_PORT to another number"
}

_is_free() {
    ! _listens "$1"
}

# Asks a part to end, and waits until it has.
stop_part() {
    local name=$1 pid
    part_runs "$name" || return 0
    kill "$pid" 2>/dev/null || true
    wait_for 15 _has_ended "$name" || {
        say "$name does not end by itself: it is killed"
        kill -9 "$pid" 2>/dev/null || true
    }
}

_has_ended() {
    local pid
    ! part_runs "$1"
}

# Ends all that an account has: jobs may have left processes that nobody knows any more. The account is this facility's.
end_processes_of() {
    getent passwd "$1" >/dev/null || return 0
    wait_for 15 _nothing_is_left_of "$1" ||
        fail "processes of the account $1 cannot be ended ($(pgrep --uid "$1" | tr '\n' ' '))" "" "find out what keeps them"
}

_nothing_is_left_of() {
    pkill -9 --uid "$1" || true
    ! pgrep --uid "$1" >/dev/null
}
