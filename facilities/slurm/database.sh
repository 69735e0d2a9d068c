# MariaDB for Slurm's accounting: a socket and no port, and no password either, since the socket knows who connects.

start_database() {
    local host=$1 room log
    room=$(room "$host")
    log=$(log_of "$host" mariadbd)
    install -d -m 700 -o mysql -g mysql "$room/srv/mysql"
    # Made beside its place and then moved: what was interrupted is begun anew.
    if [[ ! -d $room/srv/mysql/data ]]; then
        rm -rf "$room/srv/mysql/new"
        in_host "$host" mariadb-install-db --no-defaults --user=mysql --datadir=/srv/mysql/new \
            --auth-root-authentication-method=socket --skip-test-db >"$log" 2>&1 ||
            fail "MariaDB's first tables could not be made" "$log" "make room on the disk, and run 'up' again"
        mv "$room/srv/mysql/new" "$room/srv/mysql/data"
        chown mysql "$log"
    fi
    # slurmdbd asks for a long lock time, and complains below it.
    start_program "$host" mariadbd /usr/sbin/mariadbd --no-defaults --datadir=/srv/mysql/data --skip-networking \
        --socket=/run/mysqld/mysqld.sock --log-error=/srv/log/mariadbd.log --pid-file=/run/mysqld/mariadbd.pid \
        --innodb-buffer-pool-size=128M --innodb-log-file-size=64M --innodb-lock-wait-timeout=900 \
        --innodb-flush-log-at-trx-commit=2
    wait_for_answer 30 "$host" mariadbd in_host "$host" mariadb-admin --no-defaults --socket=/run/mysqld/mysqld.sock ping
    in_host "$host" mariadb --no-defaults --socket=/run/mysqld/mysqld.sock --execute="
        CREATE DATABASE IF NOT EXISTS slurm_acct;
        CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED VIA unix_socket;
        GRANT ALL ON slurm_acct.* TO slurm@localhost;" ||
        fail "Slurm's database could not be made" "$log" "run 'up' again"
}
