#!/usr/bin/perl
# edge.pl SOCKET   runs commands in this container for the second nginx, which has checked who asks (edge.conf).
# A request's body: the number of environment entries, the entries, and the command's arguments, separated by NUL.
# The answer: X-Exit-Code, and stdout with stderr as the body.
use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Socket qw(SOCK_STREAM);

use constant {
    LARGEST => 4 * 1024 * 1024, # bytes of a request, as in edge.conf
    LONGEST => 110,             # seconds of a command, less than proxy_read_timeout in edge.conf
};

my ($path) = @ARGV;
unlink $path;
umask 0077;
my $server = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $path, Listen => 64) or die "edge: $path: $!\n";
$SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0 };
$SIG{PIPE} = 'IGNORE';
while (1) {
    my $client = $server->accept or next; # interrupted by the end of a child
    my $child = fork;
    if (defined $child && !$child) {
        close $server;
        serve($client);
        POSIX::_exit(0);
    }
    close $client;
}

sub serve {
    my ($client) = @_;
    $SIG{CHLD} = 'DEFAULT';
    binmode $client;
    my $length = 0;
    while (defined(my $line = <$client>)) {
        last if $line =~ /^\r?\n$/;
        $length = $1 if $line =~ /^Content-Length:\s*(\d+)/i;
    }
    return answer($client, 413, 0, '') if $length > LARGEST;
    my $body = '';
    while (length $body < $length) {
        read($client, $body, $length - length $body, length $body) or return;
    }
    my ($entries, @words) = split /\0/, $body, -1;
    return answer($client, 400, 0, '') if !defined $entries || $entries !~ /^\d+$/ || $entries >= @words;
    for my $entry (splice @words, 0, $entries) {
        my ($name, $value) = split /=/, $entry, 2;
        $ENV{$name} = $value;
    }
    # As with the engine's exec, the output ends with the last process that has it, and may have been started by the command.
    my $running = open my $output, '-|';
    return answer($client, 500, 0, "fork: $!") if !defined $running;
    if (!$running) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        alarm LONGEST;
        no warnings 'exec';
        exec { $words[0] } @words or print STDERR "$words[0]: $!\n";
        POSIX::_exit(127);
    }
    local $/;
    my $text = <$output> // '';
    close $output;
    answer($client, 200, $? & 127 ? 128 + ($? & 127) : $? >> 8, $text);
}

sub answer {
    my ($client, $status, $code, $text) = @_;
    print $client "HTTP/1.0 $status videa\r\nX-Exit-Code: $code\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
    $client->flush;
}
