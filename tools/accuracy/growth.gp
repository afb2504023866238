# growth.gp - the median error of AdamW's p over the steps.
folder = ARG1; form = ARG2; name = 'growth'; width = 640; height = 430
load 'tools/accuracy/style.gp'
set logscale xy
set format x '1e%T'
set format y '1e%T'
set xlabel 'steps'
set ylabel 'median error of p, ulp'
set xrange [1:1e5]
set title 'The error of a parameter, lr 1e-3, weight_decay 1e-4'
set key top left reverse Left
plot folder.'/growth.dat' using 1:4 with linespoints lc rgb torch lw 2 pt 7 ps 0.6 title "torch's sequence (TORCH)", \
    folder.'/growth.dat' using 1:3 with linespoints lc rgb adamw lw 2 pt 7 ps 0.6 title 'ours (ACCURATE)', \
    folder.'/growth.dat' using 1:2 with points lc rgb limit pt 6 ps 1.3 lw 1.5 title 'rounding p alone: the limit'
