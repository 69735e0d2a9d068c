# Tell what Slurm says of the jobs of parts, in one call of squeue and at most one of sacct, and what is recorded
# of their tasks. The order matters: what Slurm says is older than the records, so that of a job that had ended
# for Slurm the records are the last ones.

main() {
    cd "$BASE" || exit 3
    [ -z "$FRESH" ] || parts
    SAY=wanted
    { parts && queue || echo unanswered; } | look_up || exit 5
    printf 'now\t%s\n' "$(date +%s)"
    echo .
}

# A part: its key, Slurm's id of its job, the index of its first task, how many it has, and those asked for.
part() {
    if [ -n "$SAY" ]; then
        echo "$SAY" "$@"
        return
    fi
    # To list a directory anew makes a shared file system look for what was written elsewhere.
    _part=parts/$1
    shift 4
    for _index; do
        for _ in "$_part/tasks/$_index"/*; do :; done
    done
}

queue() {
    within "$COMMAND_SECONDS" squeue -h -r -t all -u "$ACCOUNT" -O \
        'ArrayJobID:20,ArrayTaskID:20,Name:80,State:24,RestartCnt:12,StartTime:24,EndTime:24,exit_code:12,NodeList:80,Reason:120'
}

# Of the parts and squeue's rows that are read: print the rows of wanted jobs, what is recorded of the tasks that have
# begun for all that Slurm says, and the rows of sacct for the jobs that it alone can tell more about. awk(1) opens the
# records, because a shell reads them byte by byte.
look_up() {
    _books="timeout -k 2 $COMMAND_SECONDS sacct -n -P -X -D -u $ACCOUNT -S now-60days"
    _books="$_books -o JobID,State,Start,End,ExitCode,NodeList,JobName"
    [ "$ACCOUNTING" != no ] || _books=
    awk -v stuck_before="$STUCK_BEFORE" -v books="$_books" '
        $1 == "wanted" {
            key[++parts] = $2
            wanted[$3] = job[parts] = $3
            for (field = 6; field <= NF; field++) {
                index_of[parts, ++tasks[parts]] = $field
                element[parts, tasks[parts]] = $5 == 1 ? "N/A" : $field - $4
            }
            next
        }
        $0 == "unanswered" { exit unanswered = 1 }
        {
            id = column(1, 20)
            if (!(id in wanted)) next
            task = id " " column(21, 20)
            state[task] = column(121, 24)
            ended = column(181, 24)
            # Only sacct tells who cancelled a job, and how a job ended whose node takes long to be cleared up.
            unclear[task] = state[task] == "CANCELLED" || (state[task] == "COMPLETING" && ended < stuck_before)
            print "q\t" id "\t" column(21, 20) "\t" column(41, 80) "\t" state[task] "\t" column(145, 12) "\t" \
                column(157, 24) "\t" ended "\t" column(205, 12) "\t" column(217, 80) "\t" column(297, 120)
        }
        END {
            if (unanswered) exit 1
            for (part = 1; part <= parts; part++) {
                directory = "parts/" key[part]
                if (!is_there(directory "/handle")) {
                    print "gone\t" key[part]
                    continue
                }
                print "part\t" key[part]
                for (each = 1; each <= tasks[part]; each++) {
                    task = job[part] " " element[part, each]
                    ending = ""
                    if (state[task] != "PENDING")
                        record(directory "/tasks/" index_of[part, each], index_of[part, each])
                    if (state[task] != "" && (!unclear[task] || (state[task] == "CANCELLED" && ending == "cancel")))
                        continue
                    if (!(job[part] in needed)) {
                        needed[job[part]] = 1
                        ids = ids (ids == "" ? "" : ",") job[part]
                    }
                }
            }
            if (ids != "" && books != "") open_books(books " -j " ids)
        }
        # Print the attempt, the reason to end, how the task began, and how it ended.
        function record(directory, number, attempt) {
            attempt = first_line(directory "/attempt")
            ending = first_line(directory "/ending")
            if (attempt != "")
                print "t\t" number "\t" attempt "\t" ending "\t" first_line(directory "/start") "\t" \
                    first_line(directory "/end")
            else
                print "t\t" number "\t\t" ending "\t\t"
        }
        function open_books(command, line, last) {
            command = command " 2>&1 || echo closed"
            while ((command | getline line) > 0) {
                gsub(/\t/, " ", line)
                if (line == "closed") print "closed\t" last
                else print "a\t" line
                last = line
            }
            close(command)
        }
        function first_line(file, line) {
            line = ""
            getline line < file
            close(file)
            gsub(/\t/, " ", line)
            return line
        }
        function is_there(file, line, answer) {
            answer = (getline line < file) >= 0
            close(file)
            return answer
        }
        function column(from, width, text) {
            text = substr($0, from, width)
            gsub(/^ +| +$|\t/, "", text)
            return text
        }'
}
