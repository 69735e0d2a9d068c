# What runs beside the tasks, detached from whoever submitted them. Five uses, each as a process of its own:
#   watcher lane SERVICE_DIRECTORY SHELL REAPER SLOT      run waiting tasks one after the other, until none waits
#   watcher end SERVICE_DIRECTORY KEY INDEX GRACE         end the processes of a task
#   watcher leftovers SERVICE_DIRECTORY KEY INDEX         kill what a command left behind
#   watcher abandon SERVICE_DIRECTORY KEY INDEX WORD      close the record of a task whose lane is dead
#   watcher slurm SERVICE_DIRECTORY SHELL REAPER KEY INDEX GRACE WALL VARIABLES...
#                                                         run the task in whose directory this is, as a job of Slurm's
# There are as many lanes as tasks may run at once. A task belongs to the lane whose name is in its `taken`:
# a hard link, so that of many lanes exactly one gets it, together with the name that says whether the lane lives.

umask 077

# Print the time: seconds since 1970, with a fraction where date knows `%N`.
clock() {
    date +%s.%N
}

# Set NOW to hundredths of a second since the boot.
uptime() {
    read -r _up _ </proc/uptime
    NOW=${_up%.*}${_up#*.}
}

# Set PID and PID_BORN from the record that task $1 wrote when it began; fail if it has not.
began() {
    first_line "$1/start"
    case $LINE in *' .') ;; *) return 1 ;; esac
    PID=${LINE%% *}
    LINE=${LINE#* }
    PID_BORN=${LINE%% *}
}

# ---- lanes

lane() {
    born $$ || exit 1
    ME="$BOOT $$ $BORN"
    MINE=lanes/.$$.$BORN
    printf '%s\n' "$ME" >"$MINE" || exit 1
    KEY='' NEXT=0 FULL=
    while claim; do
        while pick; do
            run_task
            first_line "lanes/$SLOT"
            [ "$LINE" = "$ME" ] || break 2
        done
        # Give the slot back first and look again then: whoever adds to the queue looks for lanes afterwards.
        rm -f "lanes/$SLOT"
        # Where nothing can be written, whoever looks after what waits starts a lane when that may have changed.
        [ -z "$FULL" ] && waiting || break
    done
    rm -f "$MINE" "$MINE.space"
}

# Take this lane's slot, unless another lane lives there.
claim() {
    for _try in 1 2 3; do
        ln "$MINE" "lanes/$SLOT" 2>/dev/null && return 0
        first_line "lanes/$SLOT"
        # shellcheck disable=SC2086
        lives ${LINE:-gone 0 0} && return 1
        rm -f "lanes/$SLOT"
    done
    return 1
}

# Tell whether the queue names a part that has arrived.
waiting() {
    for _entry in queue/*; do
        [ -d "parts/${_entry#queue/*.}" ] && return 0
    done
    return 1
}

# Take the next task: set KEY, INDEX and T, the task's directory. Fail if none waits.
pick() {
    for _entry in queue/*; do
        _key=${_entry#queue/*.}
        [ -e "$_entry" ] && [ -d "parts/$_key" ] || continue
        # shellcheck disable=SC2034
        read -r _first _count WALL MEMORY GRACE <"parts/$_key/limits" || continue
        [ "$_key" = "$KEY" ] || NEXT=$_first
        KEY=$_key
        while [ "$NEXT" -lt $((_first + _count)) ]; do
            INDEX=$NEXT
            # From the directory that this lane is in, which may be moved away and come back.
            T=parts/$KEY/tasks/$INDEX
            NEXT=$((NEXT + 1))
            # A task that has a reason to end before it began will never run.
            [ -e "$T/taken" ] || [ -e "$T/ending" ] && continue
            # What waits goes on waiting where nothing can be written.
            printf '%s\n' "$ME" 2>/dev/null >"$MINE.space" && ln "$MINE" "$T/taken" 2>/dev/null && return 0
            [ -e "$T/taken" ] || [ ! -d "$T" ] || {
                FULL=yes
                return 1
            }
        done
        rm -f "$_entry"
    done
    return 1
}

# Run the task that was taken, from its logs to its last record.
run_task() {
    # The logs go through pipes: a program that opens /dev/stderr anew must not cut off what is there.
    # And tee reads on when the disk is full, so that a command does not die of its log.
    tee "$T/stdout" <"$T/out" >/dev/null 2>&1 &
    _cat_out=$!
    tee "$T/stderr" <"$T/err" >/dev/null 2>&1 &
    _cat_err=$!
    _limits=
    if [ "$WALL" -gt 0 ] || [ "$MEMORY" -gt 0 ]; then
        enforce_limits </dev/null >/dev/null 2>&1 &
        _limits=$!
    fi
    reap
    if [ -n "$_limits" ]; then
        kill "$_limits" 2>/dev/null
        wait "$_limits" 2>/dev/null
    fi
    end_leftovers
    drain "$_cat_out" "$_cat_err"
    first_line "$T/status"
    # shellcheck disable=SC2086
    conclude ${LINE:-none 0}
}

# Run the task's script in a session of its own, with the time as its argument and the variables $@ in its
# environment, and write to `status` how and when it ended. In the foreground: a shell lets its background ignore
# interrupts. A shell alone cannot tell a death by signal from an exit above 128, nor heed a signal that was ignored
# when it began (as under nohup). What reaps keeps the signals' ways that it was given, the task gets the default.
# TIME is the time where somebody knows it already, who will also know when it ended; EXEC is `exec` in a subshell.
reap() {
    case $REAPER in
    perl)
        $EXEC perl -e '
            my ($file, $time) = splice @ARGV, 0, 2;
            my $now = $time ? sub { $time } : eval { require Time::HiRes; \&Time::HiRes::time } || sub { time };
            my $pid = fork;
            exit 1 unless defined $pid;
            if (!$pid) {
                $SIG{$_} = "DEFAULT" for grep { !/^(__|NUM|RT|KILL|STOP)/ } keys %SIG;
                exec { $ARGV[0] } @ARGV, sprintf("%.6f", $now->());
                exit 127;
            }
            waitpid $pid, 0;
            my $how = $? & 127 ? "signal " . ($? & 127) : "exit " . ($? >> 8);
            my $line = sprintf("%s %.6f\n", $how, $now->());
            my $out;
            open($out, "+<", $file) or open($out, ">", $file) or exit 1;
            print $out $line;
        ' "$T/status" "$TIME" setsid env -i "$@" "$SHELL_PATH" "$T/run" </dev/null >"$T/out" 2>"$T/err"
        ;;
    python3)
        python3 -I -S -c '
import os, signal, sys, time
pid = os.fork()
if not pid:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(sys.argv[2], [*sys.argv[2:], "%.6f" % time.time()])
    finally:
        os._exit(127)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
how = "exit %d" % status if status >= 0 else "signal %d" % -status
line = "%s %.6f\n" % (how, time.time())
with open(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
    out.write(line)
' "$T/status" setsid env -i "$@" "$SHELL_PATH" "$T/run" </dev/null >"$T/out" 2>"$T/err"
        ;;
    *)
        # In a subshell, so that this shell's own remark on a death by signal is not in the log.
        (trap - TERM && exec setsid env -i "$@" "$SHELL_PATH" "$T/run" "$(clock)") </dev/null >"$T/out" 2>"$T/err"
        echo "exit $? $(clock)" 1<>"$T/status"
        ;;
    esac
}

# Kill what the command left behind.
end_leftovers() {
    began "$T" || return 0
    kill -s KILL -- "-$PID" 2>/dev/null
    for _try in 1 2 3 4 5; do
        _left=$(marked "${KEY%.*}" "$INDEX")
        [ ! -e "$T/ending" ] || _left="$_left $(members "$PID" | grep -v pages)"
        [ -n "${_left# }" ] || return 0
        # shellcheck disable=SC2086
        kill -s KILL $_left 2>/dev/null
    done
}

# Wait until the logs are written, at most some two seconds for a process that escaped and holds them open.
drain() {
    _tries=0
    # Of a corpse this link leads nowhere.
    while [ -e "/proc/$1/exe" ] || [ -e "/proc/$2/exe" ]; do
        _tries=$((_tries + 1))
        if [ $_tries -lt 4 ]; then
            nap 0.001
        elif [ $_tries -lt 100 ]; then
            nap 0.02
        else
            kill -s KILL "$1" "$2" 2>/dev/null
        fi
    done
    whole "$1" stdout
    whole "$2" stderr
}

# Take the name away from the log $2 if $1, which wrote it, could not write all of it: no part of a log is the log.
whole() {
    wait "$1" 2>/dev/null
    [ $? != 1 ] || mv -f "$T/$2" "$T/$2.cut" 2>/dev/null
}

# Sleep for $1 seconds, or for a whole one where sleep knows no fractions.
nap() {
    sleep "$1" 2>/dev/null || sleep 1
}

# Write the task's last record: how ($1 exit, signal or none; $2 the number), when, at which stage. Nobody reads it
# before it is whole: it gets its name then. Its space is there already.
conclude() {
    first_line "$T/stage"
    _stage=${LINE:-starting}
    _ending=-
    if [ -e "$T/ending" ]; then
        first_line "$T/ending"
        _ending=${LINE:-cancel}
    fi
    first_line "$T/words"
    until
        printf '%s %s %s %s %s %s\n' "$1" "$2" "${3:-$(clock)}" "$_stage" "$_ending" "$LINE" 1<>"$T/end.new" &&
            mv -f "$T/end.new" "$T/end"
    do
        # A full disk, perhaps: the end of a task must not get lost.
        [ -e "$T/run" ] || return
        nap 1
    done 2>/dev/null
}

# ---- ends

# Beside a running task: end it when its time is over or its memory too large.
enforce_limits() {
    uptime
    _until=$((NOW + WALL * 100))
    _nap=0.1
    _page=$(getconf PAGESIZE 2>/dev/null || echo 4096)
    while :; do
        nap $_nap
        _nap=0.5
        began "$T" || continue
        uptime
        if [ "$WALL" -gt 0 ] && [ "$NOW" -ge "$_until" ]; then
            say_once "$T/ending" wall-time
            break
        fi
        [ "$MEMORY" -gt 0 ] || continue
        if [ -e "$T/apart" ]; then
            _used=$(members none "$(marked "${KEY%.*}" "$INDEX" | tr '\n' ' ')")
        else
            _used=$(members "$PID")
        fi
        _used=${_used##*pages }
        if [ $((_used * _page)) -gt "$MEMORY" ]; then
            printf '%s\n' "$((_used * _page)) bytes were in use" >"$T/words"
            say_once "$T/ending" memory
            GRACE=0
            break
        fi
    done
    end_task
}

# End the processes of task T, if it began: it never begins once it has a reason to end.
end_task() {
    began "$T" || return 0
    _pid=$PID
    lives "$BOOT" "$_pid" "$PID_BORN" || return 0
    if [ "$GRACE" -gt 0 ]; then
        signal_task TERM "$_pid" "${KEY%.*}" "$INDEX"
        uptime
        _until=$((NOW + GRACE * 100))
        while [ "$NOW" -lt "$_until" ]; do
            lives "$BOOT" "$_pid" "$PID_BORN" || return 0
            nap 0.1
            # A container may have been on its way up.
            [ -n "$SIGNALLED" ] || signal_task TERM "$_pid" "${KEY%.*}" "$INDEX"
            uptime
        done
    fi
    while lives "$BOOT" "$_pid" "$PID_BORN"; do
        signal_task KILL "$_pid" "${KEY%.*}" "$INDEX"
        nap 0.1
    done
}

# Write the last record in the place of a dead lane. What reaped the command may have outlived the lane.
abandon() {
    _tries=0
    first_line "$T/status"
    while [ -z "$LINE" ] && [ $_tries -lt 10 ]; do
        _tries=$((_tries + 1))
        nap 0.02
        first_line "$T/status"
    done
    [ -n "$LINE" ] || say_once "$T/ending" "$1"
    end_leftovers
    # What copies a log waits for its pipe's other end; if the lane died before there was one, let it see one.
    true <>"$T/out" <>"$T/err"
    first_line "$T/status"
    # shellcheck disable=SC2086
    [ -e "$T/end" ] || conclude ${LINE:-none 0}
}

USE=$1 BASE=$2 TIME='' EXEC=''
[ "$USE" = slurm ] || cd "$BASE" || exit 1
case $USE in
lane)
    SHELL_PATH=$3 REAPER=$4 SLOT=$5
    lane
    ;;
end)
    KEY=$3 INDEX=$4 GRACE=$5 T=$BASE/parts/$3/tasks/$4
    end_task
    ;;
leftovers)
    KEY=$3 INDEX=$4 T=$BASE/parts/$3/tasks/$4
    end_leftovers
    ;;
abandon)
    KEY=$3 INDEX=$4 T=$BASE/parts/$3/tasks/$4
    abandon "$5"
    ;;
slurm)
    SHELL_PATH=$3 REAPER=$4 KEY=$5 INDEX=$6 GRACE=$7 WALL=$8 ENDS=
    shift 8
    command -v "$REAPER" >/dev/null || REAPER=none
    slurm_task "$@"
    ;;
esac
