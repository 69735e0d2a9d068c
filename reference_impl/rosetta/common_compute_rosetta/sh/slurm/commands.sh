# How Slurm's own commands are called. SLURM_PATH and SLURM_CONF_FILE say where Slurm is, where that does not go
# without saying.

[ -z "$SLURM_PATH" ] || PATH=$SLURM_PATH:$PATH
[ -z "$SLURM_CONF_FILE" ] || SLURM_CONF=$SLURM_CONF_FILE
[ -z "$SLURM_CONF" ] || export SLURM_CONF
export PATH TZ=UTC0

# Run $2... for at most $1 seconds; 124 and above say that it was not done in time.
within() {
    _seconds=$1
    shift
    timeout -k 2 "$_seconds" "$@"
}

# Set NOW to the time in seconds since 1970; after the first time it costs no process.
now() {
    read -r _up _ </proc/uptime
    if [ -z "$START_TIME" ]; then
        START_TIME=$(date +%s)
        START_UP=${_up%.*}
    fi
    NOW=$((START_TIME + ${_up%.*} - START_UP))
}

# Take the turn of part directory $1, in the name of $2: of all who want to submit it or to call that off, one
# gets it. Fail if it is taken, or the part is gone.
take_turn() {
    set -C
    { printf '%s\n' "$2" >"$1/turn"; } 2>/dev/null
    _taken=$?
    set +C
    return $_taken
}
