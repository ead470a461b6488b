# shellcheck shell=bash
# What a person at the boot display sees. The machine outside takes the picture (host/screen.sh).

# picture NAME: one more PNG among the run's logs, called CASE-NAME.png; the same as /mnt/vm/picture.ppm.
picture() {
    rm -f /mnt/vm/picture.ppm
    printf '%s\n' "$(basename "$0" .sh)-$1" >/mnt/vm/wanted-picture.new
    mv /mnt/vm/wanted-picture.new /mnt/vm/wanted-picture
    wait_until 60 "a picture" [ ! -e /mnt/vm/wanted-picture ]
    [ -s /mnt/vm/picture.ppm ] || fail "there is no picture"
}

# desk_on_screen: how many of a hundred points of the last picture have the desks' colour (image-desktop/customize).
desk_on_screen() {
    perl -e '
        local $/; open my $file, "<", "/mnt/vm/picture.ppm"; $_ = <$file>;
        /^P6\s+(\d+)\s+(\d+)\s+255\s/ or die "no picture"; my ($width, $height, $start) = ($1, $2, $+[0]);
        my ($seen, $all) = (0, 0);
        for (my $y = 4; $y < $height; $y += 8) { for (my $x = 4; $x < $width; $x += 8) {
            $all++; $seen++ if substr($_, $start + 3 * ($y * $width + $x), 3) eq "\x20\x40\x60"; } }
        print int(100 * $seen / $all)'
}

# expect_drawing NAME: the desk is on the screen within $patience seconds (120), and its clock goes on.
expect_drawing() {
    local name=$1 first deadline=$((SECONDS + ${patience:-120}))
    picture "$name"
    until [ "$(desk_on_screen)" -ge 50 ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "the desk is not on the screen: $name"
        sleep 1
        picture "$name"
    done
    first=$(sha256sum </mnt/vm/picture.ppm)
    until [ "$(sha256sum </mnt/vm/picture.ppm)" != "$first" ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "the screen stands still: $name"
        sleep 1
        picture "$name"
    done
}
