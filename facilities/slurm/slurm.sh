# Slurm on a host: its configuration, slurmctld, and a slurmd for each node.

write_slurm_conf() {
    local host=$1 etc nodes node cgroups why_not
    look_at_cgroups
    etc=$(room "$host")/etc/slurm
    read -ra nodes <<<"${NODES[$host]}"
    install -d -m 755 "$etc"
    {
        _slurm_conf_for_all "$host"
        "_slurm_conf_of_$host"
        for node in "${nodes[@]}"; do
            echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=${SLURMD_PORT[$node]} CPUs=$NODE_CPUS Boards=1" \
                "SocketsPerBoard=1 CoresPerSocket=$NODE_CPUS ThreadsPerCore=1 RealMemory=$NODE_MEMORY_MIB State=UNKNOWN"
        done
        echo "PartitionName=batch Nodes=$(IFS=, && echo "${nodes[*]}") Default=YES MaxTime=24:00:00 DefaultTime=00:10:00 State=UP"
    } >"$etc/slurm.conf"
    cat >"$etc/cgroup.conf" <<CONF
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainCores=no
ConstrainRAMSpace=yes
AllowedRAMSpace=100
ConstrainSwapSpace=no
ConstrainDevices=no
CONF
}

_slurm_conf_for_all() {
    local host=$1 proctrack=proctrack/linuxproc task=task/none
    if [[ -z $why_not ]]; then
        proctrack=proctrack/cgroup task=task/cgroup
    fi
    cat <<CONF
ClusterName=$host
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${SLURMCTLD_PORT[$host]}
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=/srv/slurm/state
SlurmdSpoolDir=/srv/slurm/%n
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd-%n.pid
SlurmctldLogFile=/srv/log/slurmctld.log
SlurmdLogFile=/srv/log/slurmd-%n.log
ProctrackType=$proctrack
TaskPlugin=$task
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=200
# Jobs of tests are short: what waits is looked at every second.
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1,default_queue_depth=500
PriorityType=priority/basic
# The nodes' sizes are what is written here, not what this machine has.
SlurmdParameters=config_overrides
PrivateData=jobs,usage
KillWait=5
InactiveLimit=0
SlurmctldTimeout=60
SlurmdTimeout=20
ReturnToService=2
CONF
}

_slurm_conf_of_cluster() {
    cat <<CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$SLURMDBD_PORT
EnforcePartLimits=ALL
MaxArraySize=10001
MaxJobCount=20000
PartitionName=debug Nodes=${NODE}1 MaxTime=00:05:00 DefaultTime=00:01:00 State=UP
CONF
}

# What is not said here is as Slurm comes: arrays up to index 1000, and limits that leave a job waiting for ever.
_slurm_conf_of_unaccounted() {
    cat <<CONF
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
CONF
}

start_slurmctld() {
    local host=$1 room
    room=$(room "$host")
    check_port "${SLURMCTLD_PORT[$host]}" "$host" slurmctld
    install -d -m 755 -o slurm -g slurm "$room/srv/slurm" "$room/srv/slurm/state"
    start_service "$host" slurmctld /usr/sbin/slurmctld
    wait_for_answer 30 "$host" slurmctld in_host "$host" sinfo
}

start_nodes() {
    local host=$1 node
    for node in ${NODES[$host]}; do
        check_port "${SLURMD_PORT[$node]}" "$host" "slurmd-$node"
        start_service "$host" "slurmd-$node" /usr/sbin/slurmd -N "$node"
    done
    wait_for 10 _all_nodes_usable "$host" && return
    # A node that was killed in the midst of a job may have been drained: only an administrator's word brings it back.
    for node in ${NODES[$host]}; do
        in_host "$host" scontrol update NodeName="$node" State=RESUME 2>/dev/null || true
    done
    wait_for 30 _all_nodes_usable "$host" ||
        fail "nodes of the host '$host' take no jobs ($(nodes_of "$host" | tr '\t\n' ' ,'))" "$(log_of "$host" slurmctld)" \
            "look at the nodes' logs beside it, and run 'up' again"
}

# A line for each node: its name and its state.
nodes_of() {
    in_host "$1" sinfo --noheader --exact --Node --partition=batch --format=$'%N\t%T'
}

_all_nodes_usable() {
    local states nodes
    read -ra nodes <<<"${NODES[$1]}"
    states=$(nodes_of "$1") || return 1
    [[ $(grep --count --extended-regexp $'\t(idle|mixed|allocated|completing)$' <<<"$states") == "${#nodes[@]}" ]]
}
