# redirect.pl SECONDS ADDRESS PORT OTHER [ADDRESS PORT OTHER ...]
# Sends new connections to PORT of this machine's ADDRESS to the port OTHER, until it is told to end, at most SECONDS.
# Connections that exist stay where they are. The rules are in a table of nftables that belongs to this process: however
# it ends, the kernel removes them (NFT_TABLE_F_OWNER, since Linux 5.12). Needs CAP_NET_ADMIN and the host's network.
# Run by `perl -e`, so that it needs no image of its own. Numbers: linux/netfilter/nf_tables.h, nfnetlink.h, netlink.h.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 inet_pton);

use constant {
    AF_NETLINK => 16, SOCK_RAW => 3, NETLINK_NETFILTER => 12,
    REQUEST => 0x1, ACK => 0x4, EXCL => 0x200, CREATE => 0x400, APPEND => 0x800,
    BATCH_BEGIN => 0x10, BATCH_END => 0x11, NLMSG_ERROR => 2,
    NFTABLES => 10, NEWTABLE => 0, NEWCHAIN => 3, NEWRULE => 6,
    INET => 1, IPV4 => 2, IPV6 => 10, TCP => 6,
    OWNER => 2, PRIORITY => -110, # Docker's own rules are at -100, and the first one that matches counts
    REGISTER => 1, NFPROTO => 15, L4PROTO => 16, NETWORK => 1, TRANSPORT => 2,
    ADDRTYPE => 3, DADDR => 2, LOCAL => 2, DNAT => 1, PORT_GIVEN => 2,
};
my %CHAINS = (prerouting => 0, output => 3); # connections from elsewhere, and of this machine

my ($life, @moves) = @ARGV;
my $table = "videa-$$-" . time;
my $sequence = 0;

sub attribute { my ($type, $data) = @_; my $length = 4 + length $data; return pack('SS', $length, $type) . $data . "\0" x (-$length % 4) }
sub nested { my ($type, @attributes) = @_; return attribute($type | 0x8000, join '', @attributes) }
sub string { return attribute($_[0], "$_[1]\0") }
sub number { return attribute($_[0], pack 'N', $_[1] & 0xffffffff) }

sub message {
    my ($type, $flags, $family, $resource, $payload) = @_;
    my $body = pack('CCn', $family, 0, $resource) . $payload;
    return pack('LSSLL', 16 + length $body, $type, REQUEST | $flags, $sequence++, 0) . $body;
}
sub change { my ($type, $flags, @attributes) = @_; return message(NFTABLES << 8 | $type, ACK | CREATE | $flags, INET, 0, join '', @attributes) }

sub expression { my ($name, @attributes) = @_; return nested(1, string(1, $name), nested(2, @attributes)) }
sub equal { return expression('cmp', number(1, REGISTER), number(2, 0), nested(3, attribute(1, $_[0]))) }
sub meta { return expression('meta', number(2, $_[0]), number(1, REGISTER)) }
sub payload { my ($base, $offset, $length) = @_; return expression('payload', number(1, REGISTER), number(2, $base), number(3, $offset), number(4, $length)) }

# Whether the destination is the address, or for 0.0.0.0 and ::, any of this machine.
sub destination {
    my ($address) = @_;
    my $wide = $address =~ /:/;
    my $packed = inet_pton($wide ? AF_INET6 : AF_INET, $address) // die "redirect: $address is no address\n";
    my $family = meta(NFPROTO) . equal(pack 'C', $wide ? IPV6 : IPV4);
    return $family . ($packed =~ /[^\0]/
        ? payload(NETWORK, $wide ? (24, 16) : (16, 4)) . equal($packed)
        : expression('fib', number(1, REGISTER), number(2, ADDRTYPE), number(3, DADDR)) . equal(pack 'L', LOCAL));
}

sub rule {
    my ($chain, $address, $port, $other) = @_;
    return change(NEWRULE, APPEND, string(1, $table), string(2, $chain), nested(4,
        destination($address),
        meta(L4PROTO), equal(pack 'C', TCP),
        payload(TRANSPORT, 2, 2), equal(pack 'n', $port),
        expression('immediate', number(1, REGISTER), nested(2, attribute(1, pack 'n', $other))),
        expression('nat', number(1, DNAT), number(2, INET), number(5, REGISTER), number(7, PORT_GIVEN)),
    ));
}

my @changes = change(NEWTABLE, EXCL, string(1, $table), number(2, OWNER));
for my $chain (sort keys %CHAINS) {
    push @changes, change(NEWCHAIN, EXCL, string(1, $table), string(3, $chain), string(7, 'nat'),
        nested(4, number(1, $CHAINS{$chain}), number(2, PRIORITY)));
    for (my $at = 0; $at < @moves; $at += 3) {
        push @changes, rule($chain, @moves[$at .. $at + 2]);
    }
}

# Without Docker's userland proxy nobody listens on OTHER: Docker's own rules would lead there, but ours come first.
my %listening;
for my $path (qw(/proc/net/tcp /proc/net/tcp6)) {
    open my $sockets, '<', $path or next;
    while (<$sockets>) {
        my (undef, $local, undef, $state) = split;
        $listening{hex((split /:/, $local)[-1])} = 1 if $state eq '0A';
    }
}
for (my $at = 2; $at < @moves; $at += 3) {
    $listening{$moves[$at]} or die "redirect: the engine runs without its userland proxy\n";
}

socket(my $kernel, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) or die "redirect: no netfilter: $!\n";
my $batch = message(BATCH_BEGIN, 0, 0, NFTABLES, '') . join('', @changes) . message(BATCH_END, 0, 0, NFTABLES, '');
send($kernel, $batch, 0, pack 'SSLL', AF_NETLINK, 0, 0, 0) or die "redirect: $!\n";
for my $acknowledged (1 .. @changes) {
    recv($kernel, my $answer, 65536, 0) // die "redirect: $!\n";
    my ($type, $error) = (unpack('LSSLLl', $answer))[1, 5];
    next if $type != NLMSG_ERROR || !$error;
    $! = -$error;
    die "redirect: the kernel refuses the rules: $!\n";
}

$SIG{$_} = sub { exit 0 } for qw(TERM INT HUP QUIT);
$| = 1;
print "redirecting\n";
sleep $life;
