# Run a task's script, copy its logs, and record its end. What slurm/task.sh does by several processes, this does by
# one, which is what a short task costs most. In the working directory are the task's script and records.
my ($shell, $watcher, $base, $key, $index, $grace, $wall, $time, $up, @granted) = @ARGV;
my @log = ("stdout", "stderr");
my (@from, @to, @into);
my $asked = 0;
$SIG{TERM} = sub { $asked ||= 1 };
$SIG{CHLD} = sub { };

sub elapsed {
    open my $file, "<", "/proc/uptime" or return 0;
    my ($now) = split / /, scalar <$file>;
    return $now - $up;
}

sub first_line {
    open my $file, "<", $_[0] or return "";
    my $line = <$file>;
    return "" unless defined $line;
    chomp $line;
    return $line;
}

# Into the space that is there, if there is any.
sub write_line {
    my $file;
    open $file, "+<", $_[0] or open $file, ">", $_[0] or return 0;
    print $file $_[1] or return 0;
    return close $file;
}

# Write into a log, whatever signal (4 is EINTR) comes between. No part of a log is the log: one that a full disk cuts loses its name, and the command goes on.
sub keep {
    my ($each, $bytes) = @_;
    while ($into[$each] && length $bytes) {
        my $count = syswrite $into[$each], $bytes;
        if (defined $count) {
            substr($bytes, 0, $count) = "";
        } elsif ($! != 4) {
            close $into[$each];
            $into[$each] = undef;
            rename $log[$each], "$log[$each].cut";
        }
    }
}

# The watcher finds all processes of a task, also in containers, and is beyond the signals that Slurm sends to them.
sub call_watcher {
    my $pid = fork;
    return unless defined $pid && !$pid;
    $SIG{TERM} = "IGNORE";
    exec { $shell } $shell, $watcher, @_;
    exit 127;
}

mkdir $_ or exit 73 for "work", "tmp";
for (0, 1) {
    pipe $from[$_], $to[$_] or exit 1;
    open $into[$_], ">", $log[$_] or exit 73;
}
my $pid = fork;
exit 1 unless defined $pid;
if (!$pid) {
    setpgrp;
    $SIG{$_} = "DEFAULT" for grep { !/^(__|NUM|RT|KILL|STOP)/ } keys %SIG;
    open STDIN, "<", "/dev/null";
    open STDOUT, ">&", $to[0];
    open STDERR, ">&", $to[1];
    %ENV = map { split /=/, $_, 2 } @granted;
    exec { $shell } $shell, "./run", $time;
    exit 127;
}
close $_ for @to;

my ($status, $ended, $patience);
my @open = (0, 1);
my $nap = 0.01;
while (@open || !defined $status) {
    if ($asked == 1) {
        $asked = 2;
        # Slurm counts from before this began.
        my $word = $wall && elapsed() + 10 >= $wall ? "wall-time" : "slurm";
        # The first reason to end a task is the one that counts.
        link "ending.slurm", "ending" if write_line("ending.slurm", "$word\n");
        call_watcher("end", $base, $key, $index, $grace);
    }
    if (!defined $status && waitpid($pid, 1) == $pid) {
        $status = $?;
        $ended = elapsed();
        # Whoever is still in the group goes, and then the logs are complete, unless somebody else has left it.
        kill "KILL", -$pid;
        $patience = 100;
    }
    if (defined $status) {
        last unless @open;
        call_watcher("leftovers", $base, $key, $index) if $patience-- == 95;
        last if $patience < 0;
    }
    my $bits = "";
    vec($bits, fileno $from[$_], 1) = 1 for @open;
    # A signal may come just before: so nothing is waited for without an end, and not long for a command that has
    # closed its logs, which most do by ending.
    $nap = defined $status ? 0.02 : @open || $nap >= 1 ? 1 : 2 * $nap;
    next unless select($bits, undef, undef, $nap) > 0;
    for my $each (@open) {
        next unless vec($bits, fileno $from[$each], 1);
        my $count = sysread $from[$each], my $bytes, 65536;
        next unless defined $count;
        if ($count) {
            keep($each, $bytes);
        } else {
            close $from[$each];
        }
    }
    @open = grep { defined fileno $from[$_] } @open;
}

my ($how, $number) = $status & 127 ? ("signal", $status & 127) : ("exit", $status >> 8);
my $stage = first_line("stage") || "starting";
my $ending = -e "ending" ? first_line("ending") || "cancel" : "-";
my $line = sprintf "%s %d %.6f %s %s %s\n", $how, $number, $time + $ended, $stage, $ending, first_line("words");
# A full disk, perhaps: the end of a task must not get lost.
until (write_line("end.new", $line) && rename "end.new", "end") {
    last unless -e "run";
    sleep 1;
}
exit($how eq "exit" ? $number : 128 + $number);
