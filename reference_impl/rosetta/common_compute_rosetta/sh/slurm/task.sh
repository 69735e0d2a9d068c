# What a job of Slurm's does: it runs the task that it is there for. Part of the watcher.

# Run the task that this job of Slurm's is there for, and end with its exit code.
slurm_task() {
    INDEX=$((FIRST + ${SLURM_ARRAY_TASK_ID:-0}))
    is_the_job && fresh_task || exit 1
    # From here on everything is in the task's own directory and reached from there: a job that was believed dead
    # and was started anew elsewhere writes into what is no longer the task's.
    T=. AT_ONCE=yes
    TIME=$(date +%s.%N)
    uptime
    BEGAN=$NOW
    trap slurm_ends TERM
    # Slurm may signal every process of the job, and these have to see the end of the task.
    (trap '' TERM && exec cat <out >stdout 2>/dev/null) &
    _cat_out=$!
    (trap '' TERM && exec cat <err >stderr 2>/dev/null) &
    _cat_err=$!
    set --
    # What waits for the command is in the background here.
    [ "$REAPER" != none ] || ! env --default-signal true 2>/dev/null || set -- --default-signal
    for _device in $DEVICES; do
        eval "[ -z \"\${$_device}\" ] || set -- \"\$@\" \"$_device=\${$_device}\""
    done
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
        nap 0.01
        end_leftovers
    fi
    drain "$_cat_out" "$_cat_err"
    first_line status
    # shellcheck disable=SC2086
    set -- ${LINE:-none 0}
    # The machine's clock was asked once, and counted on by its uptime.
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
    LATER=$((${1%.*} + (_fraction - 1000000) / 1000000)).${_fraction#${_fraction%??????}}
}

# Tell whether this job is the one that its part has: of several, should a submission have been repeated, the one
# whose id is kept. The first one keeps its own, before its submission could.
is_the_job() {
    _job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}
    keep_native "parts/$KEY" "$_job" "$SLURM_JOB_ID"
    [ "$LINE" = "$_job" ]
}

# Go to the task's directory as this attempt finds it: after the first one anew. Fail if this attempt has begun.
fresh_task() {
    ATTEMPT=$((${SLURM_RESTART_COUNT:-0} + 1))
    cd "parts/$KEY/tasks" || return
    if [ $ATTEMPT -gt 1 ]; then
        # A machine may have gone down between the two renames.
        [ -d "$INDEX" ] || mv ".$INDEX.old" "$INDEX"
        first_line "$INDEX/attempt"
        [ "${LINE:-0}" -lt $ATTEMPT ] && mkdir ".$INDEX.$ATTEMPT" || return
        (
            cd ".$INDEX.$ATTEMPT" && mkdir -m 700 work tmp && mkfifo -m 700 out err && cp -p "../$INDEX/run" . || exit
            first_line "../$INDEX/ending"
            [ "$LINE" != cancel ] || echo cancel >ending
        ) && rm -rf ".$INDEX.old" && mv "$INDEX" ".$INDEX.old" && mv ".$INDEX.$ATTEMPT" "$INDEX" || return
        remove_tree ".$INDEX.old"
    fi
    cd "$INDEX" || return
    set -C
    { printf '%s\n' $ATTEMPT >attempt; } 2>/dev/null
    _taken=$?
    set +C
    return $_taken
}

# Remove $1, also directories in it that a command made so that their own account cannot read them.
remove_tree() {
    rm -rf "$1" 2>/dev/null || {
        chmod -R u+rwX "$1"
        rm -rf "$1"
    } 2>/dev/null
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
