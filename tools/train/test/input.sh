# input.sh - damaged data is refused by file, line and column, gzip and IDX files by byte, and takes little memory. A
# part of test.sh.

# damaged FILE PATTERN command...: the file of the fleet after a filter
damaged() {
    file=$1 pattern=$2
    shift 2
    rm -rf "$dir/damaged"
    cp -r "$dir/plain" "$dir/damaged"
    "$@" < "$dir/plain/$file" > "$dir/damaged/$file"
    bad "$file: $pattern" --data "cmapss:$dir/damaged" --subset FD002
}
damaged train_FD002.txt 'line 10: truncated: the last line does not end' head -c 2000
damaged train_FD002.txt 'line 3: 25 columns, it must be 26' sed '3s/ [0-9.]* $//'
damaged train_FD002.txt 'line 3: more than 26 columns' sed '3s/$/7/'
damaged train_FD002.txt "line 5, column 4: '0.2x' is not a decimal number" sed '5s/0.25/0.2x/'
damaged train_FD002.txt "line 5, column 4: '0,25' is not a decimal number" sed '5s/0.25/0,25/'
damaged train_FD002.txt "line 5, column 4: '0x1' is not a decimal number" sed '5s/0.25/0x1/'
damaged train_FD002.txt "line 5, column 4: '1-1' is not a decimal number" sed '5s/0.25/1-1/'
damaged train_FD002.txt 'line 5, column 4: 1e9999 is not between -1e+09 and 1e+09' sed '5s/0.25/1e9999/'
damaged train_FD002.txt "line 5, column 4: '00000*' is not a decimal number" sed "5s/0.25/$(printf '%060d' 0)/"
damaged train_FD002.txt 'line 1, column 1: a zero byte' tr 1 '\000'
damaged train_FD002.txt 'columns 6 to 26: no sensor varies' \
    sed 's/100\.0 .*/100.0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21/'
damaged test_FD002.txt 'line 5, column 9: 8e+08 is more than 1000000 standard deviations' \
    sed '5s/3\.0000 [0-9.]*/3.0000 8e8/'
damaged train_FD002.txt "line 5, column 4: 'nan' is not a decimal number" sed '5s/0.25/nan/'
damaged train_FD002.txt 'line 4, columns 1 and 2: unit 1 cycle 5 does not follow unit 1 cycle 3' sed 4d
damaged train_FD002.txt 'line 1: the file is empty' head -c 0
damaged test_FD002.txt 'line 2, column 3: flight condition 40' sed 's/ 20.0000 / 40.0000 /'
damaged RUL_FD002.txt 'line 4: truncated: 3 lines for the 4 units' sed 4d
damaged RUL_FD002.txt 'line 5: more lines than the 4 units' sed '4p'
damaged RUL_FD002.txt 'line 2: a remaining life of -12 is negative' sed 's/12/-12/'

packed=$dir/data/train_FD002.txt.gz
size=$(wc -c < "$packed")
damaged_gz() {
    pattern=$1
    shift
    rm -rf "$dir/damaged"
    cp -r "$dir/data" "$dir/damaged"
    "$@" < "$packed" > "$dir/damaged/train_FD002.txt.gz"
    bad "train_FD002.txt.gz: $pattern" --data "cmapss:$dir/damaged" --subset FD002
}
flip() { head -c $((size / 2)); printf '\377\377\377\377\377\377\377\377'; } # the rest of its input stays unread
damaged_gz "byte $((size - 100)): truncated" head -c $((size - 100))
damaged_gz 'byte [0-9]*: ' flip

# Few bytes that unpack to many. The first took 947 MB when a row of numbers was kept for each line.
newlines() { head -c 4000000 /dev/zero | tr '\000' '\n' | gzip -9; }
spaces() { head -c 70000000 /dev/zero | tr '\000' ' ' | gzip -9; }
units() {
    awk 'BEGIN {
        for (k = 0; k < 24; k++) ones = ones " 1"
        for (i = 1; i <= 10001; i++) print i " 1" ones
    }'
}
bomb=$dir/bomb
mkdir "$bomb"
cp "$dir"/data/* "$bomb"
limit=500000 # KiB of address space
if (ulimit -v $limit && OPENBLAS_NUM_THREADS=1 "$train" --help > /dev/null 2>&1); then
    small() { # pattern
        newline_status=0
        (ulimit -v $limit && OPENBLAS_NUM_THREADS=1 "$train" --data "cmapss:$bomb" --subset FD002 \
            > /dev/null 2> "$dir/bomb.err") || newline_status=$?
        check "in $limit KiB: status $newline_status, wanted '$1': $(cat "$dir/bomb.err")" \
            grep -q "$1" "$dir/bomb.err"
    }
    newlines > "$bomb/train_FD002.txt.gz"
    small 'line 1: 0 columns, it must be 26'
    spaces > "$bomb/train_FD002.txt.gz"
    small 'more than 67108864 bytes when unpacked: larger than any file of this kind'
    units | gzip > "$bomb/train_FD002.txt.gz"
    small 'line 10001, column 1: more than 10000 units'
else
    echo "skipped: memory for gzip files, because the program does not start in $limit KiB"
fi

mkdir "$dir/idx"
bytes() { # count
    head -c "$1" /dev/zero
}
images() { # octal of the last size byte of the count
    printf '\000\000\010\003\000\000\000'"$1"'\000\000\000\004\000\000\000\004'
}
{ images '\002'; bytes 31; } > "$dir/idx/train-images-idx3-ubyte"
bad 'train-images-idx3-ubyte: byte 47: truncated: the header announces 48 bytes' --data "fashion-mnist:$dir/idx"
{ images '\002'; bytes 33; } > "$dir/idx/train-images-idx3-ubyte"
bad 'byte 48: more bytes than the header announces' --data "fashion-mnist:$dir/idx"
printf '\000\000\010\003\377\377\377\377\000\000\000\004\000\000\000\004' > "$dir/idx/train-images-idx3-ubyte"
bad 'byte 4: a size of 4294967295 is not possible: it must be 1 to 1000000' --data "fashion-mnist:$dir/idx"
printf 'hello, this is no IDX file' > "$dir/idx/train-images-idx3-ubyte"
bad 'byte 0: the IDX magic is 0x68656c6c, it must be 0x00000803' --data "fashion-mnist:$dir/idx"
{ images '\002'; bytes 32; } > "$dir/idx/train-images-idx3-ubyte"
{ printf '\000\000\010\001\000\000\000\003'; bytes 3; } > "$dir/idx/train-labels-idx1-ubyte"
bad 'train-labels-idx1-ubyte: byte 4: 3 labels for the 2 images' --data "fashion-mnist:$dir/idx"
