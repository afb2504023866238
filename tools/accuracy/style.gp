# style.gp - what the three pictures share. They set folder (of the data and of the pictures) and form: svg for the
# page, png for looking at. The figures are the same on every machine, so the titles name none.
if (form eq 'svg') {
    set terminal svg size width,height font 'sans-serif,13' background 'white' noenhanced
} else {
    set terminal pngcairo size width,height font 'sans-serif,10' noenhanced
}
set output folder.'/'.name.'.'.form
load 'tools/common/style.gp'
unset key
