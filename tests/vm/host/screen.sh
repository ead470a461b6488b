# shellcheck shell=bash
# What the machine's boot display shows.

# screenshot SUITE FORMAT FILE: FORMAT is png or ppm.
screenshot() {
    local file answer good=0 status=1
    file=$(realpath "$3")
    need socat=socat
    cd "$(run_of "$1")" || return
    coproc qmp { exec socat - unix-connect:qmp.sock; }
    printf '%s\n' '{"execute": "qmp_capabilities"}' \
        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"$file\", \"format\": \"$2\", \"device\": \"screen\"}}" >&"${qmp[1]}"
    # The greeting, an answer to each command; an event may come in between.
    while [ "$good" -lt 2 ] && read -r -t 30 -u "${qmp[0]}" answer; do
        case $answer in
            *'"error"'*) say "vm: screendump: $answer" && break ;;
            *'"return"'*) good=$((good + 1)) ;;
        esac
    done
    [ "$good" -lt 2 ] || status=0
    kill "$qmp_PID"
    wait "$qmp_PID" 2>/dev/null || true
    return "$status"
}

# give_picture SUITE: a case wants one (tests/vm/lib/screen.sh): as PNG for people among the logs, under the name it says;
# for the case itself as PPM, which is easier to look into.
give_picture() {
    local run name
    run=$(run_of "$1")
    name=$(basename "$(<"$run/share/wanted-picture")")
    (screenshot "$1" png "$run/logs/$name.png" && screenshot "$1" ppm "$run/share/picture.ppm") || true
    rm -f "$run/share/wanted-picture"
}
