"""A recorded waveform through the meter's metrology, beside an independent computation in double precision.

The Keating capture (four cycles of a real low-voltage board, 60 Hz): looped for 30 s, mean removed, resampled to 8 kHz, full scale 1000 V and
500 A, Un 350 V, Imax 200 A, first 5 s skipped. Urms, Irms, P, fundamental Q and f of the same prepared samples agree within 0.1 %.
"""
import json, math, os, struct, subprocess, tempfile

from meter import DATA, MAGNO, check

RATE, SKIP = 8000, 5


def truth(v, i):
    """By the definitions, over whole cycles between the first and last rising zero."""
    zeros = [n - 1 + v[n - 1] / (v[n - 1] - v[n]) for n in range(1, len(v)) if v[n - 1] < 0 <= v[n]]
    f = (len(zeros) - 1) / (zeros[-1] - zeros[0]) * RATE
    a, b = int(zeros[0]), int(zeros[-1])
    v, i, n, w = v[a:b], i[a:b], b - a, 2 * math.pi * f / RATE
    phasor = lambda x: complex(sum(y * math.cos(w * k) for k, y in enumerate(x)), -sum(y * math.sin(w * k) for k, y in enumerate(x))) * 2 / n
    return {"urms_v": math.sqrt(sum(x * x for x in v) / n), "irms_a": math.sqrt(sum(x * x for x in i) / n),
            "p_w": sum(x * y for x, y in zip(v, i)) / n, "q_var": (phasor(v) * phasor(i).conjugate()).imag / 2, "f_hz": f}


def main():
    with tempfile.TemporaryDirectory(prefix="magno-") as folder:
        prepared = os.path.join(folder, "prepared.f64")
        done = subprocess.run([MAGNO, "measure", os.path.join(DATA, "waveforms", "keating_1999.CFG"), "--v", "U1", "--i", "I1",
                               "--loop", "30", "--skip", str(SKIP), "--full-scale-v", "1000", "--full-scale-i", "500", "--un", "350",
                               "--imax", "200", "--fn", "60", "--json", "--prepared", prepared], capture_output=True, text=True)
        check(done.returncode == 0, done.stderr)
        meter = json.loads(done.stdout)
        with open(prepared, "rb") as f:
            octets = f.read()
    samples = struct.unpack("<%dd" % (len(octets) // 8), octets)[2 * RATE * SKIP:]
    for name, value in truth(samples[0::2], samples[1::2]).items():
        error = meter[name] / value - 1
        print("%-7s meter %14.6f  reference %14.6f  difference %+.5f %%" % (name, meter[name], value, error * 100))
        check(abs(error) < 1e-3, "%s is off by %.4f %%" % (name, error * 100))


main()
