#!/usr/bin/env python3
"""The checker can fail: every rule is broken once in a scratch tree, and must be reported."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def includes(self, path, text):
        self.write(path, text)
        return list(run.check_includes(self.root))

    def text(self, path, text):
        self.write(path, text)
        return list(run.check_text(self.root))


class Includes(Tree):
    def test_allowed(self):
        for path, name in (("src/meter/a.c", "store/nor.h"), ("src/model/a.c", "dlms/link.h"), ("src/sts/a.c", "base/bytes.h"),
                           ("port/mps2/a.c", "dlms/link.h"), ("port/common/a.c", "store/nor.h"), ("tools/a.c", "port/linux/x.h"),
                           ("app/mcu/main.c", "model/device.h"), ("src/crypto/a.c", "mbedtls/gcm.h")):
            self.assertEqual(self.includes(path, f'#include "{name}"\n'), [], path)

    def test_forbidden(self):
        for path, name in (("src/base/a.c", "store/nor.h"), ("src/dlms/a.c", "meter/io.h"), ("src/meter/a.c", "dlms/link.h"),
                           ("src/store/a.c", "port/common/nor_rules.h"), ("src/metrology/a.c", "crypto/rng.h"),
                           ("port/common/a.c", "store/journal.h"), ("port/mps2/a.c", "meter/meter.h"),
                           ("port/linux/a.c", "port/mps2/uart.h"), ("app/mcu/main.c", "dlms/hdlc.h"),
                           ("tools/a.c", "port/mps2/uart.h"), ("src/sts/a.c", "mbedtls/des.h"), ("src/newfolder/a.c", "base/a.h")):
            with self.subTest(path):
                shutil.rmtree(self.root)
                self.assertEqual(len(self.includes(path, f'  #  include "{name}"\n')), 1, path)

    def test_system_headers(self):
        self.assertEqual(self.includes("src/base/a.c", "#include <string.h>\n#include <stdint.h>\n"), [])
        self.assertEqual(len(self.includes("src/base/a.c", "#include <stdlib.h>\n")), 1)
        self.assertEqual(len(self.includes("src/sts/b.c", "#include <mbedtls/des.h>\n")), 2)


class Text(Tree):
    def test_floating_point(self):
        self.assertEqual(self.text("src/meter/a.c", '/* float */ int a; // double\nchar *s = "float";\n'), [])
        self.assertEqual(len(self.text("src/meter/a.c", "int a;\nstatic double b;\n")), 1)

    def test_header_essay(self):
        self.assertEqual(self.text("src/meter/a.h", "/* a.h - a thing.\n */\n"), [])
        self.assertEqual(len(self.text("src/meter/a.h", "#ifndef A\n")), 1)

    def test_unfinished(self):
        self.assertEqual(len(self.text("tools/a.c", "int a; /* TO" "DO: more */\n#if " "0\n")), 2)


class Objects(Tree):
    compiler, tools = ["gcc", "-w", "-fno-builtin", "-O1", "-fno-common"], ""

    def archive(self, text, name="libmeter.a"):
        source = self.write("a.c", text)
        subprocess.run(self.compiler + ["-c", "-o", self.root / "a.o", source], check=True)
        subprocess.run([self.tools + "ar", "rc", self.root / name, self.root / "a.o"], check=True)
        return [self.root / name]

    def test_clean(self):
        clean = self.archive("#include <string.h>\nstatic const int t[4] = {1, 2, 3, 4};\n"
                             "extern int f(int); static const char *const names[] = {\"a\", \"b\"};\n"
                             "const char *g(int i) { return names[i]; }\n"
                             "int f(int i) { return t[i & 3]; }\nint h(void *a, void *b) { return memcmp(a, b, 4); }\n")
        self.assertEqual(list(run.check_variables(self.tools, clean)), [])
        self.assertEqual(list(run.check_symbols(self.tools, clean)), [])

    def test_variables(self):
        for text in ("int a;", "int a = 3;", "int f(void) { static int n; return ++n; }", "const char *p = \"x\";"):
            with self.subTest(text):
                self.assertEqual(len(list(run.check_variables(self.tools, self.archive(text)))), 1)

    def test_common(self):
        source = self.write("a.c", "int a;")
        subprocess.run(self.compiler + ["-fcommon", "-c", "-o", self.root / "a.o", source], check=True)
        subprocess.run([self.tools + "ar", "rc", self.root / "libx.a", self.root / "a.o"], check=True)
        self.assertEqual(len(list(run.check_variables(self.tools, [self.root / "libx.a"]))), 1)

    def test_symbols(self):
        for name in ("malloc", "printf", "time", "mbedtls_gcm_init"):
            with self.subTest(name):
                wanted = self.archive(f"void {name}(void); void f(void) {{ {name}(); }}")
                self.assertEqual(len(list(run.check_symbols(self.tools, wanted))), 1)
        crypto = self.archive("void mbedtls_gcm_init(void); void f(void) { mbedtls_gcm_init(); }", "libcrypto.a")
        self.assertEqual(list(run.check_symbols(self.tools, crypto)), [])


class CortexObjects(Objects):
    compiler = ["arm-none-eabi-gcc", "-w", "-fno-builtin", "-O1", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16",
                "-fno-common", "-ffunction-sections"]
    tools = "arm-none-eabi-"

    def problems(self, text):
        return list(run.check_code(self.tools, self.archive(text)))

    def test_recursion(self):
        self.assertEqual(self.problems("int g(int); int f(int a) { return g(a) + 1; } int h(int a) { return f(a) + 2; }"), [])
        self.assertEqual(len(self.problems("int f(int a) { return a ? f(a - 1) * f(a / 2) : 1; }")), 1)
        self.assertEqual(len(self.problems("__attribute__((noinline)) static int g(int a);\n"
                                           "int f(int a) { return a ? g(a - 1) * 3 + 1 : 1; }\n"
                                           "static int g(int a) { return f(a / 2) + f(a); }")), 2)

    def test_floating_point(self):
        self.assertEqual(len(self.problems("float f(float a) { return a * a; }")), 1)
        self.assertEqual(self.problems("long long f(long long *a, long long *b) { *a = *b; return *a * 3; }"), [])
        soft = self.archive("double f(double a) { return a * a; }")
        self.assertEqual(len(list(run.check_symbols(self.tools, soft))), 1)


if __name__ == "__main__":
    unittest.main()
