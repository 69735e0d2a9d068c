# Who is alive, and how the processes of a task are ended. Needs Linux's /proc, and nothing else beyond POSIX.

IFS= read -r BOOT </proc/sys/kernel/random/boot_id

# Set BORN to the start of process $1 in clock ticks since the boot; fail if it is gone or only a corpse.
# With the boot and the process id this names a process for all time.
born() {
    BORN=
    { IFS= read -r _stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The second field is the command's name in parentheses, which may hold anything.
    # shellcheck disable=SC2086
    set -- ${_stat##*) }
    case $1 in [ZXx]) return 1 ;; esac
    BORN=${20}
}

# Tell whether the process named `$1 $2 $3` (boot, process id, start) lives.
lives() {
    [ "$1" = "$BOOT" ] && born "$2" && [ "$3" = "$BORN" ]
}

# Print the processes of the session or group $1 and those in $2, and with them the sum of their resident pages on the
# last line.
members() {
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v leader="$1" -v others=" $2 " '
        { pid = $1; sub(/^.*\) /, "") }
        ($3 == leader || $4 == leader || index(others, " " pid " ")) && $1 !~ /[ZXx]/ { print pid; pages += $22 }
        END { print "pages", pages + 0 }'
}

# Print the processes that carry the environment of task $2 of job $1: those that left the session, too.
marked() {
    # shellcheck disable=SC2046
    set -- "$2" $(grep -lzxF -e "CC_JOB_ID=$1" /proc/[0-9]*/environ 2>/dev/null)
    [ $# -gt 1 ] || return 0
    _index=$1
    shift
    for _environ in $(grep -lzxF -e "CC_TASK_INDEX=$_index" "$@" 2>/dev/null); do
        _environ=${_environ#/proc/}
        printf '%s\n' "${_environ%/environ}"
    done
}

# Send signal $1 to everything of the task whose session is $2: task $4 of job $3; each process gets it once. Where a
# container's runtime only waits in the session (`apart`), a signal short of KILL is for the command alone: the
# runtime has to tell its end. SIGNALLED is empty if nobody got it.
signal_task() {
    SIGNALLED=
    for _process in $({
        marked "$3" "$4"
        { [ "$1" != KILL ] && [ -e "$T/apart" ]; } || members "$2"
    } | awk '/^[0-9]/ && !seen[$1]++'); do
        kill -s "$1" "$_process" 2>/dev/null && SIGNALLED=yes
    done
    # Also what came up while the others were looked for.
    [ "$1" != KILL ] || kill -s KILL -- "-$2" 2>/dev/null
}
