# style.gp - what the three pictures share. Called with `folder` (of the data, and of the pictures) and `form`: svg
# for the page, png for looking at.
if (form eq 'svg') {
    set terminal svg size width,height font 'sans-serif,13' background 'white'
} else {
    set terminal pngcairo size width,height font 'sans-serif,10'
}
set output folder.'/'.name.'.'.form
accurate = '#0072b2'
torch = '#d55e00'
other = '#009e73'
set grid back lc rgb '#dddddd' lt 1 lw 0.5
set border 3
set tics nomirror
