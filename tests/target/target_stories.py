"""Every story on the Cortex-M image and on the host: the same trace, the same flash.

usage: target_stories.py [--seed=N] [STORY...]
"""
import json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu

STORIES = qemu.ROOT / "tests/scenario/stories"
MAGNO = os.environ.get("MAGNO", str(qemu.ROOT / "build/host/magno"))


def on_host(path, seed):
    done = subprocess.run([MAGNO, "scenario", "--json", "--quiet", *seed, str(path)], capture_output=True, text=True)
    end = json.loads(done.stdout.splitlines()[-1])
    return {"hold": end["hold"], "missed": end["missed"], "trace": int(end["trace"], 16), "flash": int(end["flash"], 16)}


def on_target(path, seed):
    with qemu.Folder() as folder:
        flash = qemu.new_flash(str(folder / "flash"))
        with qemu.Meter(folder, image="story_image.elf", flash=flash, args=(*(s[2:] for s in seed), f"story={path}")) as m:
            said = ""
            try:
                said = m.console(b"stack=", 600).decode()
            finally:
                m.wait(60)
            said += m.rest()
    return dict((k, int(v)) for k, v in (line.split("=") for line in said.splitlines() if line.count("=") == 1))


def main():
    seed = [a for a in sys.argv[1:] if a.startswith("--seed=")]
    stories = [a for a in sys.argv[1:] if a not in seed] or sorted(STORIES.glob("*.txt"))
    failed = 0
    for path in stories:
        here, there = on_host(path, seed), on_target(path, seed)
        same = all(here[k] == there.get(k) for k in here) and not here["missed"]
        failed += not same
        print("%s: %s" % (os.path.basename(path), "trace %08X, flash %08X, stack %d" % (
            there["trace"], there["flash"], there["stack"]) if same else "host %s, Cortex-M %s" % (here, there)), flush=True)
    print("%d stories, %d differ" % (len(stories), failed))
    return failed != 0


sys.exit(main())
