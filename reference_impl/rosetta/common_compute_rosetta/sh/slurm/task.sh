# What a job of Slurm's does where there is no perl: it runs its task in the working directory. Part of the watcher.
# slurm/run.pl is the same, dearer to write and cheaper to run.

# Run the task with the variables $@, and end with its exit code.
slurm_task() {
    T=.
    TIME=$(date +%s.%N)
    uptime
    BEGAN=$NOW
    trap slurm_ends TERM
    # Slurm may signal every process of the job, and these have to see the end of the task.
    (trap '' TERM && exec tee stdout <out >/dev/null 2>&1) &
    _cat_out=$!
    (trap '' TERM && exec tee stderr <err >/dev/null 2>&1) &
    _cat_err=$!
    # What waits for the command is in the background here, where a shell ignores interrupts.
    [ "$REAPER" != none ] || ! env --default-signal true 2>/dev/null || set -- --default-signal "$@"
    (
        trap '' TERM
        EXEC=exec
        reap "$@"
    ) &
    _reaper=$!
    INTERRUPTED=yes
    while [ -n "$INTERRUPTED" ]; do
        # A signal ends the waiting and not what is waited for.
        INTERRUPTED=
        wait $_reaper
    done
    uptime
    # Whoever is still in the group goes, and then the logs are complete, unless somebody else has left it.
    began . && kill -s KILL -- "-$PID" 2>/dev/null
    if [ -e "/proc/$_cat_out/exe" ] || [ -e "/proc/$_cat_err/exe" ]; then
        nap 0.1
        end_leftovers
    fi
    drain "$_cat_out" "$_cat_err"
    first_line status
    # shellcheck disable=SC2086
    set -- ${LINE:-none 0}
    later "$TIME" $((NOW - BEGAN))
    conclude "$1" "$2" "$LATER"
    case $1 in
    exit) exit "$2" ;;
    signal) exit $((128 + $2)) ;;
    esac
    exit 1
}

# Set LATER to $2 hundredths of a second after the time $1, seconds with a fraction where date knows one.
later() {
    _fraction=${1#*.}
    case $_fraction in *[!0-9]* | '') _fraction=000000 ;; esac
    _fraction=1$(printf '%.6s' "${_fraction}000000")
    _fraction=$((_fraction + $2 * 10000))
    LATER=$((${1%.*} + (_fraction - 1000000) / 1000000)).${_fraction#"${_fraction%??????}"}
}

# Slurm asks for the end, and in a while it will kill what is there: pass it on, and kill the task a little earlier,
# so that its logs and its end are told.
slurm_ends() {
    INTERRUPTED=yes
    [ -z "$ENDS" ] || return
    ENDS=yes
    uptime
    # Slurm counts from before this began.
    if [ "$WALL" -gt 0 ] && [ $((NOW - BEGAN + 1000)) -ge $((WALL * 100)) ]; then
        say_once ending wall-time
    else
        say_once ending slurm
    fi
    (trap '' TERM && end_task) &
}
