# DIRAC's own client, as one of the users: for a look from outside, and for what only an administrator does.

act_as() {
    local user=${1%%:*} group
    group=${1#"$user"}
    group=${group#:}
    shift
    [[ -n ${GROUPS_OF[$user]:-} ]] || refuse "there is no user '$user': the users are ${USERS[*]}"
    [[ -n $group ]] || group=${GROUPS_OF[$user]%% *}
    [[ " ${GROUPS_OF[$user]} " == *" $group "* ]] || refuse "'$user' is not in '$group', but in: ${GROUPS_OF[$user]}"
    [[ -s $STATE/proxies/$user.$group.pem ]] || fail "there is no proxy of $user yet" "" "bring the facility up first"
    local status=0
    with_proxy "$user.$group" "$@" || status=$?
    exit "$status"
}

# Runs a command with the proxy of a user in a group, and with nothing of this environment.
with_proxy() {
    local proxy=$1
    shift
    env --ignore-environment HOME="$STATE/roots" LANG=C.UTF-8 TERM="${TERM:-dumb}" PATH="$ENVIRONMENT/bin:/usr/bin:/bin" \
        DIRAC_ROOT_PATH="$STATE/roots/client" DIRAC_NO_CFG=1 X509_USER_PROXY="$STATE/proxies/$proxy.pem" "$@"
}
