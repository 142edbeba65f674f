#!/usr/bin/env python3
"""Holds the include table of the house: who may include whom, and each foreign header's one door.

    check.py [ROOT]      checks the sources below ROOT (default: this repository); exit 1 names every breach
    check.py --self-test checks that breaches are found, on a made-up tree
"""
import re
import sys
import tempfile
from pathlib import Path

# A layer is a folder; the longest one that holds a file is its layer. Each may include itself and
# what stands here, nothing else. A path with a suffix allows that one file.
LEAVES = ["proxy/http", "proxy/wire", "proxy/route", "proxy/balance", "proxy/health", "proxy/stats"]
LAYERS = {
    "common": [],
    "common/loop": ["common"],
    "proxy/config": ["common", "proxy/tls/trust.h"],  # authorities are read with the file that names them
    "proxy/http": ["common"],
    "proxy/wire": ["common"],
    "proxy/tls": ["common"],
    "proxy/route": ["common", "proxy/config/route.h", "proxy/http"],  # what a route says, as values
    "proxy/health": ["common", "proxy/http", "proxy/tls"],
    "proxy/balance": ["common", "proxy/health/health.h", "proxy/health/condition.h"],
    "proxy/stats": ["common"],
    "proxy/exchange": ["common", "proxy/config", *LEAVES],
    "proxy/runtime": ["common", "common/loop", "proxy/config", "proxy/exchange", "proxy/tls", *LEAVES],
    "proxy/admin": ["common", "common/loop", "proxy/config", "proxy/exchange", "proxy/runtime", "proxy/tls", *LEAVES],
    "proxy": ["common", "common/loop", "proxy/config", "proxy/exchange", "proxy/runtime", "proxy/admin", "proxy/tls",
              *LEAVES],  # main.cpp
    "vrrp/config": ["common"],
    "vrrp/core": ["common"],
    "vrrp/net": ["common", "common/loop", "vrrp/core"],
    "vrrp/runtime": ["common", "common/loop", "vrrp/config", "vrrp/core", "vrrp/net"],
    "vrrp/admin": ["common", "common/loop", "vrrp/config", "vrrp/core", "vrrp/net", "vrrp/runtime"],
    "vrrp": ["common", "common/loop", "vrrp/config", "vrrp/core", "vrrp/net", "vrrp/runtime", "vrrp/admin"],  # main.cpp
    "ctl": ["common", "common/loop", "proxy/config", "vrrp/config", "vrrp/core"],
}
TOPS = ("common", "proxy", "vrrp", "ctl")

# A foreign header, and the only places that may know it.
DOORS = [
    (re.compile(r"uv\.h$|uv/"), ["common/loop/"]),
    (re.compile(r"toml\.hpp$|toml(11)?/"), ["common/config_reader.cpp"]),
    (re.compile(r"re2/"), ["common/regex.cpp"]),
    (re.compile(r"nghttp2/"), ["proxy/http/h2_codec.cpp"]),
    (re.compile(r"netlink/"), ["vrrp/net/libnl_netlink.cpp"]),
    (re.compile(r"curl/"), ["vrrp/runtime/smtp.cpp"]),
    (re.compile(r"nftables/"), ["vrrp/net/nftables.cpp"]),
    (re.compile(r"openssl/"), ["proxy/tls/", "common/crypto.h", "common/crypto.cpp"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


def under(path, place):
    """Is `path` the file `place`, or in the folder `place`?"""
    return path == place or path.startswith(place.rstrip("/") + "/")


def layer_of(path):
    folders = [layer for layer in LAYERS if under(path, layer)]
    return max(folders, key=len) if folders else None


def includes_of(root):
    """file -> [(line, quoted, name)]"""
    found = {}
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            # Comments go, their lines stay: a commented include is none, and line numbers hold.
            text = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), path.read_text(encoding="utf-8"))
            found[path.relative_to(root).as_posix()] = [
                (text.count("\n", 0, m.start(2)) + 1, m.group(1) == '"', m.group(2)) for m in INCLUDE.finditer(text)]
    return found


def cycles_of(includes):
    """Each cycle of files that include one another, once."""
    graph = {file: [name for _, quoted, name in list_ if quoted and name in includes]
             for file, list_ in includes.items()}
    done, cycles = set(), []

    def visit(file, trail):
        if file in trail:
            cycles.append(trail[trail.index(file):] + [file])
            return
        if file in done:
            return
        for name in graph[file]:
            visit(name, trail + [file])
        done.add(file)

    for file in graph:
        visit(file, [])
    return cycles


def breaches_of(root):
    includes = includes_of(root)
    breaches = []
    for file, list_ in includes.items():
        layer = layer_of(file)
        if layer is None or (layer in ("proxy", "vrrp") and "/" in file[len(layer) + 1:]):
            breaches.append(f"{file}: stands in a folder that the include table does not know")
            continue
        for line, quoted, name in list_:
            for header, places in DOORS:
                if header.match(name) and not any(under(file, place) for place in places):
                    breaches.append(f"{file}:{line}: <{name}> may only be included by {' and '.join(places)}")
            if not name.startswith(tuple(top + "/" for top in TOPS)):
                if quoted:
                    breaches.append(f'{file}:{line}: "{name}" is not a path from the root')
                continue
            if not (root / name).exists():
                breaches.append(f'{file}:{line}: "{name}" does not exist')
                continue
            target = layer_of(name)
            allowed = target == layer or any(
                name == place if place.endswith(".h") else target == place for place in LAYERS[layer])
            if not allowed:
                breaches.append(f"{file}:{line}: {layer} may not include {name}")
    breaches += ["cycle: " + " -> ".join(cycle) for cycle in cycles_of(includes)]
    return breaches, len(includes)


GOOD = {
    "common/error.h": "#include <string>\n",
    "common/loop/loop.h": '#include "common/error.h"\n',
    "common/loop/loop.cpp": '#include "common/loop/loop.h"\n#include <uv.h>\n',
    "common/config_reader.cpp": "#include <toml.hpp>\n",
    "common/crypto.cpp": "#include <openssl/evp.h>\n",
    "proxy/health/health.h": "",
    "proxy/balance/server.h": '#include "proxy/health/health.h"\n',
    "proxy/exchange/answers.h": '#include "proxy/balance/server.h"\n// #include "proxy/runtime/worker.h"\n',
    "proxy/runtime/worker.h": '#include "proxy/exchange/answers.h"\n#include "common/loop/loop.h"\n',
    "proxy/main.cpp": '#include "proxy/runtime/worker.h"\n',
    "vrrp/core/advert.h": '#include "common/error.h"\n',
    "vrrp/net/libnl_netlink.cpp": '#include "vrrp/core/advert.h"\n#include <netlink/route/link.h>\n',
    "ctl/main.cpp": '#include "common/error.h"\n',
}
# What is put into the good tree, and the one complaint it must bring.
BAD = [
    ("proxy/balance/a.h", '#include "common/loop/loop.h"\n', "proxy/balance may not include common/loop/loop.h"),
    ("proxy/balance/a.h", '\n#include "proxy/exchange/answers.h"\n', "proxy/balance/a.h:2: proxy/balance may not"),
    ("common/a.h", '#include "proxy/health/health.h"\n', "common may not include"),
    ("common/a.cpp", '#include "common/loop/loop.h"\n', "common may not include common/loop/loop.h"),
    ("proxy/exchange/a.cpp", '#include "proxy/runtime/worker.h"\n', "proxy/exchange may not include"),
    ("proxy/runtime/a.cpp", '#include "vrrp/core/advert.h"\n', "proxy/runtime may not include vrrp/"),
    ("vrrp/core/a.cpp", '#include "proxy/health/health.h"\n', "vrrp/core may not include proxy/"),
    ("vrrp/core/a.cpp", '#include "common/loop/loop.h"\n', "vrrp/core may not include common/loop"),
    ("ctl/a.cpp", '#include "proxy/runtime/worker.h"\n', "ctl may not include"),
    ("common/a.cpp", "#include <uv.h>\n", "<uv.h> may only"),
    ("proxy/config/a.cpp", "#  include <toml.hpp>\n", "<toml.hpp> may only"),
    ("vrrp/net/a.cpp", "#include <netlink/netlink.h>\n", "<netlink/netlink.h> may only"),
    ("vrrp/runtime/a.cpp", "#include <curl/curl.h>\n", "<curl/curl.h> may only"),
    ("vrrp/runtime/a.cpp", "#include <nftables/libnftables.h>\n", "<nftables/libnftables.h> may only"),
    ("proxy/admin/a.cpp", "#include <openssl/evp.h>\n", "<openssl/evp.h> may only"),
    ("proxy/route/a.cpp", "#include <re2/re2.h>\n", "<re2/re2.h> may only"),
    ("proxy/http/h1.cpp", "#include <nghttp2/nghttp2.h>\n", "<nghttp2/nghttp2.h> may only"),
    ("proxy/health/health.h", '#include "proxy/health/b.h"\n', '"proxy/health/b.h" does not exist'),
    ("proxy/health/a.cpp", '#include "health.h"\n', "is not a path from the root"),
    ("proxy/misc/a.h", "", "does not know"),
    ("common/error.h", '#include "common/error.h"\n', "cycle: common/error.h -> common/error.h"),
]


def self_test():
    def breaches(tree):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in tree.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return breaches_of(Path(folder))[0]

    wrong = [f"the good tree: {breach}" for breach in breaches(GOOD)]
    for name, text, expected in BAD:
        found = breaches({**GOOD, name: text})
        if len(found) != 1 or expected not in found[0]:
            wrong.append(f"{name} with {text!r}: wanted '{expected}', found {found}")
    round_trip = {**GOOD, "common/a.h": '#include "common/b.h"\n', "common/b.h": '#include "common/a.h"\n'}
    if breaches(round_trip) != ["cycle: common/a.h -> common/b.h -> common/a.h"]:
        wrong.append(f"a cycle of two: {breaches(round_trip)}")
    print("\n".join(wrong) or f"{len(BAD) + 2} made-up trees judged rightly")
    return 1 if wrong else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    breaches, files = breaches_of(root)
    if files == 0:
        breaches.append(f"{root}: no sources")
    print("\n".join(breaches) or f"{files} files keep to the include table")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
