# growth.gp - the median error of AdamW's p over the steps.
name = 'growth'; width = 640; height = 430
load 'tools/accuracy/style.gp'
set logscale xy
set format x '1e%T'
set format y '1e%T'
set xlabel 'steps'
set ylabel 'median error of p, ulp'
set key top left reverse Left
plot folder.'/growth.dat' using 1:4 with linespoints lc rgb torch lw 1.5 pt 7 ps 0.6 title 'TORCH', \
    folder.'/growth.dat' using 1:3 with linespoints lc rgb accurate lw 2 pt 7 ps 0.6 title 'ACCURATE', \
    folder.'/growth.dat' using 1:2 with points lc rgb '#000000' pt 6 ps 1.2 title 'rounding p alone'
