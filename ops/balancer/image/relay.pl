#!/usr/bin/perl
# relay.pl COMMAND...   runs COMMAND and passes its stdout and stderr on, without ever making it wait.
# A full pipe stops nginx's workers, and with them all requests. This always reads theirs: what Docker does not take at once
# is kept in memory, and beyond CAPACITY it is dropped. A line in its place says how much (ops/balancer/access_log.py).
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use POSIX qw(WNOHANG);

use constant {
    CAPACITY => 4 * 1024 * 1024, # bytes of each stream, and half of it must be free again before lines are kept again
    GRACE    => 2,               # seconds, after the command has ended, for what is still to be written
    PIPE     => 1024 * 1024,     # bytes: what comes within PAUSE must fit, or the command would wait
    PAUSE    => 0.05,            # seconds between two reads: the less often, the less it costs
    F_SETPIPE_SZ => 1031,
};

my @streams = (
    { to => \*STDOUT, notice => qq({"time":%2\$d,"level":"warning","message":"log lines dropped","dropped":%1\$d}\n) },
    { to => \*STDERR, notice => qq([warn] videa: %1\$d log lines dropped\n) },
);
my $pause = PAUSE;
for my $stream (@streams) {
    pipe $stream->{from}, $stream->{given} or die "relay: pipe: $!\n";
    $pause = 0 if !fcntl $stream->{from}, F_SETPIPE_SZ, PIPE;
    @$stream{qw(rest kept dropped)} = ('', '', 0);
}

my $child = fork // die "relay: fork: $!\n";
if (!$child) {
    no warnings 'exec';
    POSIX::dup2(fileno $_->{given}, fileno $_->{to}) for @streams;
    exec { $ARGV[0] } @ARGV or die "relay: $ARGV[0]: $!\n";
}
for my $name (qw(HUP INT QUIT TERM USR1 USR2 WINCH)) {
    $SIG{$name} = sub { kill $name, $child };
}
$SIG{CHLD} = sub { };
$SIG{PIPE} = 'IGNORE';
for my $stream (@streams) {
    close $stream->{given};
    fcntl $stream->{to}, F_SETFL, fcntl($stream->{to}, F_GETFL, 0) | O_NONBLOCK;
}

# Takes what the command has written: complete lines are kept, or dropped.
my $read = '';
sub take {
    my ($stream) = @_;
    my $count = sysread $stream->{from}, $read, PIPE;
    return if !defined $count;
    my $end = $count ? 1 + rindex $read, "\n" : 0;
    my $lines = substr $read, 0, $end;
    ($lines, $stream->{rest}) = ($stream->{rest} . $lines, '') if $end || !$count;
    $stream->{rest} .= substr $read, $end;
    if ($stream->{dropped} || length($stream->{kept}) + length($lines) > CAPACITY) {
        $stream->{dropped} += $lines =~ tr/\n//;
    } else {
        $stream->{kept} .= $lines;
    }
    delete $stream->{from} if !$count;
}

# Writes what Docker takes now.
sub give {
    my ($stream) = @_;
    my $count = syswrite $stream->{to}, $stream->{kept};
    if (defined $count) {
        substr $stream->{kept}, 0, $count, '';
    } elsif ($! != EAGAIN && $! != EINTR) {
        $stream->{kept} = ''; # nobody will read it
    }
    if ($stream->{dropped} && length $stream->{kept} < CAPACITY / 2) {
        $stream->{kept} .= sprintf $stream->{notice}, $stream->{dropped}, time;
        $stream->{dropped} = 0;
    }
}

my ($status, $deadline);
while (1) {
    while ((my $ended = waitpid -1, WNOHANG) > 0) {
        ($status, $deadline) = ($?, time + GRACE) if $ended == $child;
    }
    my @reading = grep { $_->{from} } @streams;
    my @writing = grep { length $_->{kept} } @streams;
    last if defined $status && (time > $deadline || !@reading && !@writing);
    my ($readable, $writable) = ('', '');
    vec($readable, fileno $_->{from}, 1) = 1 for @reading;
    vec($writable, fileno $_->{to},   1) = 1 for @writing;
    # Not for ever: a signal just before would be handled only after it.
    next if select($readable, $writable, undef, 0.5) <= 0;
    take($_) for grep { vec $readable, fileno $_->{from}, 1 } @reading;
    give($_) for grep { length $_->{kept} } @streams;
    select undef, undef, undef, $pause if !defined $status && !grep { length $_->{kept} } @streams;
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
