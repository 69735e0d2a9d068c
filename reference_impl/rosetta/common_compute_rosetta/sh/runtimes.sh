# Tell whose account this is, and which programs there are to run containers, to get their images, and to move files.

runtimes() {
    _home=$HOME
    # A service may run without HOME.
    [ -n "$_home" ] || _home=$(getent passwd "$(id -u)" | cut -d: -f6)
    [ -n "$_home" ] || _home=$(awk -F: -v uid="$(id -u)" '$3 == uid { print $6; exit }' /etc/passwd)
    printf 'account\t%s %s %s %s\n' "$(id -u)" "$(id -g)" "$(id -un)" "$_home"
    for _program in ch-run ch-image bwrap podman apptainer singularity skopeo umoci; do
        _path=$(command -v "$_program") || continue
        # Some write their version to stderr.
        _version=$(quickly "$_path" --version 2>&1 | grep '[0-9]' | head -n 1 | tr -d '\t')
        # One that does not work for this account is none.
        case $_program in
        bwrap) quickly bwrap --ro-bind / / true 2>/dev/null || continue ;;
        podman) [ -n "$_version" ] || continue ;;
        esac
        printf 'program\t%s\t%s\t%s\n' "$_program" "$_path" "$_version"
    done
    for _program in curl sha256sum getent; do
        _path=$(command -v "$_program") && printf 'program\t%s\t%s\t\n' "$_program" "$_path"
    done
    quickly unshare --user --map-root-user true 2>/dev/null && printf 'program\tuserns\t\t\n'
    docker_daemon
}

# A client without a daemon that it may talk to runs nothing; podman under the name of docker is podman.
docker_daemon() {
    _path=$(command -v docker) || return 0
    case $(quickly "$_path" --version 2>/dev/null) in *podman*) return 0 ;; esac
    _version=$(quickly "$_path" version --format '{{.Server.Version}}' 2>/dev/null) || return 0
    case $_version in '' | '<'*) return 0 ;; esac
    case $(quickly "$_path" info --format '{{.SecurityOptions}}' 2>/dev/null) in
    *rootless*) _version="$_version rootless" ;;
    esac
    printf 'program\tdocker\t%s\t%s\n' "$_path" "$_version"
}

# Run a program that should answer at once; one that hangs must not hold up everything.
quickly() {
    timeout -k 1 10 "$@" </dev/null
}
