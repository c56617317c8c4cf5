#!/bin/sh
# generated.sh DIR: writes metadata/, man/, completions/ and the table of what is left out anew from what the programs in
# DIR print.
set -eu
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/metadata" "$work/man" "$work/completions" "$work/bin"
list=$work/metadata/agents.list
"$dir/fencing" agents --tsv > "$list"
while read -r name program _ kind; do
    [ "$kind" = agent ] || continue
    ln -sf "$dir/$program" "$work/bin/$name"
    "$work/bin/$name" -o metadata > "$work/metadata/$name.xml"
    "$work/bin/$name" -o manpage > "$work/man/$name.8"
    "$work/bin/$name" -o completion > "$work/completions/$name"
done < "$list"
"$dir/fencing" manpage > "$work/man/fencing.8"
"$dir/fencing" completion > "$work/completions/fencing"
for folder in metadata man completions; do
    rm -rf "$folder"
    mv "$work/$folder" "$folder"
    chmod 755 "$folder"
done
# Between the marks in the document.
"$dir/fencing" agents --left-out > "$work/left-out"
awk -v rows="$work/left-out" '
    /^<!-- left out: end -->$/ { skip = 0 }
    !skip { print }
    /^<!-- left out -->$/ {
        skip = 1
        print "| name | why |"
        print "|---|---|"
        while ((getline line < rows) > 0) print line
    }
' docs/differences.md > "$work/differences.md"
cat "$work/differences.md" > docs/differences.md
echo "metadata/, man/, completions/ and the table in docs/differences.md are written"
