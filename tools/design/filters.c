/* filters.c - designs the two filters of src/metrology and prints their tables.
 *
 * Delay: N taps for a delay of N/2 - 1 + mu samples, 0 <= mu <= 1. For each mu the weighted
 * least squares fit to a pure delay: the mains' own band counts most (error below 1e-7), then
 * up to the 21st harmonic, then up to the 40th, at 8 kHz. Over mu each tap is then a polynomial
 * of degree 10 in mu - 1/2; the mirrored tap has the same one in 1/2 - mu, so half of them are
 * kept.
 *
 * Hilbert: two chains of all-pass sections (a - z^-2) / (1 - a z^-2), one behind a unit delay,
 * whose outputs stand 90 degrees apart from 40 Hz to 3.96 kHz at 8 kHz: the elliptic half-band
 * filter turned by a quarter of the sample rate, coefficients from theta series.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS_MAX = 12, DEGREE = 10, NODES = 33, UNKNOWNS = 16 };

static void solve(int n, long double a[UNKNOWNS][UNKNOWNS + 1], long double x[UNKNOWNS])
{
    for (int i = 0; i < n; i++) {
        int p = i;
        for (int r = i + 1; r < n; r++)
            if (fabsl(a[r][i]) > fabsl(a[p][i])) p = r;
        for (int c = 0; c <= n; c++) {
            long double t = a[i][c];
            a[i][c] = a[p][c];
            a[p][c] = t;
        }
        for (int r = 0; r < n; r++) {
            if (r == i) continue;
            long double f = a[r][i] / a[i][i];
            for (int c = i; c <= n; c++) a[r][c] -= f * a[i][c];
        }
    }
    for (int i = 0; i < n; i++) x[i] = a[i][n] / a[i][i];
}

static long double weight(int hz)
{
    if (hz <= 100) return 1e9L;
    if (hz <= 1300) return 3e2L;
    return hz <= 2050 ? 3 : 1;
}

static void design(int taps, long double mu, long double h[UNKNOWNS])
{
    long double a[UNKNOWNS][UNKNOWNS + 1] = { { 0 } };
    for (int hz = 20; hz <= 2400; hz += 20) {
        long double w = weight(hz), om = 2 * acosl(-1) * hz / 8000;
        for (int i = 0; i < taps; i++) {
            long double ti = i - (taps / 2 - 1) - mu;
            a[i][taps] += w * cosl(om * ti);
            for (int j = 0; j < taps; j++) a[i][j] += w * cosl(om * (i - j));
        }
    }
    solve(taps, a, h);
}

static void delay(int taps)
{
    static long double h[NODES][UNKNOWNS];
    for (int k = 0; k < NODES; k++)
        design(taps, 0.5L - 0.5L * cosl(acosl(-1) * (2 * k + 1) / (2 * NODES)), h[k]);
    for (int tap = 0; tap < taps / 2; tap++) {
        long double a[UNKNOWNS][UNKNOWNS + 1] = { { 0 } }, x[UNKNOWNS];
        for (int k = 0; k < NODES; k++) {
            long double t = -cosl(acosl(-1) * (2 * k + 1) / (2 * NODES)); /* mu - 1/2 = t / 2 */
            for (int i = 0; i <= DEGREE; i++) {
                a[i][DEGREE + 1] += h[k][tap] * powl(t, i);
                for (int j = 0; j <= DEGREE; j++) a[i][j] += powl(t, i + j);
            }
        }
        solve(DEGREE + 1, a, x);
        printf("    {");
        for (int i = 0; i <= DEGREE; i++) printf(" %lld,", llroundl(x[i] * (1 << 30)));
        printf(" },\n");
    }
}

static void hilbert(int n, double transition)
{
    double pi = acos(-1), k = pow(tan((1 - 2 * transition) * pi / 4), 2);
    double kk = pow(1 - k * k, 0.25), e = 0.5 * (1 - kk) / (1 + kk);
    double q = e * (1 + 2 * pow(e, 4) + 15 * pow(e, 8) + 150 * pow(e, 12));
    for (int c = 1; c <= n; c++) {
        double num = 0, den = 0.5, arg = c * pi / (2 * n + 1);
        for (int i = 0; i < 12; i++)
            num += (i & 1 ? -1 : 1) * pow(q, i * (i + 1)) * sin((2 * i + 1) * arg);
        for (int i = 1; i < 12; i++) den += (i & 1 ? -1 : 1) * pow(q, i * i) * cos(2 * i * arg);
        double w = pow(num * pow(q, 0.25) / den, 2);
        double x = sqrt((1 - w * k) * (1 - w / k)) / (1 + w);
        printf("    %lld, /* %s, %.12f */\n", llround((1 - x) / (1 + x) * 2147483648.0),
               c & 1 ? "even" : "odd", (1 - x) / (1 + x));
    }
}

int main(int argc, char **argv)
{
    int taps = argc > 1 ? atoi(argv[1]) : 10;
    if (taps < 4 || taps > TAPS_MAX || taps % 2) {
        fprintf(stderr, "usage: design_filters [TAPS]   (even, 4 to %d)\n", TAPS_MAX);
        return 2;
    }
    printf("delay, %d taps, 2^30 is one, powers of 2 mu - 1:\n", taps);
    delay(taps);
    printf("Hilbert, 2^31 is one:\n");
    hilbert(10, 80.0 / 8000);
    return 0;
}
