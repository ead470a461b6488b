# shellcheck shell=bash
# Removes what was installed, and nothing else. Sourced by install.sh and by packaged.

guests_with_devices() {
    local journal name
    for journal in "$root$run"/*.journal; do
        [ -e "$journal" ] || continue
        name=${journal##*/}
        name=${name%.journal}
        printf '%b\n' "${name//%/\\x}" # as the hook encodes it
    done
}

refuse_while_in_use() { # [ANOTHER-WAY]
    local guests
    guests=$(guests_with_devices)
    [ -z "$guests" ] || die "these guests still have devices of the host: ${guests//$'\n'/, }" \
        "shut them down first (if one is not running: qemu-hook --reattach GUEST)" "$@"
}

remove() { # PATH
    rm -f -- "$root$1" || die "cannot remove $root$1"
    did "removed $root$1"
}

remove_links() {
    local link
    for link in "$main_link" "$extra_link" "$daemon_link"; do
        case $(standing "$link") in
            right | ours) remove "$link" ;;
        esac
    done
    [ -f "$root$manifest" ] || remove_folder "${daemon_link%/*}" # else it says whether we made that
}

# Unchanged: as it was installed, which an older version may have done, or as it is shipped now. One that was there
# before the installation is not ours.
is_unchanged() { # PATH
    [ -f "$root$1" ] || return 1
    if [ -f "$root$manifest" ]; then
        grep -qFx -- "file $(checksum "$root$1") $1" "$root$manifest"
    else
        cmp -s "$checkout/etc-libvirt/${1#/etc/libvirt/}" "$root$1"
    fi
}

# Besides the binary. Without a manifest: what bears the program's name where the build's rules put such files.
installed_files() {
    local file
    if [ -f "$root$manifest" ]; then
        sed -n 's/^own //p' "$root$manifest"
        return
    fi
    for file in "$root"/usr/share/{,doc/}qemu-hook/* "$root"/usr/share/*/*/{,_}qemu-hook{,.fish,.8,.toml.5} \
        "$root"/usr/lib/systemd/catalog/qemu-hook.catalog; do
        [ ! -f "$file" ] || say "${file#"$root"}"
    done
}

remove_files() {
    local file files
    mapfile -t files < <(installed_files)
    for file in "${files[@]}"; do
        if [ -e "$root$file" ] || [ -L "$root$file" ]; then remove "$file"; fi
        [ -f "$root$manifest" ] || # and the folders that are empty then, up to /usr
            (cd "$root/usr" && file=${file#/usr/} && rmdir -p --ignore-fail-on-non-empty -- "${file%/*}")
    done
}

remove_confs() {
    local conf_file
    if [ "$purge" = yes ] && [ -d "$root$conf" ]; then
        rm -rf -- "$root$conf" || die "cannot remove $root$conf"
        did "removed $root$conf"
    fi
    for conf_file in "${shipped[@]}"; do
        if is_unchanged "$conf_file"; then remove "$conf_file"; fi
    done
    remove_folder "$conf/guests"
    remove_folder "$conf"
}

# What --setup made of `reserve` in the guests' confs. From the next boot on the host's desktops have the cards again.
remove_udev_rules() {
    local rules=/etc/udev/rules.d/72-qemu-hook.rules
    head -n 1 "$root$rules" 2>/dev/null | grep -q '^# Written by qemu-hook:' || return 0
    remove "$rules"
    [ -n "$root" ] || udevadm control --reload 2>/dev/null || true
}

kept_confs() { (cd "$root$conf" && find . ! -type d -printf ' %P'); }

remove_folder() { # PATH, if it is empty
    rmdir -- "$root$1" 2>/dev/null || true
}

# A journal is what is left to give devices back by, so with --force it stays.
remove_run_folder() {
    [ -d "$root$run" ] || return 0
    find "$root$run" -maxdepth 1 -type f ! -name '*.journal' -delete || true
    remove_folder "$run"
}

# The folders that were made, the deepest first, if nothing else has moved in; the manifest goes before its folder.
remove_folders() {
    local made=() i
    if [ -f "$root$manifest" ]; then
        mapfile -t made < <(sed -n 's/^dir //p' "$root$manifest")
        remove "$manifest"
    fi
    remove_folder "$state"
    for ((i = ${#made[@]} - 1; i >= 0; i--)); do remove_folder "${made[i]}"; done
}

take_out() {
    remove_links
    unload_policy
    if [ -e "$root$binary" ] || [ -L "$root$binary" ]; then remove "$binary"; fi
    remove_files
    update_catalog
    remove_udev_rules
    remove_confs
    remove_run_folder
    remove_folders
    [ ! -d "$root$conf" ] || note "kept $root$conf:$(kept_confs) (--uninstall --purge removes them)"
}

uninstall_all() {
    [ "$force" = yes ] || refuse_while_in_use "or use --force: then nothing gives the devices back"
    if is_installed || [ "$purge" = yes ]; then take_out; fi
    [ "$changed" = yes ] || say "nothing to remove: qemu-hook is not installed"
}
