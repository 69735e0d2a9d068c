# Debian's packages that this facility is made of.

PACKAGES=(
    openssh-server openssh-client
    slurmctld slurmd slurm-client slurmdbd libpmix2 munge mariadb-server
    charliecloud-runtime charliecloud-builders bubblewrap
    podman crun uidmap slirp4netns
    docker-registry skopeo umoci mmdebstrap busybox-static ca-certificates
    curl jq openssl procps python3
)
