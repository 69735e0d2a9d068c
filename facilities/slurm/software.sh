# Software that is installed on all hosts: an environment of Python for each, below /srv/software, which nobody there
# can change, and in it setup.sh, which a shell reads before it runs a command.

SOFTWARE_AREA=/srv/software
# Debian's own Python, which is all hosts'; another one often lies in a home that nobody else may enter.
_PYTHON=/usr/bin/python3.11
_IMPORTED=timeseria.models,matplotlib.backends.backend_agg

provide_software() {
    local name
    for name in "${SOFTWARE[@]}"; do
        _is_installed "$name" || _install "$name"
    done
}

software_version() {
    sed -n "s/^$1==//p" "$here/requirements.txt"
}

software_setup() {
    echo "$SOFTWARE_AREA/$1-$(software_version "$1")/setup.sh"
}

# Where this machine has it.
software_place() {
    echo "$STATE/software/$1-$(software_version "$1")"
}

# Whether what is there was made of these versions, by this text.
_is_installed() {
    local made_of
    made_of=$(software_place "$1")/made-of
    [[ -e $made_of && $(<"$made_of") == "$(_made_of)" ]]
}

_made_of() {
    cat "$here/requirements.txt"
    echo "$_IMPORTED"
    declare -f _install _write_setup
}

# It is made beside its place, and then put there; users may read all of it whatever this shell's umask. No
# dependencies are looked for: the pins are all there is. The first import shows that nothing is missing, and compiles
# what would be compiled again by each job of users, who cannot write there.
_install() {
    local name=$1 place log=$STATE/software.log uv
    place=$(software_place "$name")
    find_uv
    say "Installing $name $(software_version "$name") from the Python Package Index"
    install -d -m 755 "$STATE/software"
    rm -rf "$place.new"
    (
        umask 022
        "$uv" venv --quiet --relocatable --python "$_PYTHON" "$place.new" &&
            "$uv" pip install --no-deps --python "$place.new/bin/python" --requirements "$here/requirements.txt" &&
            env --ignore-environment MPLCONFIGDIR="$place.new/matplotlib" "$place.new/bin/python" -c "import $_IMPORTED" &&
            rm -r "$place.new/matplotlib" &&
            _write_setup "$name" >"$place.new/setup.sh" &&
            _made_of >"$place.new/made-of"
    ) >"$log" 2>&1 ||
        fail "$name could not be installed" "$log" "mend the network or what uv complains of, and run 'up' again"
    rm -rf "$place"
    mv "$place.new" "$place"
    say "$name $(software_version "$name") is installed"
}

# It changes the environment of the shell that reads it, and says nothing. A job has no display to draw on.
_write_setup() {
    # shellcheck disable=SC2016  # the variable of the shell that reads it
    printf 'export PATH="%s/bin:$PATH" MPLBACKEND=agg\n' "$SOFTWARE_AREA/$1-$(software_version "$1")"
}

# Sets `uv` to the program that installs.
find_uv() {
    uv=$(realpath --canonicalize-missing "$here/../../.uv/bin/uv")
    [[ -x $uv ]] || uv=$(command -v uv) ||
        refuse "there is no uv here to install software with: run 'make setup' in the sources once"
}
