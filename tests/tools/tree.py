# SPDX-License-Identifier: MIT
"""A small made-up repository for the tests of the tools: written to a temporary folder, checked by the real tools."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = "// SPDX-License-Identifier: MIT\n// A file of the made-up tree.\n"
README = "".join(f"## {head}\nText.\n\n" for head in ("Lives here", "Enter by", "May include", "Never", "Locks and IRQL", "Tests"))


class Tree:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for file in ("tools/gen/ddi.py", "tools/tidy/tidy.py", ".clang-format"):
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, self.root / file)
        self.write("tools/tidy/exceptions.txt", "# SPDX-License-Identifier: MIT\n")
        self.write("ddi/nt.ddi", "# SPDX-License-Identifier: MIT\n")
        self.write("ddi/ndis.ddi", "# SPDX-License-Identifier: MIT\n")
        self.c("include/ddk/wdm.h", "")
        for room in ("base", "host", "nt", "ndis"):
            self.write(f"src/{room}/README.md", README)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)

    def close(self):
        self.folder.cleanup()

    def write(self, file, text):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def c(self, file, body):
        """A C file with its head."""
        self.write(file, HEAD + body)

    def read(self, file):
        return (self.root / file).read_text()

    def run(self, *words):
        done = subprocess.run([sys.executable, *words], cwd=self.root, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def tidy(self):
        return self.run("tools/tidy/tidy.py")

    def ddi(self, *words):
        return self.run("tools/gen/ddi.py", "--source", ".", *words)
