# The two accounts on this machine, and who may read what.
#
# All jobs run as the account of the job agent, as at a site that has nothing to change accounts with: a job could read
# the proxies of others that run at the same time. DIRAC's users keep their jobs from each other at the services.

make_accounts() {
    local account
    for account in "$SERVER_ACCOUNT" "$WORKER_ACCOUNT"; do
        getent passwd "$account" >/dev/null ||
            useradd --system --user-group --no-create-home --home-dir "$STATE" --shell /usr/sbin/nologin "$account" ||
            fail "the account $account could not be made" "" "mend what useradd complains of, and run 'up' again"
    done
    install -d -m 755 "$STATE/run" "$STATE/log" "$STATE/roots"
    install -d -m 700 -o "$SERVER_ACCOUNT" -g "$SERVER_ACCOUNT" "$STATE/data" "$STATE/data/sandboxes" "$STATE/data/files" \
        "$STATE/data/tmp"
    install -d -m 700 -o "$WORKER_ACCOUNT" -g "$WORKER_ACCOUNT" "$STATE/worker" "$STATE/worker/tmp"
}

remove_accounts() {
    local account
    for account in "$SERVER_ACCOUNT" "$WORKER_ACCOUNT"; do
        ! getent passwd "$account" >/dev/null || userdel "$account" ||
            fail "the account $account could not be removed" "" "mend what userdel complains of, and run it again"
    done
}

# Sets `as` to the words before a program that is to be run as an account, with nothing of the environment of whoever
# brings the facility up. In the root etc/dirac.cfg is what DIRAC knows before it asks its configuration server.
become() {
    local account=$1 root=$2 home=$STATE/data
    [[ $account != "$WORKER_ACCOUNT" ]] || home=$STATE/worker
    as=(
        setpriv --reuid="$account" --regid="$account" --init-groups
        env --ignore-environment --chdir="$home" HOME="$home" USER="$account" LOGNAME="$account" LANG=C.UTF-8
        TMPDIR="$home/tmp" PATH="$ENVIRONMENT/bin:/usr/bin:/bin" DIRAC_ROOT_PATH="$STATE/roots/$root" DIRAC_NO_CFG=1
    )
}
