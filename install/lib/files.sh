# shellcheck shell=bash
# Folders and files: made by rename, remembered in the manifest. Sourced by install.sh.

temporary=''
remembered=() # lines that wait for the manifest's folder

remember() {
    remembered+=("$1")
    [ -d "$root$state" ] || return 0
    printf '%s\n' "${remembered[@]}" >>"$root$manifest" || die "cannot write $root$manifest"
    remembered=()
}

make_folder() { # PATH: with what is missing above it
    [ ! -d "$root$1" ] || return 0
    case $1 in
        /*/*) make_folder "${1%/*}" ;;
    esac
    mkdir -m 0755 "$root$1" || die "cannot make the folder $root$1" "is its file system read-only?"
    remember "dir $1"
}

is_current() { # SOURCE PATH MODE
    local owner=0:0
    is_root || owner=$(id -u):$(id -g)
    [ -f "$root$2" ] && [ ! -L "$root$2" ] && cmp -s -- "$1" "$root$2" &&
        [ "$(stat -c '%a %u:%g' "$root$2")" = "$3 $owner" ]
}

# A copy beside the place where it goes, so that a rename puts it there: a binary that runs is never written to.
prepare_file() { # SOURCE PATH MODE
    make_folder "${2%/*}"
    temporary=$(mktemp "$root${2%/*}/.${2##*/}.XXXXXX") || die "cannot write to $root${2%/*}" \
        "is its file system read-only?"
    cp -- "$1" "$temporary" || die "cannot write $temporary" "is the disk full?"
    chmod "$3" "$temporary" || die "cannot set the mode of $temporary"
    if is_root; then chown root:root "$temporary" || die "cannot make root the owner of $temporary"; fi
    sync "$temporary" 2>/dev/null || true
}

commit_file() { # PATH
    mv -fT -- "$temporary" "$root$1" || die "cannot replace $root$1"
    temporary=''
}

# Started as libvirt starts it: nearly no environment, in /. The name says whether it is called as the hook.
start_bare() { # NAME BINARY [ARGUMENT]...
    # shellcheck disable=SC2016 # the inner shell expands it
    (cd / && timeout 20 env -i LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        bash -c 'name=$1; shift; exec -a "$name" "$@"' start "$@" </dev/null)
}

must_run() { # BINARY
    local output refused="with it libvirt could start no guest; nothing was replaced"
    output=$(start_bare "$binary" "$1" --version 2>&1) ||
        die "$tree$binary does not run here: ${output:-no output}" "$refused"
    version=${output%%$'\n'*}
    [[ $version == qemu-hook* ]] || die "$tree$binary is not qemu-hook: $version" "nothing was replaced"
    output=$(start_bare "$place" "$1" "$probe" started begin - 2>&1) ||
        die "$tree$binary fails as a hook: ${output:-no output}" "$refused"
    [ -z "$output" ] || die "$tree$binary prints something when it is called as a hook: $output" "nothing was replaced"
}

install_binary() {
    if is_current "$tree$binary" "$binary" 755; then
        must_run "$root$binary"
        return
    fi
    prepare_file "$tree$binary" "$binary" 755
    must_run "$temporary"
    commit_file "$binary"
    did "installed $root$binary ($version)"
}

checksum() { sha256sum <"$1" | cut -d' ' -f1; }

install_conf() { # PATH
    local from=$tree$1
    if [ ! -e "$root$1" ] && [ ! -L "$root$1" ]; then
        prepare_file "$from" "$1" 644
        commit_file "$1"
        remember "file $(checksum "$from") $1"
        did "installed $root$1"
    elif ! cmp -s "$from" "$root$1"; then
        note "$root$1 differs from the shipped one and stays as it is"
    fi
}

install_file() { # PATH
    local mode=644
    [ ! -x "$tree$1" ] || mode=755
    grep -qsxF -- "own $1" "$root$manifest" || remember "own $1"
    ! is_current "$tree$1" "$1" $mode || return 0
    prepare_file "$tree$1" "$1" $mode
    commit_file "$1"
    did "installed $root$1"
}

# Whatever the build installs besides the binary.
install_rest() {
    local file files
    mapfile -t files < <(find "$tree" -type f -printf '/%P\n' | sort)
    for file in "${files[@]}"; do
        case $file in
            "$binary") ;;
            "$conf"/*) install_conf "$file" ;;
            *) install_file "$file" ;;
        esac
    done
}

# journald looks things up in a database that is made from all programs' catalogs.
update_catalog() {
    [ -z "$root" ] && [ "$staging" = no ] && [ "$changed" = yes ] && command -v journalctl >/dev/null || return 0
    journalctl --update-catalog || note "journalctl --update-catalog failed: the log's lines will have no explanations"
}
