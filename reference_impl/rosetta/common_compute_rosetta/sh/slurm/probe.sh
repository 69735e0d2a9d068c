# Tell what the machine is, and what its Slurm is and has.

main() {
    for _tool in cp ln mkfifo sbatch scancel scontrol sed sinfo sort squeue timeout tr; do
        command -v "$_tool" >/dev/null || printf 'missing\t%s\n' "$_tool"
    done
    machine
    printf 'slurm_account\t%s\n' "$(id -un)"
    printf 'slurm_uid\t%s\n' "$(id -u)"
    if command -v timeout >/dev/null && command -v scontrol >/dev/null; then
        _config=$(within "$COMMAND_SECONDS" scontrol show config) || exit 5
        printf '%s\n' "$_config" | sed -n 's/^\([A-Za-z_]*\)  *= \(.*\)$/config	\1	\2/p'
        _partitions=$(within "$COMMAND_SECONDS" scontrol --oneliner show partition) || exit 5
        printf '%s\n' "$_partitions" | sed 's/^/partition	/'
        # Of all nodes that are alike, one line.
        _nodes=$(within "$COMMAND_SECONDS" sinfo --noheader --exact --format='%R|%c|%m|%G|%D|%T') || exit 5
        printf '%s\n' "$_nodes" | sed 's/^/nodes	/'
    fi
    echo .
}
