#!/bin/sh
# generated.sh DIR: writes metadata/, man/, completions/ and the tables of agents and of what is left out anew from what the
# programs in DIR print.
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
# between MARK DOCUMENT HEADER: the rows of standard input, as a table between the marks in a document.
between() {
    cat > "$work/rows"
    awk -v mark="$1" -v header="$3" -v rows="$work/rows" '
        $0 == "<!-- " mark ": end -->" { skip = 0 }
        !skip { print }
        $0 == "<!-- " mark " -->" {
            skip = 1
            print header
            gsub(/[^|]+/, "---", header)
            print header
            while ((getline line < rows) > 0) print line
        }
    ' "$2" > "$work/document"
    cat "$work/document" > "$2"
}
"$dir/fencing" agents --table | between agents README.md "| agent | other names | for | package |"
"$dir/fencing" agents --left-out | between "left out" docs/differences.md "| name | why |"
echo "metadata/, man/, completions/ and the tables in README.md and docs/differences.md are written"
