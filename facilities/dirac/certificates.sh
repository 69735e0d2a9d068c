# The certificates: an authority of our own, and what it signs for DIRAC's services, for a connector, and for the users.

# Whatever ends within this time is made anew.
_DAYS_LEFT=30

make_certificates() {
    local user
    _TLS=$STATE/grid-security
    install -d -m 755 "$_TLS" "$_TLS/certificates" "$_TLS/users"
    _make_authority
    # DIRAC's services show this one, and call each other with it.
    _make_certificate hostcert.pem hostkey.pem localhost $'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1'
    # A connector that acts for users has a host's certificate as well, with no more rights than it needs: one says
    # for whom it does so, the other fetches the users' proxies.
    _make_certificate connector-cert.pem connector-key.pem connector extendedKeyUsage=clientAuth
    _make_certificate fetching-connector-cert.pem fetching-connector-key.pem fetching-connector extendedKeyUsage=clientAuth
    for user in "${USERS[@]}"; do
        _make_certificate "users/$user.cert.pem" "users/$user.key.pem" "$user" extendedKeyUsage=clientAuth
    done
    chown "$SERVER_ACCOUNT" "$_TLS/hostkey.pem"
}

_make_authority() {
    local certificate=$_TLS/certificates/ca.pem hash
    ! _is_good "$certificate" || return 0
    # What it has signed is worth nothing any more.
    find "$_TLS" -name '*.pem' -delete
    find "$_TLS/certificates" -type l -delete
    _openssl req -x509 -newkey rsa:2048 -noenc -sha256 -days 3650 -keyout "$_TLS/ca-key.pem" -out "$certificate" \
        -subj "/O=Common-Compute/OU=Facility-dirac/CN=Authority" \
        -addext basicConstraints=critical,CA:true -addext keyUsage=critical,digitalSignature,cRLSign,keyCertSign
    chmod 600 "$_TLS/ca-key.pem"
    hash=$(openssl x509 -in "$certificate" -noout -hash)
    ln -s ca.pem "$_TLS/certificates/$hash.0"
}

_make_certificate() {
    local certificate=$_TLS/$1 key=$_TLS/$2 name=$3 extensions=$4
    ! _is_good "$certificate" || return 0
    [[ -f $key ]] || (umask 077 && _openssl genrsa -out "$key" 2048)
    _openssl x509 -req -in <(_openssl req -new -key "$key" -subj "$DN_PREFIX$name") -days 825 -sha256 -out "$certificate" \
        -CA "$_TLS/certificates/ca.pem" -CAkey "$_TLS/ca-key.pem" -set_serial "0x$(openssl rand -hex 15)" \
        -extfile <(printf '%s\n' basicConstraints=CA:FALSE keyUsage=critical,digitalSignature,keyEncipherment "$extensions")
}

_is_good() {
    [[ -f $1 ]] && openssl x509 -in "$1" -noout -checkend $((_DAYS_LEFT * 86400)) >/dev/null
}

_openssl() {
    openssl "$@" 2>>"$STATE/openssl.log" ||
        fail "a certificate could not be made" "$STATE/openssl.log" "mend what openssl complains of, and run 'up' again"
}
