# The one job of Slurm's that a part has.

# Keep Slurm's id $2 of part directory $1, unless one is kept already, and set LINE to the one that counts. $3 is a
# name that nobody else uses there.
keep_native() {
    [ -e "$1/native" ] || { printf '%s\n' "$2" >"$1/native.$3" && ln "$1/native.$3" "$1/native"; } 2>/dev/null
    first_line "$1/native"
}
