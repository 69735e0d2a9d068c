# List the regular files of ended tasks, each name ended by a NUL: after `=KEY INDEX` those with one name, after
# `+` those with several, which tar would not give twice in one archive.

main() {
    cd "$BASE" || exit 3
    parts
    printf '.\0'
}

part() {
    printf '=%s %s\0' "$1" "$2"
    (cd -P "parts/$1/tasks/$2/work" 2>/dev/null && {
        names || {
            # A command may have made directories that its own account cannot read.
            chmod -R u+rwX . 2>/dev/null
            names
        }
    })
}

names() {
    find . -type f -links 1 -print0 2>/dev/null || return 1
    printf '+\0'
    find . -type f -links +1 -print0 2>/dev/null
}
