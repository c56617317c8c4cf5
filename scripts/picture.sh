#!/bin/sh
# Draws docs/pictures/know.svg: explain and doctor in a terminal, as they answer for the test BMC now.
set -eu
cd "$(dirname "$0")/.."
log=$(mktemp)
target/release/test-bmc --port 19623 >"$log" &
bmc=$!
trap 'kill $bmc; rm -f "$log"' EXIT
until grep -q listens "$log"; do kill -0 $bmc; done

shown() {
    echo "\$ fence_ipmilan -a 127.0.0.1 -u 19623 -l admin -p … $*"
    target/release/fence_ipmilan -a 127.0.0.1 -u 19623 -l admin -p adminpw "$@" 2>&1 || true
}

{
    shown -o off --explain | sed '/^Time limits/,/disable_timeout/d'
    echo
    shown -o doctor
} | awk '
    BEGIN { size = 13; line = 18; left = 16 }
    {
        gsub(/&/, "\\&amp;"); gsub(/</, "\\&lt;"); gsub(/>/, "\\&gt;")
        colour = "#d0d0d0"
        if (/^\$/) colour = "#ffffff"
        else if (/^fine/) colour = "#7fc97f"
        else if (/^advice/) colour = "#80b1d3"
        else if (/^warning/) colour = "#fdc086"
        else if (/^failure|ERROR/) colour = "#fb8072"
        else if (/^[^ ]/) colour = "#f0f0a0"
        texts[++count] = sprintf("<text x=\"%d\" y=\"%d\" fill=\"%s\" xml:space=\"preserve\">%s</text>", left, 14 + count * line, colour, $0)
        if (length($0) > widest) widest = length($0)
    }
    END {
        width = left * 2 + widest * size * 0.61
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"monospace\" font-size=\"%d\">\n", width, 28 + count * line, size
        print "<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#202428\"/>"
        for (i = 1; i <= count; i++) print texts[i]
        print "</svg>"
    }' >docs/pictures/know.svg
