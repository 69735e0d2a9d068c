# Stream logs and results of ended tasks: lines, and after each line `tar NUMBER` an archive; the logs' is 0.

main() {
    cd "$BASE" || exit 3
    BASE=$(pwd -P)
    parts
    echo .
}

# Open task $2 of part $1 and give its logs.
task() {
    cd "$BASE" || exit 3
    T=$BASE/parts/$1/tasks/$2
    if [ ! -d "$T" ]; then
        printf 'task %s %s gone\n' "$1" "$2"
    elif [ ! -e "$T/stdout" ] && [ ! -e "$T/stderr" ]; then
        if [ -e "$T/start" ]; then
            printf 'task %s %s lost\n' "$1" "$2"
        else
            printf 'task %s %s silent\n' "$1" "$2"
        fi
    elif is_empty "$T/stdout" && is_empty "$T/stderr"; then
        # As of many a short task, whose archive would take longest of all.
        printf 'task %s %s empty\n' "$1" "$2"
    else
        printf 'task %s %s here\n' "$1" "$2"
        files 0 "$T" ./stdout ./stderr
    fi
}

is_empty() {
    [ -f "$1" ] && [ ! -h "$1" ] && [ ! -s "$1" ]
}

# Give, as archive number $1, files of directory $2, whose names follow. Neither a directory nor a file is reached
# through a link: the directory must be where it says it is, and tar opens no link.
files() {
    cd -P "$2" 2>/dev/null || return 0
    [ "$(pwd -P && echo .)" = "$2
." ] || return 0
    printf 'tar %s\n' "$1"
    shift 2
    tar -cf - "$@" 2>/dev/null
    printf 'status %s\n' $?
}

# Give, as archive number $1, files of the directory $2 in the working directory of the open task.
results() {
    _number=$1 _directory=$T/work${2:+/$2}
    shift 2
    files "$_number" "$_directory" "$@"
}
