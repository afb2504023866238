#!/bin/sh
# draw.sh - the pictures of adamw-accuracy's data: draw.sh FOLDER writes an SVG for the page and a PNG for looking at
# beside each data file. The folder reaches gnuplot as an argument, not as a part of its program.
set -eu
export LC_ALL=C

wrong() {
    echo "draw.sh: $1" >&2
    exit 2
}
[ $# = 1 ] && [ -d "$1" ] || wrong "usage: draw.sh FOLDER, which has the files of adamw-accuracy --data"
case $1 in /*) folder=$1 ;; *) folder=./$1 ;; esac # gnuplot reads a name that begins with < or - otherwise
for picture in decay law growth; do
    [ -s "$folder/$picture.dat" ] || wrong "no $folder/$picture.dat: make accuracy measures it"
    for form in svg png; do
        gnuplot -d -c "tools/accuracy/$picture.gp" "$folder" "$form"
    done
    echo "picture: $folder/$picture.png"
done
