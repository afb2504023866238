# law.gp - the decay against the size of the gradients: AdamW flat, coupled-L2 Adam falling with their root of v.
folder = ARG1; form = ARG2; name = 'law'; width = 640; height = 430
load 'tools/accuracy/style.gp'
set logscale xy
set format x '1e%T'
set format y '1e%T'
set xlabel 'RMS of the gradients'
set ylabel 'decay in a step / (lr * weight_decay)'
set xrange [1e-4:1e2]
set yrange [3e-3:3e4]
set title 'The decay that happens, at one weight_decay for both optimizers'
set label 'Adam, L2: 1 / RMS' at 3e-3,900 textcolor rgb adam_l2
set label 'AdamW: the same whatever the gradients' at 1.5e-4,0.4 textcolor rgb adamw
plot 1 / x with lines lc rgb limit dt 2 notitle, \
    folder.'/law.dat' using 1:4 with linespoints lc rgb adam_l2 lw 2 pt 7 ps 0.6, \
    folder.'/law.dat' using 1:2 with linespoints lc rgb adamw lw 2 pt 7 ps 0.6
