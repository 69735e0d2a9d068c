# What the script of a job of Slurm's reads in: it finds the task that the job is there for, makes its directory
# ready, and becomes what runs it. Set are BASE, SHELL_PATH, REAPER, WATCHER, KEY, FIRST (the index of the job's first
# task), GRACE (seconds from Slurm's first signal to ours that kills), WALL (seconds, 0 if unknown) and DEVICES (names
# of variables by which Slurm tells which devices are granted).

begin() {
    cd "$BASE" || exit 1
    INDEX=$((FIRST + ${SLURM_ARRAY_TASK_ID:-0}))
    # From here on everything is in the task's own directory and reached from there: a job that was believed dead
    # and was started anew elsewhere writes into what is no longer the task's.
    is_the_job && fresh_task || exit 1
    # The space for how it will have ended comes first: without it nothing begins.
    printf '\n%511s' '' >end.new || exit $NO_SPACE
    set --
    for _device in $DEVICES; do
        eval "[ -z \"\${$_device}\" ] || set -- \"\$@\" \"$_device=\${$_device}\""
    done
    if [ "$REAPER" = perl ] && command -v perl >/dev/null; then
        # Asked once, the time is counted on by the uptime; perl alone would have to load a library for it.
        # shellcheck disable=SC3028
        TIME=${EPOCHREALTIME:-$(date +%s.%N)}
        read -r UP _ </proc/uptime
        exec perl -e "$RUN" "$SHELL_PATH" "$BASE/$WATCHER" "$BASE" "$KEY" "$INDEX" "$GRACE" "$WALL" "$TIME" "$UP" "$@"
    fi
    mkdir work tmp && mkfifo out err && printf '\n%511s' '' >status || exit $NO_SPACE
    exec "$SHELL_PATH" "$BASE/$WATCHER" slurm "$BASE" "$SHELL_PATH" "$REAPER" "$KEY" "$INDEX" "$GRACE" "$WALL" "$@"
}

# Tell whether this job is the one that its part has: of several, should a submission have been repeated, the one
# whose id is kept. The first one that runs keeps its own, if its submission has not done so yet.
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
        first_line "$INDEX/ending"
        [ "$LINE" != cancel ] || echo cancel >".$INDEX.$ATTEMPT/ending"
        cp "$INDEX/run" ".$INDEX.$ATTEMPT" && rm -rf ".$INDEX.old" && mv "$INDEX" ".$INDEX.old" &&
            mv ".$INDEX.$ATTEMPT" "$INDEX" || return
        remove_tree ".$INDEX.old"
    fi
    cd "$INDEX" || return
    set -C
    { printf '%s\n' $ATTEMPT >attempt; } 2>/dev/null || {
        first_line attempt
        [ -n "$LINE" ] || exit $NO_SPACE
        return 1
    }
    set +C
}

# Remove $1, also directories in it that a command made so that their own account cannot read them.
remove_tree() {
    rm -rf "$1" 2>/dev/null || {
        chmod -R u+rwX "$1"
        rm -rf "$1"
    } 2>/dev/null
}

umask 077
NO_SPACE=73
begin
