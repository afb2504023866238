# style.gp - what the pictures of every tool share: one colour for each thing, light axes, small tics. The colours are
# Okabe and Ito's, which the common kinds of colour blindness tell apart. Terminal, size and data are the picture's own.
adamw = '#0072b2'
adam_l2 = '#d55e00'
torch = '#009e73'
limit = '#6f6f6f'
ink = '#404040'
faint = '#dddddd'
set border 3 lc rgb '#b0b0b0' lw 1
set grid ytics back lc rgb faint lt 1 lw 0.5
set tics nomirror out scale 0.5 textcolor rgb ink
set title textcolor rgb ink
set xlabel textcolor rgb ink
set ylabel textcolor rgb ink
set key textcolor rgb ink samplen 2 spacing 1.1
