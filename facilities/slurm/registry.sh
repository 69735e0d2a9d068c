# The registry of images, over TLS with an authority of its own, which only the facility's hosts trust.

make_certificates() {
    [[ ! -f $STATE/tls/registry.crt ]] || return 0
    local tls=$STATE/tls.new log=$STATE/tls.log
    rm -rf "$tls"
    install -d -m 755 "$tls"
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n' >"$tls/extensions"
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=The facility of tests' \
            -addext keyUsage=critical,keyCertSign -keyout "$tls/ca.key" -out "$tls/ca.crt" &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1 \
                -keyout "$tls/registry.key" -out "$tls/registry.csr" &&
            openssl x509 -req -in "$tls/registry.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -days 3650 \
                -extfile "$tls/extensions" -out "$tls/registry.crt"
    } >"$log" 2>&1 || fail "the registry's certificates could not be made" "$log" "mend openssl, and run 'up' again"
    rm -rf "$STATE/tls"
    mv "$tls" "$STATE/tls"
}

# Lets a host's programs trust the registry, and tells podman what there is no systemd to tell it.
write_trust() {
    local etc containers
    etc=$(room "$1")/etc
    containers=$etc/containers
    # podman and skopeo take every file here whose name ends in .key or .cert for a client's: only the authority may lie here.
    install -d -m 755 "$containers/certs.d/$REGISTRY"
    install -m 644 "$STATE/tls/ca.crt" "$containers/certs.d/$REGISTRY/ca.crt"
    install -d -m 755 "$etc/ssl/certs"
    cat /etc/ssl/certs/ca-certificates.crt "$STATE/tls/ca.crt" >"$etc/ssl/certs/ca-certificates.crt"
    # Without this, a user's first use would settle on copying whole images for each container.
    printf '[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "/srv/containers"\n' \
        >"$containers/storage.conf"
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' >"$containers/containers.conf"
}

write_registry_configuration() {
    local srv
    srv=$(room registry)/srv
    install -d -m 755 -o docker-registry -g docker-registry "$srv/registry"
    install -d -m 755 "$srv/tls"
    install -m 644 "$STATE/tls/registry.crt" "$srv/tls/registry.crt"
    install -m 400 -o docker-registry "$STATE/tls/registry.key" "$srv/tls/registry.key"
    cat >"$srv/registry.yml" <<CONF
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: /srv/registry}
  delete: {enabled: true}
http:
  addr: $REGISTRY
  tls: {certificate: /srv/tls/registry.crt, key: /srv/tls/registry.key}
CONF
}

start_registry() {
    check_port "$REGISTRY_PORT" registry docker-registry
    start_program registry docker-registry /usr/bin/docker-registry serve /srv/registry.yml
    wait_for_answer 20 registry docker-registry ask_registry /
}

ask_registry() {
    curl --silent --fail --noproxy '*' --cacert "$STATE/tls/ca.crt" --output /dev/null \
        --header 'Accept: application/vnd.oci.image.manifest.v1+json' --head "https://$REGISTRY/v2$1"
}
