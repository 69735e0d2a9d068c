# Move one file over HTTP by curl, to and from where that is allowed. Set are SCHEMES and HOSTS (words with blanks
# between), PROXY, TRUST (a file of certificates, or nothing), MOST (bytes that are taken, 0 is any number) and
# SECONDS_MOST. What may be secret in a URL stands in no argument of a program, in no file, and in no words: curl
# reads it from its standard input, and its own words are not repeated.

# Get URL $2 into file $3, or put the file there ($1 is get or put), once more for what passes by itself, and from
# where it broke off if the server can do that. Fail with WORDS. Names that begin like the file's are for this.
move() {
    uptime
    UNTIL=$((NOW + SECONDS_MOST)) PAUSES='1 3 10' BROKE_AT='' ETAG=''
    until follow "$@"; do
        [ -n "$AGAIN" ] && [ -n "$PAUSES" ] || break
        sleep "${PAUSES%% *}"
        case $PAUSES in
        *' '*) PAUSES=${PAUSES#* } ;;
        *) PAUSES= ;;
        esac
    done
    rm -f "$3.head" "$3.part"
    [ -z "$WORDS" ]
}

# Set NOW to the seconds since the boot.
uptime() {
    read -r _up _ </proc/uptime
    NOW=${_up%%.*}
}

# The same, from place to place as it is led. Each place is judged before it is asked: curl itself follows nothing.
# AGAIN says that another try may help.
follow() {
    _way=$1 _url=$2 _file=$3 _hops=0 AGAIN='' WORDS=
    while may_reach "$_url"; do
        uptime
        if [ "$NOW" -ge $UNTIL ]; then
            WORDS="it takes longer than $SECONDS_MOST s"
            return 1
        fi
        _from=
        if [ "$_way" = get ]; then
            rm -f "$_file" "$_file.head"
            # The rest of what is there is asked for at the same place of the way.
            [ "$_hops" != "${BROKE_AT:-none}" ] || { mv -f "$_file.part" "$_file" && _from=$(wc -c <"$_file"); }
        fi
        _told=$(ask_curl)
        _code=$? _status=${_told%% *} _led=${_told#* }
        case $_code:$_status:$_way:${_from:+rest} in
        0:2??:put:)
            WORDS=
            return 0
            ;;
        0:200:get: | 0:203:get: | 0:206:get:rest)
            # Of nothing curl makes no file.
            [ -e "$_file" ] || : >"$_file"
            WORDS="it is larger than $MOST bytes"
            [ "$(wc -c <"$_file")" -gt "$MOST" ] || WORDS=
            [ -z "$WORDS" ]
            return
            ;;
        # That one would not be a put any more.
        0:303:put:) _led= ;;
        esac
        if [ $_code != 0 ]; then
            explain
            return 1
        fi
        if [ -z "$_led" ]; then
            WORDS="$HOST answers with status $_status"
            return 1
        fi
        _url=$_led _hops=$((_hops + 1))
        if [ $_hops -gt 10 ]; then
            WORDS="$HOST leads from place to place without an end"
            return 1
        fi
    done
    return 1
}

# Keep what came before a connection broke off, if the server can be asked for the rest of the very same bytes: by a
# strong ETag (RFC 9110, section 13.1.5). Whoever comes on need not lose patience.
keep_part() {
    BROKE_AT=
    [ "$_way" = get ] && [ -s "$_file" ] || return
    _tag=
    case $_code in
    16 | 18 | 28 | 52 | 55 | 56 | 92)
        _tag=$(sed -n 's/^[Ee][Tt][Aa][Gg]: *\("[!#-~]*"\)[[:space:]]*$/\1/p' "$_file.head" 2>/dev/null | tail -n 1)
        ;;
    esac
    # Of what is being gone on with it is known.
    [ -n "$_tag" ] || [ -z "$_from" ] || _tag=$ETAG
    case $_tag in
    '' | *\\*) return ;;
    esac
    [ "$(wc -c <"$_file")" -le "${_from:-0}" ] || PAUSES='1 3 10'
    ETAG=$_tag BROKE_AT=$_hops
    mv -f "$_file" "$_file.part"
}

# Set WORDS and AGAIN by curl's exit code (curl(1), EXIT CODES) and the status.
explain() {
    uptime
    case $_code in
    5 | 6) WORDS="the name service does not know $HOST" AGAIN=yes ;;
    7) WORDS="$HOST does not answer" AGAIN=yes ;;
    22)
        WORDS="$HOST answers with status $_status"
        case $_status:${_from:+rest} in
        408:* | 425:* | 429:* | 5??:*) AGAIN=yes ;;
        416:rest) AGAIN=yes _from='' ;;
        esac
        ;;
    23)
        WORDS="there is no room for it"
        [ "$(wc -c <"$_file" 2>/dev/null || echo 0)" -le "$MOST" ] || WORDS="it is larger than $MOST bytes"
        ;;
    28)
        WORDS="$HOST is too slow" AGAIN=yes
        [ "$NOW" -lt $UNTIL ] || WORDS="it takes longer than $SECONDS_MOST s"
        ;;
    33) WORDS="$HOST does not give the rest" AGAIN=yes _from='' ;;
    35) WORDS="there is no agreement on TLS with $HOST" AGAIN=yes ;;
    51 | 53 | 58 | 60 | 77 | 82 | 83 | 90 | 91) WORDS="the certificate of $HOST is not one that is trusted here" ;;
    63) WORDS="it is larger than $MOST bytes" ;;
    16 | 18 | 52 | 55 | 56 | 92) WORDS="the connection to $HOST breaks off" AGAIN=yes ;;
    *) WORDS="curl ends with code $_code at $HOST" ;;
    esac
    [ -z "$AGAIN" ] || keep_part
}

# Ask once, and print the status and, after a blank, the URL that is led to.
ask_curl() {
    set -- -q -sS -f -g --proto "=$(printf '%s' "$SCHEMES" | tr ' ' ,)" --connect-timeout 30 --speed-limit 100 \
        --speed-time 120 --max-time $((UNTIL - NOW)) -w '%{http_code} %{redirect_url}' -K -
    [ -z "$TRUST" ] || set -- "$@" --cacert "$TRUST"
    if [ -n "$PROXY" ]; then
        set -- "$@" --proxy "$PROXY"
    else
        # One that is named in the environment would look names up by itself.
        set -- "$@" --noproxy '*'
    fi
    case $_way in
    get) set -- "$@" --max-filesize "$MOST" -D "$_file.head" -o "$_file" ${_from:+-C "$_from"} ;;
    put) set -- "$@" -T "$_file" -o /dev/null ;;
    esac
    {
        printf 'url = "%s"\n' "$(printf '%s\n' "$_url" | sed 's/[\\"]/\\&/g')"
        [ -z "$_from" ] || printf 'header = "If-Range: %s"\n' "$(printf '%s\n' "$ETAG" | sed 's/"/\\"/g')"
        [ -z "$PIN" ] || printf 'resolve = "%s"\n' "$PIN"
    } | (
        ulimit -c 0
        if [ "$_way" = get ] && [ "$MOST" -gt 0 ]; then
            # Not every curl heeds the largest size while bytes come whose number nobody has told.
            trap '' XFSZ
            ulimit -f $((MOST / 512 + 1))
        fi
        exec curl "$@" 2>/dev/null
    )
}

# Tell whether URL $1 may be asked: its scheme and its host. Set HOST, and PIN if curl has to take the addresses that
# were judged and not to look for others.
may_reach() {
    PIN='' HOST='' WORDS="its URL is none that is understood here"
    _scheme=${1%%:*}
    case $_scheme in *[!a-z]* | '') return 1 ;; esac
    case " $SCHEMES " in
    *" $_scheme "*) ;;
    *)
        WORDS="a URL with $_scheme is not used here"
        return 1
        ;;
    esac
    case $1 in "$_scheme"://*) ;; *) return 1 ;; esac
    _rest=${1#*://}
    _place=$(printf '%s\n' "${_rest%%[/?#]*}" | place_of)
    _kind=${_place%% *} _port=${_place##* } HOST=${_place#* }
    HOST=${HOST% *}
    case $_kind in
    named) return 0 ;;
    public) ;;
    closed)
        WORDS="$HOST is none of the hosts that are used here"
        return 1
        ;;
    *)
        HOST=
        return 1
        ;;
    esac
    # With a proxy it is the proxy who looks up names, and who knows what it lets through.
    [ -z "$PROXY" ] || return 0
    _name=${HOST#[}
    _addresses=$(getent ahosts "${_name%]}" | awk '!seen[$1]++ { print $1 }')
    if [ -z "$_addresses" ]; then
        WORDS="the name service does not know $HOST" AGAIN=yes
        return 1
    fi
    PIN=$(printf '%s\n' "$_addresses" | public_ones) || {
        WORDS="$HOST has an address that is not public, and is not named among the hosts that are used here"
        return 1
    }
    case $HOST in
    # What is an address itself is looked up by nobody.
    \[*) PIN= ;;
    *[!0-9.]*) PIN=$HOST:$_port:$PIN ;;
    *) PIN= ;;
    esac
}

# Of the line of a URL between `//` and the path (RFC 3986, section 3.2) print what the host is here (named, public or
# closed), the host and the port. What curl might read in another way is nothing at all.
place_of() {
    awk -v hosts="$HOSTS" -v scheme="$_scheme" '
        {
            for (at = length($0); at > 0; at--) if (substr($0, at, 1) == "@") break
            user = substr($0, 1, at > 0 ? at - 1 : 0)
            host = tolower(substr($0, at + 1))
            if (user ~ "[^A-Za-z0-9._~!$&()*+,;=:%\047-]") exit
            port = scheme == "https" ? 443 : 80
            if (match(host, /:[0-9]*$/)) {
                if (RLENGTH > 6) exit
                if (RLENGTH > 1) port = substr(host, RSTART + 1) + 0
                host = substr(host, 1, RSTART - 1)
            }
            if (host !~ /^\[[0-9a-f:.]+\]$/) {
                if (host !~ /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/ || host ~ /\.\./) exit
                # An address is four plain numbers: there are other ways to write one, and who reads them differs.
                if (host ~ /(^|\.)(0x[0-9a-f]*|[0-9]+)$/) {
                    if (split(host, number, ".") != 4) exit
                    for (each = 1; each <= 4; each++)
                        if (number[each] !~ /^(0|[1-9][0-9]*)$/ || length(number[each]) > 3 || number[each] > 255) exit
                }
            }
            kind = "closed"
            count = split(hosts, known, " ")
            for (each = 1; each <= count; each++) {
                if (known[each] == "*" && kind == "closed") kind = "public"
                else if (known[each] == host) kind = "named"
                else if (substr(known[each], 1, 2) == "*.") {
                    below = substr(known[each], 2)
                    if (length(host) > length(below) && substr(host, length(host) - length(below) + 1) == below)
                        kind = "named"
                }
            }
            print kind, host, port
            exit
        }'
}

# Print the addresses that are read, with commas between; fail unless all of them are public ones (the registries
# of special addresses of IANA, RFC 6890).
public_ones() {
    awk '
        { ok = index($1, ":") ? public6($1) : public4($1); if (!ok) closed = 1; all = all (NR > 1 ? "," : "") $1 }
        END { if (closed || NR == 0) exit 1; print all }
        function public4(address, n) {
            if (split(address, n, ".") != 4) return 0
            if (n[1] == 0 || n[1] == 10 || n[1] == 127 || n[1] >= 224) return 0
            if (n[1] == 100 && n[2] >= 64 && n[2] < 128) return 0
            if (n[1] == 169 && n[2] == 254) return 0
            if (n[1] == 172 && n[2] >= 16 && n[2] < 32) return 0
            if (n[1] == 192 && (n[2] == 168 || (n[2] == 0 && (n[3] == 0 || n[3] == 2)) || (n[2] == 88 && n[3] == 99)))
                return 0
            if (n[1] == 198 && (n[2] == 18 || n[2] == 19 || (n[2] == 51 && n[3] == 100))) return 0
            if (n[1] == 203 && n[2] == 0 && n[3] == 113) return 0
            return 1
        }
        function public6(address, n) {
            split(tolower(address), n, ":")
            # Global addresses begin with 2 or 3, but for those that lead through others.
            if (n[1] !~ /^[23][0-9a-f][0-9a-f][0-9a-f]$/ || n[1] == "2002" || n[1] == "3fff") return 0
            if (n[1] == "2001" && (length(n[2]) < 3 || n[2] ~ /^[01][0-9a-f][0-9a-f]$/ || n[2] == "db8")) return 0
            return address !~ /%/
        }'
}
