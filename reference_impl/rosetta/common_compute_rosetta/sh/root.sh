# Find commands in an image from outside. `root` is its directory, `search` the PATH of the command; a link in it
# leads where it leads inside.

# Tell whether the path $1, absolute and as it is inside, is a file that can be executed.
runs() {
    rest=$1 at='' links=0
    while [ -n "$rest" ]; do
        name=${rest%%/*}
        case $rest in
        */*) rest=${rest#*/} ;;
        *) rest= ;;
        esac
        case $name in
        '' | .) continue ;;
        ..)
            at=${at%/*}
            continue
            ;;
        esac
        at=$at/$name
        outside
        if [ -L "$here" ]; then
            links=$((links + 1))
            [ $links -le 40 ] || return 1
            target=$(readlink "$here" && echo .) || return 1
            target=${target%??}
            case $target in
            /*) at= ;;
            *) at=${at%/*} ;;
            esac
            rest=$target/$rest
        fi
    done
    outside
    [ -f "$here" ] && [ -x "$here" ]
}

# Set `here` to where the path `at` is outside.
outside() {
    case $at in
    /cc/work | /cc/work/*) here=.${at#/cc/work} ;;
    /tmp | /tmp/*) here=../tmp${at#/tmp} ;;
    /dev/* | /proc/* | /sys/*) here=$at ;;
    *) here=$root$at ;;
    esac
}

# Tell whether the command $1 is there.
look() {
    case $1 in
    /*) runs "$1" ;;
    */*) runs "/cc/work/$1" ;;
    *)
        IFS=:
        set -f
        for place in $search; do
            case $place in
            /*) ;;
            *) place=/cc/work/$place ;;
            esac
            runs "$place/$1" && return
        done
        return 1
        ;;
    esac
}
