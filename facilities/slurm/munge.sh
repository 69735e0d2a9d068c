# munge, by which the parts of Slurm on a host believe each other; each host with Slurm has a key of its own.

start_munge() {
    local host=$1 room
    room=$(room "$host")
    install -d -m 700 -o munge -g munge "$room/srv/munge"
    if [[ ! -f $room/srv/munge/key ]]; then
        install -m 400 -o munge -g munge <(head -c 1024 /dev/urandom) "$room/srv/munge/key"
    fi
    start_service "$host" munged setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged \
        --key-file=/srv/munge/key --seed-file=/srv/munge/seed --log-file=/srv/log/munged.log
}
