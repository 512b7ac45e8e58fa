#include "tools/measure/resample.h"

#include <math.h>

enum { LOBES = 32 };

/* Modified Bessel function of order 0. */
static double bessel(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; k < 60; k++) {
        term *= x / (2 * k) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

static double kernel(double x, double half)
{
    static const double beta = 10.06; /* 100 dB */
    if (fabs(x) >= half) return 0;
    double r = x / half, window = bessel(beta * sqrt(1 - r * r)) / bessel(beta);
    double a = M_PI * x;
    return window * (fabs(a) < 1e-9 ? 1 : sin(a) / a);
}

static double at(const double *x, size_t n, long k, bool loop)
{
    long last = (long)n - 1;
    if (loop) return x[((k % (long)n) + (long)n) % (long)n];
    if (k < 0) k = -k;
    if (k > last) k = 2 * last - k;
    return x[k < 0 ? 0 : k > last ? last : k];
}

void resample(const double *x, size_t n, double in, double *y, size_t m, double out, bool loop)
{
    /* cut off a little below half of the lower rate: the slope ends there */
    double cut = (out < in ? out / in : 1) * 0.95, reach = LOBES / cut;
    for (size_t k = 0; k < m; k++) {
        double t = (double)k * in / out, sum = 0, weight = 0;
        if (loop) t = fmod(t, (double)n);
        for (long j = (long)ceil(t - reach); (double)j <= t + reach; j++) {
            double h = kernel(((double)j - t) * cut, LOBES);
            sum += h * at(x, n, j, loop);
            weight += h;
        }
        y[k] = sum / weight;
    }
}
