# shellcheck shell=bash source=../lib.sh
# A user without any rights takes every lock that he can get below the hook's folder, before and while guests start, run and end: nothing is
# long
# refused, nothing waits, everything comes back. A folder that an older version left open to all is closed.
# limit: 600
. ./lib.sh
before=$(host_state)
define_guest one managed=no "$nic"
define_guest two managed=yes "$edu"

cat >locker.pl <<'END'
# Opens the folder and each file in it as soon as that works, takes a lock (flock, then fcntl), and keeps it.
use strict;
use Fcntl qw(:flock F_SETLK F_RDLCK F_WRLCK);
my ($folder, $kind) = @ARGV;
my $exclusive = $kind eq 'exclusive';
my %held;
$| = 1;
while (1) {
    for my $path ($folder, glob("$folder/* $folder/.[!.]*")) {
        my $inode = (stat $path)[1] // next;
        next if $held{$inode};
        my $file;
        sysopen($file, $path, 2) || sysopen($file, $path, 0) || next;
        my $flock = flock($file, ($exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) ? 'flock' : 'no flock';
        my $wanted = pack('ssx4qqix4', $exclusive ? F_WRLCK : F_RDLCK, 0, 0, 0, 0);
        my $fcntl = fcntl($file, F_SETLK, $wanted) ? 'fcntl' : 'no fcntl';
        print "locked $path: $flock, $fcntl\n";
        $held{$inode} = $file;
    }
    print "round\n";
    select(undef, undef, undef, 0.1);
}
END
chmod 0755 "$scratch"

# lock_all KIND: somebody does, from now on, for whatever he can open.
lock_all() {
    setpriv --reuid=nobody --regid=nogroup --clear-groups perl locker.pl "$run_folder" "$1" >locked 2>&1 &
    locker=$!
    a_round_later
}
a_round_later() {
    local rounds
    rounds=$(grep --count round locked || true)
    wait_until 30 "the locker's next round" eval "[ \"\$(grep --count round locked || true)\" -gt $((rounds + 1)) ]"
    kill -0 "$locker" || fail "the locker has ended: $(<locked)"
}
unlock_all() {
    kill "$locker"
    wait "$locker" || true
    grep locked locked || echo "nothing could be locked"
}

# One after the other, with all that a guest's life needs; the second one waits for nobody.
live() {
    start_guest one
    a_round_later
    expect_driver vfio-pci "$nic"
    start_guest two
    a_round_later
    destroy_guest one
    destroy_guest two
    expect_same_state "$before"
    expect_no_match "the log" 'is locked by another' "$(hook_news)"
}

step "the folder is there already"
start_guest one
destroy_guest one
expect_same_state "$before"
hook_news >/dev/null

for kind in exclusive shared; do
    step "locks: $kind"
    lock_all "$kind"
    live
    unlock_all
done

step "the folder is not there yet"
rm -r "$run_folder"
lock_all exclusive
live
unlock_all

step "an older version has left its folder and a running guest's journal open to all"
start_guest one
chmod 0755 "$run_folder"
chmod 0644 "$run_folder/one.journal"
start_guest two # whatever it does first
expect_eq "the folder's mode" 700 "$(stat --format=%a "$run_folder")"
lock_all exclusive
destroy_guest two
destroy_guest one
expect_same_state "$before"
start_guest one
expect_eq "the journal's mode" 600 "$(stat --format=%a "$run_folder/one.journal")"
destroy_guest one
expect_same_state "$before"
unlock_all
