# sshd on a host: keys only, a host key that stays the same until everything is purged, and nothing but sessions and files.

write_sshd_config() {
    local host=$1 room
    room=$(room "$host")
    install -d -m 700 "$room/srv/ssh"
    [[ -f $room/srv/ssh/host_key ]] || ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$room/srv/ssh/host_key"
    cat >"$room/etc/ssh/sshd_config" <<CONF
Port ${SSH_PORT[$host]}
ListenAddress 127.0.0.1
HostKey /srv/ssh/host_key
PidFile /run/sshd.pid
AuthenticationMethods publickey
AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u .ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
AllowUsers ${USERS[*]}
# There is no PAM session that could be made: no systemd, no login manager.
UsePAM no
UseDNS no
PrintMotd no
X11Forwarding no
AllowAgentForwarding no
AllowTcpForwarding no
PermitTunnel no
# The default of sshd and of most sites: whoever opens more channels at once is refused.
MaxSessions 10
# Tests open many connections in a short time.
MaxStartups 60:30:200
LogLevel VERBOSE
Subsystem sftp internal-sftp
CONF
}

start_sshd() {
    local host=$1
    check_port "${SSH_PORT[$host]}" "$host" sshd
    start_service "$host" sshd /usr/sbin/sshd -E /srv/log/sshd.log
}

host_key() {
    cut -d' ' -f1,2 "$(room "$1")/srv/ssh/host_key.pub"
}
