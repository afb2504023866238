# decay.gp - the share of the decay over the learning rate; beside it the rows without any gradient.
folder = ARG1; form = ARG2; name = 'decay'; width = 960; height = 430
load 'tools/accuracy/style.gp'
set multiplot layout 1,2
set logscale x
set xrange [1.2e-2:8e-7]
set yrange [-15:300]
set xlabel 'lr, at weight_decay 1e-4'
set ylabel 'share of the decay that happens, %'
set format x '1e%T'
set title 'Gradients in each step'
set label 1 "torch's sequence" at 2.2e-4,200 textcolor rgb torch
set label 2 'ours, +- 2 standard errors' at 1.5e-4,125 textcolor rgb adamw
plot 100 with lines lc rgb limit dt 2 notitle, \
    folder.'/decay.dat' using 1:5 with lines lc rgb torch lw 2, \
    folder.'/decay.dat' using 1:($3-2*$4):($3+2*$4) with filledcurves lc rgb adamw fs transparent solid 0.2 \
        noborder, \
    folder.'/decay.dat' using 1:3 with lines lc rgb adamw lw 2
set title 'No gradients at all'
unset ylabel
set label 1 "torch's sequence" at 2.2e-4,200 textcolor rgb torch
set label 2 'ours' at 5e-3,75 textcolor rgb adamw
plot 100 with lines lc rgb limit dt 2 notitle, \
    folder.'/decay-zero.dat' using 1:5 with lines lc rgb torch lw 2, \
    folder.'/decay-zero.dat' using 1:3 with lines lc rgb adamw lw 2
unset multiplot
