#!/bin/sh
# plots.sh [FOLDER] - the error curves of docs/metrology.md, drawn by gnuplot into docs/images.
set -e
cd "$(dirname "$0")/../.."
out=${1:-docs/images}
data=build/curves
cmake --preset host >/dev/null
cmake --build --preset host --target metrology_curves >/dev/null
mkdir -p "$out" "$data"
for c in current reactive frequency voltage harmonics noise; do
  build/host/tests/metrology_curves $c >"$data/$c.txt"
done

draw() { # name, then gnuplot commands on standard input
  { cat <<END
set terminal pngcairo size 900,480 font "sans,11" background "#ffffff"
set output "$out/metrology-$1.png"
set logscale y
set yrange [1e-8:10]
set format y "10^{%L}"
set ylabel "error, percent"
set grid back lc rgb "#d8d8d8"
set key outside right top samplen 2 spacing 1.2
set style line 1 lc rgb "#0b5cad" lw 2
set style line 2 lc rgb "#c2571a" lw 2
set style line 3 lc rgb "#2e7d4f" lw 2
set style line 4 lc rgb "#7a3fa0" lw 2
set style line 8 lc rgb "#b00020" lw 1.5 dt 2
set style line 9 lc rgb "#606060" lw 1.5 dt 3
END
    cat; } | gnuplot
}

# The limits of class 1 stand beside the curves: IEC 62053-21 for active, 62053-24 for reactive energy.
draw current <<END
set logscale x
set xlabel "current, A"
set xrange [0.01:100]
class(x) = x < 0.25 ? NaN : x < 0.5 ? 1.5 : 1.0
plot "$data/current.txt" using 1:2 with lines ls 1 title "PF 1", "" using 1:3 with lines ls 2 title "PF 0.5 ind", \
  "" using 1:4 with lines ls 3 title "PF 0.8 cap", class(x) ls 8 title "class 1, PF 1", 0.002 ls 9 title "goal, PF 1"
END
draw reactive <<END
set logscale x
set xlabel "current, A"
set xrange [0.01:100]
class(x) = x < 0.25 ? NaN : x < 0.5 ? 1.5 : 1.0
plot "$data/reactive.txt" using 1:2 with lines ls 1 title "sin 1 ind", "" using 1:3 with lines ls 2 title "sin 0.5 ind", \
  "" using 1:4 with lines ls 3 title "sin 0.25 ind", "" using 1:5 with lines ls 4 title "sin 1 cap", \
  class(x) ls 8 title "class 1, sin 1", 0.005 ls 9 title "goal"
END
draw frequency <<END
set xlabel "frequency, Hz (5 A)"
set xrange [45:65]
plot "$data/frequency.txt" using 1:2 with lines ls 1 title "P, PF 1", "" using 1:3 with lines ls 2 title "P, PF 0.5 ind", \
  "" using 1:4 with lines ls 3 title "Q, sin 0.87", 0.5 ls 8 title "class 1, +-2 %", 0.002 ls 9 title "goal"
END
draw voltage <<END
set xlabel "voltage, percent of Un (5 A)"
set xrange [20:140]
plot "$data/voltage.txt" using 1:2 with lines ls 1 title "P, PF 1", "" using 1:3 with lines ls 2 title "P, PF 0.5 ind", \
  "" using 1:4 with lines ls 3 title "Q, sin 0.87", 0.7 ls 8 title "class 1, +-10 %", 0.001 ls 9 title "goal"
END
draw harmonics <<END
set xlabel "harmonic: 10 % of u, 40 % of i, at 60 degrees"
set xrange [2:40]
goal(x) = x <= 21 ? 0.01 : 0.05
plot "$data/harmonics.txt" using 1:2 with linespoints ls 1 pt 7 ps 0.5 title "ideal front end", \
  "" using 1:3 with linespoints ls 2 pt 7 ps 0.5 title "half a sample late", 0.8 ls 8 title "class 1, 5th", goal(x) ls 9 title "goal"
END
draw noise <<END
set logscale x
set xlabel "current, A (one minute, PF 1)"
set xrange [0.01:100]
goal(x) = x >= 0.1 ? 0.01 : x >= 0.02 ? 0.05 : 0.1
plot "$data/noise.txt" using 1:2 with lines ls 1 title "1.4 mA, 5 mV", "" using 1:3 with lines ls 2 title "5.6 mA, 20 mV", \
  1 ls 8 title "class 1", goal(x) ls 9 title "goal at 1.4 mA"
END
ls "$out"/metrology-*.png
