# shellcheck shell=bash
# The cached images: one folder a recipe, named by the recipe's hash.

# recipe_of SUITE: sets $recipe to the files that its image is made from. Of two with the same name the later one continues
# the earlier one.
recipe_of() {
    recipe=("$vm_home"/image/*)
    ! has_desktops "$1" || recipe+=("$vm_home"/image-desktop/*)
    [[ $1 != *-desktop-all ]] || recipe+=("$vm_home"/image-desktop-all/*)
    [[ $1 != *-modular ]] || recipe+=("$vm_home"/image-modular/*)
    [[ $1 != *-selinux ]] || recipe+=("$vm_home"/image-selinux/* "$checkout/tests/data/selinux/fedora.cil")
    [[ $1 != *-openrc ]] || recipe+=("$vm_home"/image-openrc/*)
    [[ $1 != *-simpledrm ]] || recipe+=("$vm_home"/image-simpledrm/*)
    [[ $1 != sid* ]] || recipe+=("$vm_home"/image-sid/*)
}

# image_of SUITE: the folder of its image, there or not.
image_of() {
    local key recipe
    recipe_of "$1"
    key=$(cat "${recipe[@]}" | sha256sum | cut -c1-16)
    printf '%s/images/%s-%s\n' "$vm_data" "$1" "$key"
}

ensure_image() {
    local suite=$1 image lock
    image=$(image_of "$suite")
    [ ! -e "$image/root.img" ] || return 0
    need mmdebstrap=mmdebstrap mke2fs=e2fsprogs
    [ "$(id -u)" -eq 0 ] || need newuidmap=uidmap

    mkdir -p "$image"
    exec {lock}>"$vm_data/images/$suite.lock"
    flock "$lock" # another run may just be building the same
    [ -e "$image/root.img" ] || timed "building the $suite image (once)" build_image "$suite" "$image"
    exec {lock}>&-
    drop_old_images "$suite" "$image"
}

build_image() {
    local suite=$1 image=$2 recipe file
    recipe_of "$suite"
    rm -rf --one-file-system "$image/recipe"
    mkdir "$image/recipe"
    for file in "${recipe[@]}"; do
        [ -e "$image/recipe/${file##*/}" ] || install -m "$(stat -c %a "$file")" /dev/null "$image/recipe/${file##*/}"
        cat "$file" >>"$image/recipe/${file##*/}"
    done
    if ! "$image/recipe/build" "${suite%%-*}" "$image" >"$image/log" 2>&1 </dev/null; then
        tail -n 30 "$image/log" >&2
        return 1
    fi
}

# Images of older recipes; one that a machine still runs from lives on until that machine ends.
drop_old_images() {
    local suite=$1 keep=$2 image
    for image in "$vm_data/images/$suite"-????????????????; do
        [ "$image" = "$keep" ] || rm -rf --one-file-system "$image"
    done
}
