# Copy the file $2 of the storage at $1 to $3, also where links within the storage lead to it. What leads out of the
# storage is refused: it is looked at where it really is, from inside its directory, and copied as what it is then.
from_storage() (
    work=$(pwd -P)
    root=$(cd -P "$1" 2>/dev/null && pwd -P && echo .) || {
        printf 'the storage at %s is not on this host\n' "$1" >&2
        return 1
    }
    root=${root%??} links=0 path=$2
    cd -P "$root" || return
    while :; do
        case $path in
        */*) cd -P "./${path%/*}" 2>/dev/null || break ;;
        esac
        here=$(pwd -P && echo .)
        here=${here%??}
        case $here/ in
        "${root%/}"/*) ;;
        *)
            printf '%s leads out of the storage\n' "$2" >&2
            return 1
            ;;
        esac
        name=${path##*/}
        if [ -L "./$name" ]; then
            links=$((links + 1))
            [ $links -le 40 ] || break
            path=$(readlink "./$name" && echo .) || break
            path=${path%??}
            case $path in
            /*) cd -P / && path=.$path ;;
            esac
            case $path in
            */) break ;;
            esac
            continue
        fi
        [ -f "./$name" ] || break
        [ -r "./$name" ] || {
            printf '%s in the storage cannot be read by this account\n' "$2" >&2
            return 1
        }
        cp -P "./$name" "$work/$3" || return
        # Somebody may have put a link into its place just now.
        if [ -L "$work/$3" ] || [ ! -f "$work/$3" ]; then
            rm -f "$work/$3"
            break
        fi
        return 0
    done
    printf '%s is no file in the storage\n' "$2" >&2
    return 1
)
