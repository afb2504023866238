# decay.gp - the share of the decay over the learning rate; beside it the rows without any gradient.
name = 'decay'; width = 960; height = 430
load 'tools/accuracy/style.gp'
set multiplot layout 1,2
set logscale x
set xrange [1.2e-2:8e-7]
set yrange [-15:300]
set xlabel 'lr, at weight\_decay 1e-4'
set ylabel 'share of the decay that happens, %'
set format x '1e%T'
set key top right reverse Left
set title 'Gradients in each step'
plot 100 with lines lc rgb '#aaaaaa' dt 2 notitle, \
    folder.'/decay.dat' using 1:5 with lines lc rgb torch lw 1.5 title 'TORCH', \
    folder.'/decay.dat' using 1:3 with lines lc rgb accurate lw 1.5 title 'ACCURATE', \
    folder.'/decay.dat' using 1:($3-2*$4):($3+2*$4) with filledcurves lc rgb accurate fs transparent solid 0.25 \
        noborder title '+- 2 std. errors'
set title 'No gradients at all'
unset ylabel
plot 100 with lines lc rgb '#aaaaaa' dt 2 notitle, \
    folder.'/decay-zero.dat' using 1:5 with lines lc rgb torch lw 1.5 title 'TORCH', \
    folder.'/decay-zero.dat' using 1:3 with lines lc rgb accurate lw 2 title 'ACCURATE'
unset multiplot
