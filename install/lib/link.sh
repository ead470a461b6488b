# shellcheck shell=bash
# The link that makes the binary libvirt's hook, beside a hook of somebody else if there is one. Sourced by install.sh and by packaged.

is_our_binary() { # FILE: a copy of qemu-hook that somebody put there by hand
    [ -f "$1" ] || return 1
    cmp -s -- "$1" "$root$binary" && return
    [ "$(head -c 4 "$1" | tr -d '\0')" = $'\177ELF' ] && grep -qa QEMU_HOOK_ROOT "$1"
}

standing() { # PATH -> absent, right (the link that we make), ours (qemu-hook in another way), foreign
    local file=$root$1 target
    if [ -L "$file" ]; then
        target=$(readlink "$file")
        case $target in
            "$binary") say right ;;
            /usr/bin/qemu-hook) say ours ;;
            *) if [ "$file" -ef "$root$binary" ]; then say ours; else say foreign; fi ;;
        esac
    elif [ ! -e "$file" ]; then
        say absent
    elif is_our_binary "$file"; then
        say ours
    else
        say foreign
    fi
}

is_installed() {
    [ -e "$root$manifest" ] || [ -e "$root$binary" ] || [[ $(standing "$main_link") == @(right|ours) ]] ||
        [[ $(standing "$extra_link") == @(right|ours) ]]
}

libvirt_version() {
    local program
    for program in libvirtd virtqemud virsh; do
        command -v $program >/dev/null || continue
        $program --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1 && return
    done
}

need_extra_folder() {
    local found=''
    [ "$staging" = yes ] || found=$(libvirt_version) || true
    if [ -z "$found" ]; then
        note "libvirt's version is unknown; libvirt before 6.5 calls nothing in $extra_folder"
    elif ! printf '6.5.0\n%s\n' "$found" | sort -VC; then
        die "$root$main_link is another hook, and libvirt $found calls only that one (since 6.5 also $extra_folder)" \
            "move it away (mv $main_link $main_link.old) and run this again, or update libvirt"
    fi
}

# Where the hook goes. Another hook stays where it is.
choose_place() {
    place=$main_link
    [ "$(standing "$main_link")" = foreign ] || return 0
    place=$extra_link
    need_extra_folder
    [ "$(standing "$extra_link")" != foreign ] || die "$root$extra_link is not qemu-hook's" "move it away"
    note "$root$main_link is another hook and stays; libvirt calls both." \
        "If it also detaches devices, remove that part from it."
}

put_link() { # PATH, replacing nothing or something of ours
    make_folder "${1%/*}"
    temporary=$root$hooks/.qemu-hook.$$ # never in qemu.d or daemon.d: libvirt would call it there
    ln -s "$binary" "$temporary" || die "cannot make a link in $root$hooks"
    mv -fT -- "$temporary" "$root$1" || die "cannot make the link $root$1"
    temporary=''
    did "linked $root$1 -> $binary"
}

# At no moment are both links there: the hook would run twice.
install_link() {
    local extra
    extra=$(standing "$extra_link")
    if [ "$place" = "$main_link" ] && [[ $extra == @(right|ours) ]]; then
        if [ "$(standing "$main_link")" = absent ]; then
            mv -fT -- "$root$extra_link" "$root$main_link" || die "cannot move $root$extra_link to $root$main_link"
            did "moved $root$extra_link to $root$main_link: the other hook is gone"
        else
            rm -f -- "$root$extra_link" || die "cannot remove $root$extra_link"
            did "removed $root$extra_link: $root$main_link is the hook"
        fi
    fi
    [ "$(standing "$place")" = right ] || put_link "$place"
    case $(standing "$daemon_link") in
        right) ;;
        foreign) note "$root$daemon_link is not qemu-hook's and stays." \
            "What a daemon that is killed leaves over is then not undone when the next one starts." ;;
        *) put_link "$daemon_link" ;;
    esac
}
