# law.gp - the decay against the size of the gradients: AdamW flat, coupled-L2 Adam falling with their root of v.
name = 'law'; width = 640; height = 430
load 'tools/accuracy/style.gp'
set logscale xy
set format x '1e%T'
set format y '1e%T'
set xlabel 'RMS of the gradients'
set ylabel 'decay in a step / (lr * weight\_decay)'
set yrange [3e-3:3e4]
set key top right
plot folder.'/law.dat' using 1:4 with linespoints lc rgb other lw 2 pt 7 ps 0.6 title 'Adam, coupled L2', \
    1 / x with lines lc rgb '#000000' dt 2 title '1 / RMS', \
    folder.'/law.dat' using 1:2 with linespoints lc rgb accurate lw 2 pt 7 ps 0.6 title 'AdamW'
