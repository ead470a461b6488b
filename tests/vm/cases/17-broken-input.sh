# shellcheck shell=bash source=../lib.sh
# What is no domain XML is refused with one line, and changes nothing.
. ./lib.sh
before=$(host_state)
mkdir -p "$run_folder"
files() { find /etc/libvirt/qemu-hook "$run_folder" -printf '%p %i %T@ %C@\n' | sort; }
files_before=$(files)

refused() { # WHAT <INPUT
    local status=0
    "$hook" win10 prepare begin - >out 2>err || status=$?
    echo "$1: $(<err)"
    expect_eq "exit status for $1" 1 "$status"
    expect_eq "stdout for $1" '' "$(<out)"
    expect_eq "lines on stderr for $1" 1 "$(wc -l <err)"
}

printf broken | refused "no XML"
: | refused "nothing"
guest_xml win10 "$nic" >xml
head -c $(($(stat -c %s xml) / 2)) xml | refused "half a document"
sed "s/bus='0x02'/bus='0x1ff'/" xml | refused "a bus out of range"

expect_eq "the hook's files" "$files_before" "$(files)"
expect_same_state "$before"
