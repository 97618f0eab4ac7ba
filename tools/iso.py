# SPDX-License-Identifier: MIT
"""Bootable images for tests: GRUB, a kernel by multiboot2 (or Linux) and modules, exactly as told."""
import os
import shutil
import subprocess
import tempfile


def make_iso(out, entry, files):
    """Write the ISO `out`; files is {name in the ISO: path or bytes}, entry the lines of GRUB's menu entry."""
    with tempfile.TemporaryDirectory(prefix="nacre-iso-") as tree:
        os.makedirs(os.path.join(tree, "boot/grub"))
        for name, source in files.items():
            path = os.path.join(tree, name.lstrip("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if isinstance(source, bytes):
                with open(path, "wb") as file:
                    file.write(source)
            else:
                shutil.copy(source, path)
        with open(os.path.join(tree, "boot/grub/grub.cfg"), "w", encoding="utf-8") as file:
            file.write("\n".join(["set timeout=0", "terminal_output console", *entry, "boot", ""]))
        done = subprocess.run(["grub-mkrescue", "-o", out, tree], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise RuntimeError("grub-mkrescue: " + done.stdout)
