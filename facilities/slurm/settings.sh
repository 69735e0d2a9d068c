# What the facility consists of, and what can be chosen: five variables, of which none has to be set.

# Where everything lies that is not a package of Debian's.
readonly USUAL_STATE=/var/lib/common-compute/facilities/slurm
STATE=${COMMON_COMPUTE_SLURM_DIRECTORY:-$USUAL_STATE}
# The first of ten ports that follow each other; all are listened on at 127.0.0.1 only.
FIRST_PORT=${COMMON_COMPUTE_SLURM_FIRST_PORT:-22600}
# "auto", or "v2" for hosts that see cgroups v2 only, also where this machine has others.
CGROUPS=${COMMON_COMPUTE_SLURM_CGROUPS:-auto}
# The images that are built; those that were added by hand are kept besides.
read -ra IMAGES <<<"${COMMON_COMPUTE_SLURM_IMAGES:-busybox python}"
# The software that is installed on all hosts; nothing, if it is set and empty.
read -ra SOFTWARE <<<"${COMMON_COMPUTE_SLURM_SOFTWARE-timeseria}"

{ [[ $FIRST_PORT =~ ^[1-9][0-9]{3,4}$ ]] && ((FIRST_PORT > 1023 && FIRST_PORT < 65520)); } ||
    refuse "COMMON_COMPUTE_SLURM_FIRST_PORT is '$FIRST_PORT': give a number from 1024 to 65519"
for each in "${SOFTWARE[@]}"; do
    [[ $each == timeseria ]] ||
        refuse "there is no software '$each' to install: COMMON_COMPUTE_SLURM_SOFTWARE can name timeseria"
done
unset each
[[ $CGROUPS == auto || $CGROUPS == v2 ]] ||
    refuse "COMMON_COMPUTE_SLURM_CGROUPS is '$CGROUPS': give auto or v2"
[[ $STATE =~ ^/[/a-zA-Z0-9._-]+$ ]] ||
    refuse "'$STATE' is no absolute path of letters, digits, '.', '_' and '-': name another place with --directory"

# Each host has its own host name, processes, /etc, /home, /run, /srv and /tmp; /usr is this machine's.
#   cluster      Slurm with accounting: two nodes, two partitions, limits enforced when a job is submitted
#   unaccounted  Slurm as it comes, without accounting: one node, one partition
#   plain        no Slurm
#   registry     the registry of images; nobody logs in
HOSTS=(cluster unaccounted plain registry)
SSH_HOSTS=(cluster unaccounted plain)
SLURM_HOSTS=(cluster unaccounted)

USERS=(alice bob carol)
FIRST_UID=22601
FIRST_SUBUID=300000
SUBUIDS=65536

port() {
    echo $((FIRST_PORT + $1))
}

declare -A SSH_PORT=([cluster]=$(port 0) [unaccounted]=$(port 1) [plain]=$(port 2))
REGISTRY_PORT=$(port 3)
SLURMDBD_PORT=$(port 4)
declare -A SLURMCTLD_PORT=([cluster]=$(port 5) [unaccounted]=$(port 8))
REGISTRY=127.0.0.1:$REGISTRY_PORT

# Slurm names cgroups after nodes, so the nodes of a second facility on this machine need names of their own.
NODE=node
[[ $STATE == "$USUAL_STATE" ]] || NODE=node$(($(cksum <<<"$STATE" | cut -d" " -f1) % 1000))-
declare -A NODES=([cluster]="${NODE}1 ${NODE}2" [unaccounted]="${NODE}3")
declare -A SLURMD_PORT=(["${NODE}1"]=$(port 6) ["${NODE}2"]=$(port 7) ["${NODE}3"]=$(port 9))

# What each node offers. Slurm is told so whatever this machine has: jobs of tests sleep more than they compute.
NODE_CPUS=8
NODE_MEMORY_MIB=8000
