# shellcheck shell=bash
# A program that has a device open.

# hold NODE: a sleep does, from now on; sets $holder to its process.
hold() {
    sleep infinity 9<"$1" &
    holder=$!
    wait_until 20 "the holder of $1" is_sleep "$holder"
}

# is_sleep PROCESS: it is not the shell any more that has opened the files and is about to run it.
is_sleep() { [ "$(<"/proc/$1/comm")" = sleep ]; }

# let_go: it ends, and nobody sees it any more.
let_go() {
    kill "$holder"
    wait "$holder" || true # the signal that ended it
    holder=''
}
