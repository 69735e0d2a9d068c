# Debian's packages that this facility is made of.

# The worker runs containers with Charliecloud, and umoci and mmdebstrap make images.
# DIRAC's environment is made of wheels, but for M2Crypto and mysqlclient, which are compiled.
PACKAGES=(
    mariadb-server
    python3 python3-dev gcc libc6-dev pkg-config swig libssl-dev libmariadb-dev
    charliecloud-runtime umoci mmdebstrap busybox-static
    ca-certificates jq openssl procps
)
