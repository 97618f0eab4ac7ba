#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build a bootable image of Nacre, a config table and the files it names, for BIOS and UEFI, CD and USB stick.

GRUB is put together here from just the modules that loading Nacre takes, which makes it start several times
faster than what grub-mkrescue builds; the layout of the image is the same.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

GRUB = "/usr/lib/grub"
COMMON_MODULES = ["iso9660", "multiboot2", "normal"]
BIOS_MODULES = COMMON_MODULES + ["biosdisk"]
EFI_MODULES = COMMON_MODULES + ["efi_gop", "efi_uga", "fat", "part_gpt", "part_msdos", "search_fs_uuid"]
MENU_MODULES = ["echo", "serial", "terminal"]  # only where there is a menu: each makes GRUB's start slower
SERIAL_PORTS = {"com1": "--unit=0", "com2": "--unit=1", "com3": "--unit=2", "com4": "--unit=3"}  # GRUB's names
# As little as possible of what real machines are known to get wrong.
SAFE = ["cpus=1", "apic=xapic", "timer=one-shot", "keyboard=force", "serial_irq=none", "log=debug"]
# What the operator can choose: the boot options of each come after the table's own, and win.
ENTRIES = [
    ("Nacre", []),
    ("Nacre in safe mode: one processor, plain timers, no probing", SAFE),
    ("Nacre, console on COM1", ["serial=com1"]),
    ("Nacre, console on COM2", ["serial=com2"]),
    ("Nacre, screen alone", ["serial=none"]),
]
PACKAGES = {
    "grub-mkimage": "grub-common", "xorriso": "xorriso", "mformat": "mtools", "mmd": "mtools", "mcopy": "mtools",
}
# Keys of [monitor] that are needed before the table is read.
EARLY_KEYS = ("serial", "speed", "serial_irq", "screen", "apic", "cpus", "timer", "quiesce")


class Problem(Exception):
    """A sentence for the operator."""


def run(*command, env=None):
    """Run a tool quietly; its output is shown only if it fails."""
    if not shutil.which(command[0]):
        package = PACKAGES.get(command[0])
        raise Problem(f"{command[0]} is not installed" + (f"; install the Debian package {package}." if package else "."))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=env)
    if done.returncode:
        raise Problem(f"{command[0]} failed:\n{done.stdout.rstrip()}")


def ask_check(check, *arguments):
    """Output lines of the config check, which itself says on standard error what is wrong with the table."""
    done = subprocess.run([check, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Problem(f"{arguments[-1]} has mistakes, so no image was built; correct the lines above.")
    return done.stdout.splitlines()


def monitor_options(check, config):
    """The boot options that stand for the table's [monitor] section before the monitor has read the table."""
    options, section = [], ""
    for line in ask_check(check, config):
        line = line.strip()
        if line.startswith("["):
            section = line
        key, _, value = (part.strip() for part in line.partition("="))
        if section == "[monitor]" and key in EARLY_KEYS:
            options.append(f"{key}={value}")
    return options


def config_modules(check, config):
    """(module name, file) of the table itself and of each image that it names."""
    folder = os.path.dirname(config)
    return [("config", config)] + [(name, os.path.join(folder, name)) for name in ask_check(check, "--files", config)]


def quote(word):
    """One word of a GRUB command."""
    return "'" + word.replace("'", "'\\''") + "'"


def put_file(source, target):
    """Into the tree, as a link where that is possible: images can be large."""
    if not os.path.isfile(source):
        raise Problem(f"{source} does not exist or is no file; build or fetch it first.")
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)


def load(options, modules, said):
    """GRUB's commands that load the monitor and its modules; `said`: each is announced, for it can take minutes.

    The screen mode is chosen after multiboot2, which sets its own wish.
    """
    def announce(name, path):
        return [f"echo {quote(f'Loading {name}, {max(os.path.getsize(path) >> 20, 1)} MiB ...')}"] if said else []

    lines = ["echo 'Loading Nacre ...'"] if said else []
    lines.append("multiboot2 /boot/nacre " + " ".join([*map(quote, options), *(['"$@"'] if said else [])]))
    for index, (name, path) in enumerate(modules):
        lines += [*announce(name, path), f"module2 /boot/{index} {quote(name)}"]
    return [*lines, "set gfxpayload=$screen"]


def serial_terminal(options):
    """GRUB talks on the console's serial port, too, where there is one."""
    settings = dict(option.split("=", 1) for option in options if "=" in option)
    port = settings.get("serial", "com1")
    if port == "none":
        return []
    return [f"if serial {SERIAL_PORTS.get(port, f'--port={port}')} --speed={settings.get('speed', '115200')}; then",
            "terminal_input console serial", "terminal_output console serial", "fi"]


def grub_config(options, modules, timeout):
    """GRUB's config file: the commands alone, or a menu that waits for `timeout` seconds."""
    if timeout is None:
        return "\n".join([*load(options, modules, False), "boot", ""])
    entries = [f"menuentry {quote(title)} {{ load {' '.join(map(quote, extra))}; }}" for title, extra in ENTRIES]
    return "\n".join([*serial_terminal(options), "function load {", *load(options, modules, True), "}",
                      f"set timeout={timeout}", *entries, ""])


def write(path, text):
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def make_core(tree, work, image_format, output, modules, early):
    folder = {"i386-pc-eltorito": "i386-pc"}.get(image_format, image_format)
    if not os.path.isdir(f"{GRUB}/{folder}"):
        package = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}[folder]
        raise Problem(f"GRUB for {folder} is not installed; install the Debian package {package}.")
    write(f"{work}/early.cfg", early)
    run("grub-mkimage", "-O", image_format, "-d", f"{GRUB}/{folder}", "-c", f"{work}/early.cfg", "-p", "/boot/grub",
        "-o", os.path.join(tree, output), *modules)


def make_efi_partition(tree, loader):
    """A FAT image with the UEFI loader, as small as it can be."""
    image = f"{tree}/boot/grub/efi.img"
    kilobytes = os.path.getsize(loader) // 1024 + 64
    with open(image, "wb") as file:
        file.truncate(kilobytes * 1024)
    env = dict(os.environ, MTOOLS_SKIP_CHECK="1")
    sectors = kilobytes * 2
    run("mformat", "-i", image, "-T", str(sectors), "-h", "1", "-s", "1", "::", env=env)
    run("mmd", "-i", image, "::/EFI", "::/EFI/BOOT", env=env)
    run("mcopy", "-i", image, loader, "::/EFI/BOOT/BOOTX64.EFI", env=env)


def make_image(out, tree, work, extra):
    now = time.gmtime()
    uuid = time.strftime("%Y-%m-%d-%H-%M-%S-00", now)
    make_core(tree, work, "i386-pc-eltorito", "boot/grub/bios.img", BIOS_MODULES + extra,
              "set screen=text\n")
    make_core(work, work, "x86_64-efi", "bootx64.efi", EFI_MODULES + extra,
              f"set screen=auto\nsearch.fs_uuid {uuid} root\nset prefix=($root)/boot/grub\n")
    make_efi_partition(tree, f"{work}/bootx64.efi")
    partial = out + ".partial"
    run("xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", "NACRE", f"--modification-date={uuid.replace('-', '')}",
        "-o", partial,
        "-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
        "--grub2-boot-info", "--grub2-mbr", f"{GRUB}/i386-pc/boot_hybrid.img", "--protective-msdos-label",
        "--mbr-force-bootable",  # an empty active entry: some BIOSes start no disk without one
        "--efi-boot", "boot/grub/efi.img", "-efi-boot-part", "--efi-boot-image", tree)
    os.replace(partial, out)


def build(arguments):
    options, modules = list(arguments.option), []
    if arguments.check:
        if not arguments.config:
            raise Problem("--check needs --config.")
        options = monitor_options(arguments.check, arguments.config) + options
        modules = config_modules(arguments.check, arguments.config)
    elif arguments.config:
        modules = [("config", arguments.config)]
    for module in arguments.module:
        name, _, path = module.rpartition("=")
        modules.append((name or path, path))
    os.makedirs(os.path.dirname(os.path.abspath(arguments.out)), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(arguments.out))) as work:
        tree = f"{work}/tree"
        os.makedirs(f"{tree}/boot/grub")
        put_file(arguments.monitor, f"{tree}/boot/nacre")
        for index, (_, path) in enumerate(modules):
            put_file(path, f"{tree}/boot/{index}")
        write(f"{tree}/boot/grub/grub.cfg", grub_config(options, modules, arguments.menu))
        make_image(arguments.out, tree, work, [] if arguments.menu is None else MENU_MODULES)
    print(f"mkiso: {arguments.out} is ready, {os.path.getsize(arguments.out) >> 20} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--monitor", required=True, metavar="FILE", help="the monitor: build/nacre")
    parser.add_argument("--out", required=True, metavar="FILE", help="the image to write")
    parser.add_argument("--config", metavar="FILE", help="the config table, module 'config'")
    parser.add_argument("--check", metavar="PROGRAM",
                        help="build/check-config: check the table first and take along the files that it names")
    parser.add_argument("--module", action="append", default=[], metavar="NAME=FILE", help="one more module")
    parser.add_argument("--menu", type=int, metavar="SECONDS",
                        help="a menu of GRUB, also on the serial port, that waits so long; without it, none")
    parser.add_argument("--option", action="append", default=[], metavar="WORD", help="one more boot option")
    try:
        build(parser.parse_args())
    except Problem as problem:
        sys.exit(f"mkiso: {problem}")


main()
