# Forget the environment but for what is named here: some of it would change the ways of Slurm's commands, and
# sbatch hands down to the job what is left. This comes before any variable of our own is set.
# shellcheck disable=SC2046
unset $(awk 'BEGIN {
    for (name in ENVIRON)
        if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/ && name !~ /^(PATH|LC_ALL|SLURM_CONF|HOME|USER|LOGNAME|PWD|_)$/) print name
}')
