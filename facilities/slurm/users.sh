# The users: the same three on each host, each with a home of their own there and a key pair for the tests.

uid_of() {
    local i
    for i in "${!USERS[@]}"; do
        [[ ${USERS[i]} != "$1" ]] || echo $((FIRST_UID + i))
    done
}

# The key pairs with which tests act as the users. What users add to their own ~/.ssh/authorized_keys is theirs.
make_keys() {
    install -d -m 755 "$STATE/keys"
    local user
    for user in "${USERS[@]}"; do
        [[ -f $STATE/keys/$user ]] || ssh-keygen -q -t ed25519 -N '' -C "$user" -f "$STATE/keys/$user"
    done
}

# Writes the users into a host's own /etc, and makes their homes. This machine's people have no account there, and
# their names are free; the accounts of its packages are kept.
write_users() {
    local host=$1 room user uid i
    room=$(room "$host")
    install -d -m 755 "$room/etc/ssh" "$room/etc/ssh/authorized_keys.d"
    for i in passwd group; do
        awk -F: '$3 < 1000 || $3 > 59999' "/etc/$i" >"$room/etc/$i"
    done
    install -m 640 -g shadow /dev/stdin "$room/etc/shadow" < <(
        awk -F: 'NR == FNR { known[$1]; next } $1 in known' "$room/etc/passwd" /etc/shadow
    )
    : >"$room/etc/subuid"
    for i in "${!USERS[@]}"; do
        user=${USERS[i]}
        uid=$((FIRST_UID + i))
        echo "$user:x:$uid:$uid::/home/$user:/bin/bash" >>"$room/etc/passwd"
        echo "$user:x:$uid:" >>"$room/etc/group"
        # "*" is no password; "!" would be a locked account, which sshd lets nobody into.
        echo "$user:*:19000:0:99999:7:::" >>"$room/etc/shadow"
        echo "$user:$((FIRST_SUBUID + i * SUBUIDS)):$SUBUIDS" >>"$room/etc/subuid"
        install -d -m 700 -o "$uid" -g "$uid" "$room/home/$user" "$room/home/$user/.ssh"
        [[ -e $room/home/$user/.ssh/authorized_keys ]] ||
            install -m 600 -o "$uid" -g "$uid" /dev/null "$room/home/$user/.ssh/authorized_keys"
        install -m 644 "$STATE/keys/$user.pub" "$room/etc/ssh/authorized_keys.d/$user"
    done
    cp "$room/etc/subuid" "$room/etc/subgid"
}
