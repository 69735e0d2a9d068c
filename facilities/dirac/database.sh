# MariaDB for DIRAC: its own data, its own port on the loopback, and a password that nobody else needs.

# Those whose tables come from DIRAC's files; some of these files are nearly empty, and the service makes the tables.
DATABASES=(
    DataManagement/FileCatalogDB
    Framework/ProxyDB
    ResourceStatus/ResourceStatusDB
    ResourceStatus/ResourceManagementDB
    WorkloadManagement/JobDB
    WorkloadManagement/JobLoggingDB
    WorkloadManagement/PilotAgentsDB
    WorkloadManagement/SandboxMetadataDB
    WorkloadManagement/TaskQueueDB
)

start_database() {
    local log=$STATE/log/mariadb-install.log
    [[ -s $STATE/database-password ]] || (umask 077 && openssl rand -hex 16 >"$STATE/database-password")
    # Made beside its place and then moved: what was interrupted is begun anew.
    if [[ ! -d $STATE/data/mysql ]]; then
        rm -rf "$STATE/data/new"
        mariadb-install-db --no-defaults --user="$SERVER_ACCOUNT" --datadir="$STATE/data/new" \
            --auth-root-authentication-method=socket --skip-test-db >"$log" 2>&1 ||
            fail "MariaDB's first tables could not be made" "$log" "make room on the disk, and run 'up' again"
        mv "$STATE/data/new" "$STATE/data/mysql"
    fi
    start_part mariadbd none /usr/sbin/mariadbd --no-defaults --datadir="$STATE/data/mysql" \
        --socket="$STATE/data/mysql.sock" --bind-address=127.0.0.1 --port="${PORT[mariadbd]}" --skip-name-resolve \
        --pid-file="$STATE/data/mysql.pid" --sql-mode=NO_ENGINE_SUBSTITUTION --skip-log-bin --performance-schema=OFF \
        --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=2
    wait_for_part 60 mariadbd _ask_database
    _make_databases
}

_ask_database() {
    mariadb-admin --no-defaults --socket="$STATE/data/mysql.sock" ping
}

_sql() {
    mariadb --no-defaults --socket="$STATE/data/mysql.sock" 2>"$STATE/log/sql.log" ||
        fail "DIRAC's databases could not be made" "$STATE/log/sql.log" "run 'up' again"
}

# Each is made as a whole: one that was interrupted has its tables made anew. Those that have been made are listed, since
# a facility that was made by older scripts may lack some.
_make_databases() {
    local database name sources password made=$STATE/data/databases-made
    sources=$(echo "$ENVIRONMENT"/lib/python3*/site-packages/DIRAC)
    password=$(<"$STATE/database-password")
    # The list was an empty file, which stood for all that there were, before there was a file catalogue.
    if [[ -e $made && ! -s $made ]]; then
        printf '%s\n' "${DATABASES[@]}" | grep --invert-match DataManagement >"$made"
    fi
    touch "$made"
    for database in "${DATABASES[@]}"; do
        ! grep --quiet --line-regexp --fixed-strings "$database" "$made" || continue
        name=${database#*/}
        {
            echo "CREATE OR REPLACE USER dirac@127.0.0.1 IDENTIFIED BY '$password';"
            echo "DROP DATABASE IF EXISTS $name; CREATE DATABASE $name; USE $name;"
            cat "$sources/${database%/*}System/DB/$name.sql"
            printf ';\n'
            printf 'GRANT ALL ON %s.* TO dirac@127.0.0.1;\n' "${DATABASES[@]#*/}"
        } | _sql
        rm -f "$STATE/data/tables-made"
        echo "$database" >>"$made"
    done
}

# The rest of the tables, which need the configuration server.
complete_databases() {
    local as log=$STATE/log/tables.log
    [[ ! -e $STATE/data/tables-made ]] || return 0
    become "$SERVER_ACCOUNT" server
    "${as[@]}" "$ENVIRONMENT/bin/python" "$STATE/programs/tables.py" >"$log" 2>&1 ||
        fail "the tables of DIRAC's databases could not be made" "$log" "run 'down --purge', and 'up' again"
    touch "$STATE/data/tables-made"
}
