# slurmdbd on MariaDB, and the users in its books.

write_slurmdbd_conf() {
    local host=$1
    install -m 600 -o slurm -g slurm /dev/stdin "$(room "$host")/etc/slurm/slurmdbd.conf" <<CONF
AuthType=auth/munge
DbdHost=$host
DbdAddr=127.0.0.1
DbdPort=$SLURMDBD_PORT
CommunicationParameters=NoInAddrAny
SlurmUser=slurm
PidFile=/run/slurm/slurmdbd.pid
LogFile=/srv/log/slurmdbd.log
PrivateData=jobs,usage
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct
CONF
}

start_slurmdbd() {
    local host=$1
    check_port "$SLURMDBD_PORT" "$host" slurmdbd
    start_service "$host" slurmdbd /usr/sbin/slurmdbd
    wait_for_answer 30 "$host" slurmdbd in_host "$host" sacctmgr --noheader show cluster
}

# Where jobs are private, whoever is not in the books sees nothing in them, not even their own jobs.
enter_users_in_books() {
    local host=$1 known user
    known=$(in_host "$host" sacctmgr --noheader --parsable2 show associations cluster="$host" format=account,user)
    [[ -n $known ]] || _book "$host" add cluster "$host"
    [[ $known == *"science|"* ]] ||
        _book "$host" add account science cluster="$host" description=science organization=science
    for user in "${USERS[@]}"; do
        [[ $known == *"science|$user"* ]] || _book "$host" add user "$user" account=science cluster="$host"
    done
}

_book() {
    local host=$1
    shift
    in_host "$host" sacctmgr --immediate --quiet "$@" >/dev/null ||
        fail "'sacctmgr $*' failed on the host '$host'" "$(log_of "$host" slurmdbd)" "run 'up' again"
}
